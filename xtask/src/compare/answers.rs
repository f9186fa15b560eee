//! Short questions: calendar expressions, spans, names to escape, command lines, conditions. Those picked by hand stand in
//! [`questions`], with some hundreds made by a fixed generator.
//!
//! What was asked and answered is written to `units/tests/systemd`, where the test `recorded` of `units` asks again without
//! systemd; what we say is one source file for both.

#[path = "../../../units/tests/systemd/ours.rs"]
pub(crate) mod ours;
mod questions;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use units::value::calendar::TimeZone;

use super::record::{Properties, Record};
use crate::place;

/// How one sort of question came out.
pub(crate) struct Answers {
    pub(crate) what: &'static str,
    pub(crate) asked: usize,
    /// Answered otherwise for a reason: how many.
    pub(crate) explained: BTreeMap<&'static str, usize>,
    pub(crate) faults: Vec<String>,
}

impl Answers {
    pub(crate) fn summary(&self) -> String {
        let explained: usize = self.explained.values().sum();
        format!("{}: {} asked, {explained} answered otherwise for a reason, {} without", self.what, self.asked, self.faults.len())
    }
}

/// The words a service prints, each in angle brackets.
const WORDS: &str = "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\necho\n";

/// Judges the assignments of a question, each an argument: what it says of both lists.
const CONDITION: &str =
    r#"printf '%s' "$question" | sed 's/ & /\n/g' | xargs -d '\n' systemd-analyze condition -- 2>&1 | tr '\n' ' '; echo"#;

/// The zones that expressions name.
const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "GMT"];

/// Writes down what systemd says of the units of our own writing, as far as it is what they say alone; how many values.
pub(crate) fn write_shown(agreed: &BTreeMap<String, Properties>) -> Result<usize> {
    let ours = ours::shown(agreed.keys().map(String::as_str));
    let mut text = String::new();
    let mut count = 0;
    for (name, properties) in agreed {
        text.push_str(&format!("[{name}]\n"));
        for (property, values) in properties {
            if ours.get(name).and_then(|mine| mine.get(property)) == Some(values) {
                count += 1;
                values.iter().for_each(|value| text.push_str(&format!("{property}={value}\n")));
            }
        }
        text.push('\n');
    }
    let path = place::repository().join("units/tests/systemd/shown.txt");
    fs::write(&path, text.trim_end().to_owned() + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(count)
}

/// What the guest's script asks besides the units: each question on a line, the answers to it between two `@` lines.
pub(crate) fn questions() -> Result<String> {
    let mut script = String::from("mkdir -p answers\n");
    for zone in ZONES {
        script.push_str(&format!("cp -RL --parents /usr/share/zoneinfo/{zone} .\n"));
    }
    script.push_str("mkdir /run/facts\ncd /run/facts\n");
    for (_, made, _) in ours::FACTS {
        script.push_str(&format!("{made}\n"));
    }
    script.push_str("cd /tmp/record\n");
    for (name, list, command) in [
        (
            "calendar",
            questions::calendars(),
            "systemd-analyze calendar --iterations=5 --base-time='2024-02-28 23:59:59 UTC' -- \"$question\"",
        ),
        ("spans", questions::spans(), "systemd-analyze timespan -- \"$question\""),
        ("escapes", questions::escapes(), "systemd-escape -- \"$question\""),
        ("conditions", questions::conditions(), CONDITION),
    ] {
        script.push_str(&format!("cat > answers/{name}.asked <<'EOF'\n{}\nEOF\n", list.join("\n")));
        script.push_str(&format!(
            "while IFS= read -r question; do echo '@'; {{ {command}; }} 2>/dev/null </dev/null || echo refused; done < answers/{name}.asked > answers/{name}\n"
        ));
    }
    let lines = questions::lines();
    script.push_str(&format!("cat > /run/words <<'EOF'\n{WORDS}EOF\nchmod 755 /run/words\n"));
    script.push_str(&format!("cat > /run/words.service <<'EOF'\n{}EOF\n", ours::SERVICE));
    script.push_str(&format!("cat > answers/lines.asked <<'EOF'\n{}\nEOF\n", lines.join("\n")));
    script.push_str(
        r#"
count=0
while IFS= read -r line; do
    count=$((count + 1))
    { cat /run/words.service; printf 'StandardOutput=append:/tmp/record/answers/line-%s\nExecStart=/run/words %s\n' "$count" "$line"; } \
        > "/run/systemd/system/words-$count.service"
done < answers/lines.asked
systemctl daemon-reload
seq "$count" | sed 's/.*/words-&.service/' | xargs -d '\n' systemctl start 2>/dev/null || true
for number in $(seq "$count"); do echo '@'; cat "answers/line-$number" 2>/dev/null || echo refused; rm -f "answers/line-$number"; done > answers/lines
"#,
    );
    Ok(script)
}

/// Questions with their answers.
fn pairs(record: &Record, name: &str) -> Result<Vec<(String, Vec<String>)>> {
    let asked = record.text(&format!("answers/{name}.asked"))?;
    let text = record.text(&format!("answers/{name}"))?;
    let mut answers: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        match (line, answers.last_mut()) {
            ("@", _) => answers.push(Vec::new()),
            (line, Some(last)) => last.push(line.to_owned()),
            (_, None) => {}
        }
    }
    Ok(asked.lines().map(str::to_owned).zip(answers).collect())
}

