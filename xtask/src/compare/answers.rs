//! Short questions: calendar expressions, spans, names to escape, command lines. Those picked by hand stand in
//! [`questions`], with some hundreds made by a fixed generator.
//!
//! What was asked and answered is written to `units/tests/systemd`, where a test of `units` asks again without systemd.

mod questions;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use units::unit::Command;
use units::value::calendar::{TimeZone, Zone};
use units::value::{Calendar, Limit, read_span};

use super::record::Record;
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

/// What the guest's script asks besides the units: each question on a line, the answers to it between two `@` lines.
pub(crate) fn questions() -> Result<String> {
    let mut script =
        String::from("mkdir -p answers\ncp -RL --parents /usr/share/zoneinfo/Europe/Berlin /usr/share/zoneinfo/America/New_York .\n");
    for (name, list, command) in [
        (
            "calendar",
            questions::calendars(),
            "systemd-analyze calendar --iterations=5 --base-time='2024-02-28 23:59:59 UTC' -- \"$question\"",
        ),
        ("spans", questions::spans(), "systemd-analyze timespan -- \"$question\""),
        ("escapes", questions::escapes(), "systemd-escape -- \"$question\""),
    ] {
        script.push_str(&format!("cat > answers/{name}.asked <<'EOF'\n{}\nEOF\n", list.join("\n")));
        script.push_str(&format!(
            "while IFS= read -r question; do echo '@'; {command} 2>/dev/null </dev/null || echo refused; done < answers/{name}.asked > answers/{name}\n"
        ));
    }
    let lines = questions::lines();
    script.push_str(&format!("printf '%s' '{}' > /run/words\nchmod 755 /run/words\n", WORDS.replace('\'', "'\\''")));
    script.push_str(&format!("cat > answers/lines.asked <<'EOF'\n{}\nEOF\n", lines.join("\n")));
    script.push_str(
        r#"
count=0
while IFS= read -r line; do
    count=$((count + 1))
    printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nEnvironment=ONE="x y" EMPTY= TWO=2\nEnvironment="OPTS=-a '"'"'b c'"'"'"\nStandardOutput=truncate:/tmp/record/answers/line-%s\nExecStart=/run/words %s\n' "$count" "$line" \
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
    let zones: BTreeMap<&str, TimeZone> = ["Europe/Berlin", "America/New_York"]
        .into_iter()
        .filter_map(|name| {
            let file = fs::read(record.path(&format!("usr/share/zoneinfo/{name}"))).ok()?;
            Some((name, TimeZone::read(&file)?))
        })
        .collect();
    let all = [
        sort(record, "calendar", "calendar expressions, five points of each", calendar_answer, &|asked| calendar(asked, &zones))?,
        sort(record, "spans", "time spans", |lines| field(lines, "s: ").unwrap_or_else(refused), &span)?,
        sort(record, "escapes", "escaped names", |lines| lines.concat(), &|asked| units::systemd::escape::escape(asked))?,
        sort(record, "lines", "command lines, run", |lines| lines.concat(), &line)?,
    ];
    Ok(all.into())
}

fn refused() -> String {
    "refused".to_owned()
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
        recorded.push_str(&format!("{asked}\t{left}\n"));
        if left != right {
            match questions::reason(name, &asked, &left) {
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

/// 2024-02-28 23:59:59 UTC, a second before a leap day.
const BASE: i64 = 1_709_164_799;

fn calendar(asked: &str, zones: &BTreeMap<&str, TimeZone>) -> String {
    let Ok(calendar) = asked.parse::<Calendar>() else { return refused() };
    let utc = TimeZone::utc();
    let zone = match &calendar.zone {
        Zone::Local | Zone::Utc => &utc,
        Zone::Named(name) => match zones.get(name.as_str()) {
            Some(zone) => zone,
            None => return refused(),
        },
    };
    let mut said = vec![calendar.to_string()];
    let mut at = BASE * 1_000_000;
    while let Some(next) = calendar.next_in(at, zone).filter(|_| said.len() < 6) {
        said.push(civil(next.div_euclid(1_000_000)));
        at = next;
    }
    said.join(" | ")
}

/// Seconds since the epoch as civil time in UTC ("chrono-Compatible Low-Level Date Algorithms", Howard Hinnant).
fn civil(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let (year, day) = (years + era * 400 + i64::from(month <= 2), of_year - (153 * shifted + 2) / 5 + 1);
    let second = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn span(asked: &str) -> String {
    match read_span(asked) {
        Ok(Limit::At(span)) => span.as_micros().to_string(),
        Ok(Limit::Max) => u64::MAX.to_string(),
        Err(_) => refused(),
    }
}

fn line(asked: &str) -> String {
    let variable = |name: &str| match name {
        "ONE" => Some("x y".to_owned()),
        "EMPTY" => Some(String::new()),
        "TWO" => Some("2".to_owned()),
        "OPTS" => Some("-a 'b c'".to_owned()),
        _ => None,
    };
    // As from a unit's file: a percent sign stands for itself when doubled.
    match Command::read(&format!("/run/words {asked}")) {
        Ok(command) => command.argv(variable).iter().skip(1).map(|word| format!("<{word}>")).collect(),
        Err(_) => refused(),
    }
}
