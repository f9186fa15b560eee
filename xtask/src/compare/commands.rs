//! `cargo xtask compare commands`: the commands of a systemd 252 that is PID 1, and ours in a guest of the same tree, asked the same in
//! the same order.
//!
//! ```text
//!   commands/units.txt, commands/NAME.txt ─▶ two guests of one template ─▶ exit code, stdout, stderr of each line
//!                                                                └─ equal │ a reason in the table │ a fault ─▶ docs/NAME.md
//! ```
//!
//! A difference without a reason is a fault, and so is a reason without a difference.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use crate::build::Profile;
use crate::site::Site;
use crate::{place, run, template};

const TEMPLATE: &str = "debian:commands";
const PACKAGES: &str = "systemd,systemd-sysv";
const UNITS: &str = include_str!("commands/units.txt");

/// The tables, each for two guests of its own.
const TABLES: [Table; 3] = [
    Table { name: "systemctl", title: "systemctl against systemd's", lines: include_str!("commands/systemctl.txt") },
    Table { name: "journalctl", title: "journalctl against systemd's", lines: include_str!("commands/journalctl.txt") },
    Table { name: "helpers", title: "Debian's helpers above both", lines: include_str!("commands/helpers.txt") },
];

/// What is asked in one go, and told in one document.
struct Table {
    name: &'static str,
    title: &'static str,
    lines: &'static str,
}

/// Run inside. Each answer is a block: number and exit code, then each line said with the stream before it.
const ASK: &str = r#"
export LC_ALL=C.UTF-8 SYSTEMD_PAGER= SYSTEMD_COLORS=0 PATH=/run/host/fief/bin:/usr/sbin:/usr/bin:/sbin:/bin
tries=0
until systemctl show --property=Version >/dev/null 2>/tmp/why; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { cat /tmp/why >&2; exit 1; }
    sleep 0.1
done
systemctl is-system-running --wait >/dev/null 2>&1
number=0
ask() {
    timeout 60 sh -c "$1" >/tmp/out 2>/tmp/err </dev/null
    echo "@ $number $?"
    number=$((number + 1))
    sed 's/^/1/' /tmp/out; sed 's/^/2/' /tmp/err
}
"#;

/// A line of the table.
struct Question {
    command: &'static str,
    /// What is said is read by programs.
    is_read: bool,
    reason: Option<&'static str>,
}

/// What was answered.
#[derive(PartialEq, Eq)]
struct Answer {
    code: String,
    said: Vec<String>,
}

