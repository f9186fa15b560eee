//! docs/packages.md, docs/packages-systemd.md: a table with a row for each package, of the last run that had it.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::course::{Seen, Step};
use super::table::{IN_TIME, ROWS, Row};
use super::{document, usual};
use crate::larder::Tree;
use crate::place;

/// One line for the terminal.
pub(super) fn line(row: &Row, seen: &Seen) -> String {
    let mut text = seen.steps().map(|(name, step)| format!("{name}: {}", word(step))).join(", ");
    for (name, step) in seen.steps() {
        if let Some(Err(why)) = step {
            let tail: Vec<&str> = why.lines().rev().take(25).collect();
            let _ = write!(text, "\n-- {}: {name} --\n{}", row.name, tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
    text
}

fn word(step: &Step) -> &'static str {
    match step {
        Some(Ok(())) => "yes",
        Some(Err(_)) => "**no**",
        None => "–",
    }
}

/// Puts the row into the document, in the place of an earlier one; the others stay.
pub(super) fn keep(tree: Tree, row: &Row, seen: &Seen) -> Result<()> {
    let document = place::repository().join(document(tree));
    let old = fs::read_to_string(&document).unwrap_or_default();
    fs::write(&document, render(&old, tree, row, seen)).with_context(|| format!("cannot write {}", document.display()))
}

fn render(old: &str, tree: Tree, row: &Row, seen: &Seen) -> String {
    let fresh = cells(row, seen);
    let known = |name: &str| old.lines().find(|line| line.starts_with(&format!("| {name} |"))).map(str::to_owned);
    let lines: Vec<String> =
        ROWS.iter().filter_map(|each| if each.name == row.name { Some(fresh.clone()) } else { known(each.name) }).collect();
    let well = lines.iter().filter(|line| !line.contains("**no**")).count();
    let about = match tree {
        Tree::Ours => {
            "# Debian's packages in a guest\n\n\
             Made by `cargo xtask packages`, by the steps of each row, in a guest of its own over `fief template build debian:bookworm`: the service\n\
             manager is ours, package systemd is not there."
        }
        Tree::Trixie => {
            "# Packages of Debian 13 in a guest\n\n\
             Made by `cargo xtask packages --trixie`, by the steps of each row, in a guest of its own over `fief template build debian:trixie`: the\n\
             service manager is ours, package systemd is not there."
        }
        Tree::Systemds => {
            "# Debian's packages, by the systemctl of package systemd\n\n\
             Made by `cargo xtask packages --packaged-systemctl`, by the steps of each row, in a guest of its own over a tree with package systemd in\n\
             it: PID 1 is ours, and `systemctl`, in the packages' scripts and in the steps, is systemd's own, unmodified."
        }
    };
    let mut text = format!(
        "{about} Of the {} packages in the table {} have gone through, {well} without a fault.\n\n\
         *Installs*: `apt-get install`, with what the package recommends, ends with 0. *Active*: the units that are active then where systemd is\n\
         PID 1 are. *Answers*: a request of the package's own kind is answered. *Restarts*: and again after a restart of the units. *Reboots*:\n\
         active and answering after a reboot, with nothing done by hand. *Stops*: in {} seconds. *Purges*: `apt-get purge` and `autoremove`\n\
         end with 0 and nothing is left running. A dash: there is nothing of the kind; the remark says why.\n\n\
         | package | version | units | installs | active | answers | restarts | reboots | stops | purges | remark |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
        usual(tree).map_or(ROWS.len(), <[_]>::len),
        lines.len(),
        IN_TIME
    );
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn cells(row: &Row, seen: &Seen) -> String {
    let units = if row.units.is_empty() { "–".to_owned() } else { row.units.join(", ") };
    let steps = seen.steps().map(|(_, step)| word(step)).join(" | ");
    format!("| {} | {} | {units} | {steps} | {} |", row.name, seen.version, row.remark)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_takes_the_place_of_its_earlier_one() {
        let row = |name: &str| ROWS.iter().find(|row| row.name == name).unwrap();
        let bad = Seen { version: "1".into(), installs: Some(Err("no such file".into())), ..Seen::default() };
        let good = Seen { version: "2".into(), installs: Some(Ok(())), ..Seen::default() };
        let text = render(&render("", Tree::Ours, row("redis-server"), &bad), Tree::Ours, row("nginx"), &good);
        assert!(
            text.contains("2 have gone through, 1 without a fault") && text.contains("| redis-server | 1 | redis-server | **no** | – |"),
            "{text}"
        );
        let text = render(&text, Tree::Ours, row("redis-server"), &good);
        assert!(text.contains("2 have gone through, 2 without a fault") && !text.contains("**no**"), "{text}");
        assert!(text.find("| nginx |") < text.find("| redis-server |"), "{text}");
    }
}