pub(crate) fn judge(record: &Record) -> Result<Vec<Answers>> {
    let zone = |name: &str| TimeZone::read(&fs::read(record.path(&format!("usr/share/zoneinfo/{name}"))).ok()?);
    let all = [
        sort(record, "calendar", "calendar expressions, five points of each", calendar_answer, &|asked| ours::calendar(asked, zone))?,
        sort(record, "spans", "time spans", |lines| field(lines, "s: ").unwrap_or_else(refused), &ours::span)?,
        sort(record, "escapes", "escaped names", |lines| lines.concat(), &ours::escaped)?,
        sort(record, "lines", "command lines, run", |lines| lines.join("\\n"), &ours::line)?,
        sort(record, "conditions", "conditions and assertions", condition_answer, &ours::conditions)?,
    ];
    Ok(all.into())
}

fn refused() -> String {
    ours::REFUSED.to_owned()
}

/// Holds one sort of question against ours, and writes it down for the test of `units`.
fn sort(
    record: &Record,
    name: &str,
    what: &'static str,
    theirs: impl Fn(&[String]) -> String,
    ours: &dyn Fn(&str) -> String,
) -> Result<Answers> {
    let mut answers = Answers { what, asked: 0, explained: BTreeMap::new(), faults: Vec::new() };
    let mut recorded = String::new();
    for (asked, lines) in pairs(record, name)? {
        answers.asked += 1;
        let (left, right) = (theirs(&lines), ours(&asked));
        // An answer that is not to be ours is not for the test.
        let reason = questions::reason(name, &asked, &left).filter(|_| left != right);
        if reason.is_none() {
            recorded.push_str(&format!("{asked} ⇒ {left}\n"));
        }
        if left != right {
            match reason {
                Some(why) => *answers.explained.entry(why).or_default() += 1,
                None => answers.faults.push(format!("{name}: `{asked}`: systemd says `{left}`, we say `{right}`")),
            }
        }
    }
    let path = place::repository().join(format!("units/tests/systemd/{name}.txt"));
    fs::write(&path, recorded).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(answers)
}

fn field(lines: &[String], name: &str) -> Option<String> {
    lines.iter().find_map(|line| Some(line.split_once(name)?.1.trim().to_owned()))
}

/// `Normalized form: …`, then `Next elapse: …` and `Iteration #2: …` in the machine's zone, which is UTC.
fn calendar_answer(lines: &[String]) -> String {
    let Some(normal) = field(lines, "Normalized form: ") else { return refused() };
    let points = lines.iter().filter(|line| line.contains("Next elapse: ") || line.contains("Iter"));
    let stamp = |line: &String| {
        let mut words = line.split(": ").nth(1)?.split_whitespace();
        Some(format!("{} {}", words.nth(1)?, words.next()?))
    };
    std::iter::once(normal).chain(points.filter_map(stamp)).collect::<Vec<_>>().join(" | ")
}

/// `Asserts failed.`, `Conditions succeeded.`
fn condition_answer(lines: &[String]) -> String {
    let said = lines.concat();
    let has = |words: &str| said.contains(words);
    match (has("Asserts failed"), has("Conditions failed")) {
        // It tells of both; PID 1 asks the conditions first and is content with a no (`unit_start`).
        (_, true) => "skip".to_owned(),
        (true, false) => "refuse".to_owned(),
        // One that is passed over with a word leaves nothing that could fail.
        (false, false) => "go".to_owned(),
    }
}