/// All tables, or the one of that name.
pub(super) fn perform(only: Option<&str>) -> Result<ExitCode> {
    let tables: Vec<&Table> = TABLES.iter().filter(|table| only.is_none_or(|only| table.name == only)).collect();
    ensure!(!tables.is_empty(), "compare commands: there are {}", TABLES.map(|table| table.name).join(", "));
    run::need_root("compare")?;
    crate::apt::need(&[&[crate::apt::MMDEBSTRAP]])?;
    // The site has a network of its own, and none that leads anywhere.
    let tar = template::tar_with(PACKAGES)?;
    let site = Site::enter_with("compare", Profile::Debug)?;
    run::quietly(site.fief(&["template", "import", TEMPLATE]).arg(&tar))?;
    let root = site.path(&format!("/var/lib/fief/templates/{TEMPLATE}/rootfs"));
    super::give_names_back(&site, &root)?;
    furnish(&root)?;
    let mut faults = 0;
    for table in tables {
        let questions = table.questions();
        let theirs = ask(&site, &format!("{}-theirs", table.name), &["--init", "/lib/systemd/systemd"], &questions)?;
        let ours = ask(&site, &format!("{}-ours", table.name), &[], &questions)?;
        ensure!(theirs.len() == questions.len() && ours.len() == questions.len(), "not every line was answered");
        faults += judge(table, &questions, &theirs, &ours)?;
    }
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The units, where a package has them; and what has a path of its own, which are programs.
fn furnish(root: &Path) -> Result<()> {
    let folder = root.join("usr/lib/systemd/system");
    let is_file = |line: &str| line.starts_with("[fc-") || line.starts_with("[/");
    for block in UNITS.split_inclusive('\n').fold(Vec::<String>::new(), |mut blocks, line| {
        match blocks.last_mut() {
            Some(block) if !is_file(line) => block.push_str(line),
            _ => blocks.push(line.to_owned()),
        }
        blocks
    }) {
        if let Some((name, text)) = block.strip_prefix('[').and_then(|block| block.split_once("]\n")) {
            let path = name.strip_prefix('/').map_or_else(|| folder.join(name), |path| root.join(path));
            fs::write(&path, text)?;
            let mode = if name.starts_with('/') { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
    }
    let linked = root.join("opt/fc-linked.service");
    fs::write(&linked, "[Service]\nExecStart=/bin/sleep infinity\n").with_context(|| format!("cannot write {}", linked.display()))
}

impl Table {
    fn questions(&self) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        for line in self.lines.lines() {
            match line.split_once(' ') {
                Some(("=", command)) => questions.push(Question { command, is_read: true, reason: None }),
                Some(("?", command)) => questions.push(Question { command, is_read: false, reason: None }),
                Some(("!", reason)) => questions.iter_mut().last().into_iter().for_each(|question| question.reason = Some(reason)),
                _ => {}
            }
        }
        questions
    }
}

/// Boots a guest and asks it all.
fn ask(site: &Site, name: &str, options: &[&str], questions: &[Question]) -> Result<Vec<Answer>> {
    println!("asking {name}");
    let create = ["create", name, "--template", TEMPLATE, "--network", "none", "--hostname", "guest"];
    run::quietly(site.fief(&create).args(options))?;
    run::quietly(&mut site.fief(&["start", name]))?;
    let mut child = site.fief(&["exec", name, "--", "sh", "-s"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    let quoted = |question: &Question| format!("ask '{}'\n", question.command.replace('\'', "'\\''"));
    let script = std::iter::once(ASK.to_owned()).chain(questions.iter().map(quoted)).collect::<String>();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the script in {name} failed with {}", output.status);
    writer.join().ok().context("the script could not be written")??;
    run::quietly(&mut site.fief(&["stop", name]))?;
    let mut answers: Vec<Answer> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match (line.strip_prefix("@ ").and_then(|rest| rest.split_once(' ')), answers.last_mut()) {
            (Some((_, code)), _) => answers.push(Answer { code: code.to_owned(), said: Vec::new() }),
            (None, Some(answer)) => answer.said.push(plain(line)),
            (None, None) => {}
        }
    }
    Ok(answers)
}

/// So many hexadecimal digits in a row are an id.
const ID: usize = 12;

/// Without what differs from run to run: numbers, moments, ids, cursors of the log, and how wide a column is.
fn plain(line: &str) -> String {
    let mut out = String::new();
    for letter in without_ids(line.get(1..).unwrap_or_default()).chars() {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if !(matches!(letter, '#' | ' ') && out.ends_with(letter)) {
            out.push(letter);
        }
    }
    let stream = if line.starts_with('2') { "2> " } else { "" };
    format!("{stream}{}", out.trim_end())
}

fn without_ids(line: &str) -> String {
    let is_of_a_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ';' | '=');
    line.split_inclusive(|letter| !is_of_a_word(letter)).fold(String::new(), |mut out, piece| {
        let word = piece.trim_end_matches(|letter| !is_of_a_word(letter));
        let cursor = word.contains(";i=").then(|| word.find("s=")).flatten();
        let id = word.rsplit('=').next().filter(|id| id.len() >= ID && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let shown = match (cursor, id) {
            (Some(start), _) => format!("{}CURSOR", word.get(..start).unwrap_or_default()),
            (None, Some(id)) => format!("{}#", word.strip_suffix(id).unwrap_or_default()),
            (None, None) => word.to_owned(),
        };
        out.push_str(&shown);
        out.push_str(piece.strip_prefix(word).unwrap_or_default());
        out
    })
}

fn judge(table: &Table, questions: &[Question], theirs: &[Answer], ours: &[Answer]) -> Result<usize> {
    let (mut rows, mut faults, mut equal, mut differences) = (String::new(), 0, 0, String::new());
    for ((question, theirs), ours) in questions.iter().zip(theirs).zip(ours) {
        let command = question.command.replace('|', "\\|");
        let is_equal = theirs.code == ours.code && (!question.is_read || theirs.said == ours.said);
        equal += usize::from(is_equal);
        match (is_equal, question.reason) {
            (true, None) => {}
            (false, Some(reason)) => writeln!(differences, "| `{command}` | {} | {} | {reason} |", theirs.code, ours.code)?,
            (true, Some(_)) => {
                faults += 1;
                println!("{}: no difference, but a reason", question.command);
            }
            (false, None) => {
                faults += 1;
                println!(
                    "{}\n  theirs {}: {}\n  ours   {}: {}",
                    question.command,
                    theirs.code,
                    theirs.said.join("\n    "),
                    ours.code,
                    ours.said.join("\n    ")
                );
            }
        }
        let held = if question.is_read { "code and words" } else { "code" };
        let verdict = if is_equal { "equal" } else { "different" };
        writeln!(rows, "| `{command}` | {} | {held} | {verdict} |", theirs.code)?;
    }
    let text = format!(
        "# {}\n\nMade by `cargo xtask compare commands`: two guests of one Debian tree, one with systemd 252 as PID 1 and its \
         commands, one with ours, are asked the same in the same order about units of the same files. Held against each other are the exit code, \
         and where programs read it, what is said on both streams but for numbers, moments, ids and the width of columns.\n\n\
         {} invocations: {equal} equal, {} different.\n\n## Differences\n\n| | systemd's code | ours | why |\n|---|--:|--:|---|\n{differences}\n\
         ## All\n\n| | exit code | held | |\n|---|--:|---|---|\n{rows}",
        table.title,
        questions.len(),
        questions.len() - equal
    );
    let document = format!("docs/{}.md", table.name);
    fs::write(place::repository().join(&document), text).with_context(|| format!("cannot write {document}"))?;
    println!("{}: {} invocations, {equal} equal, {faults} without a reason", table.name, questions.len());
    Ok(faults)
}
