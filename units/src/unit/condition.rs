use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be asked of the system. The answer is the reactor's to find; what follows from it is
/// said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `path-exists`
    PathExists(String),
    /// `path-is-directory`
    PathIsDirectory(String),
    /// `path-is-symbolic-link`
    PathIsSymbolicLink(String),
    /// `path-is-mount-point`
    PathIsMountPoint(String),
    /// `path-is-read-write`
    PathIsReadWrite(String),
    /// `file-not-empty`
    FileNotEmpty(String),
    /// `file-is-executable`
    FileIsExecutable(String),
    /// `directory-not-empty`
    DirectoryNotEmpty(String),
    /// `virtualization`: `container`, `vm`, `yes`, `no`, `private-users`, or one kind's name.
    Virtualization(String),
    /// `first-boot`: `/etc/machine-id` was missing or `uninitialized` when PID 1 began.
    FirstBoot,
    /// `capability`: in PID 1's bounding set, `CAP_SYS_TIME`.
    Capability(String),
    /// `ac-power`; a container counts as powered.
    AcPower,
    /// A question about something that no container has (`security`, `needs-update`,
    /// `kernel-command-line`): its kind and value. Never holds.
    Never(&'static str, String),
}

/// Whether a test must hold or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The question.
    pub test: Test,
    /// `!`: the answer must be no.
    pub negated: bool,
    /// `|`: of all so marked, one suffices.
    pub triggering: bool,
    /// What follows when it does not hold.
    pub strength: Strength,
}

/// What follows when a condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// `condition`: the unit is skipped, which is no failure.
    Condition,
    /// `assert`: the unit has failed.
    Assert,
}

/// All conditions of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(pub Vec<Condition>);

/// What the conditions come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Start it.
    Go,
    /// A condition does not hold: skip it. The text is the condition.
    Skip(String),
    /// An assertion does not hold: it has failed. The text is the assertion.
    Refuse(String),
}

impl Conditions {
    /// Judges by the answers `holds` gives; asks each question at most once, in order, and
    /// assertions first.
    pub fn judge(&self, mut holds: impl FnMut(&Test) -> bool) -> Verdict {
        if let Err(text) = self.judge_one(Strength::Assert, &mut holds) {
            return Verdict::Refuse(text);
        }
        match self.judge_one(Strength::Condition, &mut holds) {
            Ok(()) => Verdict::Go,
            Err(text) => Verdict::Skip(text),
        }
    }

    fn judge_one(&self, strength: Strength, holds: &mut impl FnMut(&Test) -> bool) -> Result<(), String> {
        let mut triggered = None;
        for condition in self.0.iter().filter(|c| c.strength == strength) {
            if condition.triggering && triggered == Some(true) {
                continue;
            }
            let met = holds(&condition.test) != condition.negated;
            match (condition.triggering, met) {
                (true, met) => triggered = Some(met),
                (false, true) => {}
                (false, false) => return Err(condition.to_string()),
            }
        }
        match triggered {
            Some(false) => {
                let triggers = self.0.iter().filter(|c| c.strength == strength && c.triggering);
                Err(triggers.map(ToString::to_string).collect::<Vec<_>>().join(" or "))
            }
            Some(true) | None => Ok(()),
        }
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, value) = match self {
            Self::PathExists(path) => ("path-exists", path.as_str()),
            Self::PathIsDirectory(path) => ("path-is-directory", path.as_str()),
            Self::PathIsSymbolicLink(path) => ("path-is-symbolic-link", path.as_str()),
            Self::PathIsMountPoint(path) => ("path-is-mount-point", path.as_str()),
            Self::PathIsReadWrite(path) => ("path-is-read-write", path.as_str()),
            Self::FileNotEmpty(path) => ("file-not-empty", path.as_str()),
            Self::FileIsExecutable(path) => ("file-is-executable", path.as_str()),
            Self::DirectoryNotEmpty(path) => ("directory-not-empty", path.as_str()),
            Self::Virtualization(kind) => ("virtualization", kind.as_str()),
            Self::FirstBoot => return f.write_str("first-boot"),
            Self::Capability(name) => ("capability", name.as_str()),
            Self::AcPower => return f.write_str("ac-power"),
            Self::Never(kind, value) => (*kind, value.as_str()),
        };
        write!(f, "{word} {value}")
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("not ")?;
        }
        self.test.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(path: &str, negated: bool, triggering: bool, strength: Strength) -> Condition {
        Condition { test: Test::PathExists(path.to_owned()), negated, triggering, strength }
    }

    fn judge(conditions: Vec<Condition>) -> Verdict {
        Conditions(conditions).judge(|test| *test == Test::PathExists("/there".to_owned()))
    }

    #[test]
    fn all_plain_ones_and_one_triggering_one_must_hold() {
        let c = Strength::Condition;
        assert_eq!(judge(vec![]), Verdict::Go);
        assert_eq!(judge(vec![condition("/there", false, false, c)]), Verdict::Go);
        assert_eq!(judge(vec![condition("/there", true, false, c)]), Verdict::Skip("not path-exists /there".into()));
        let two = vec![condition("/no", false, true, c), condition("/there", false, true, c)];
        assert_eq!(judge(two), Verdict::Go);
        let none = vec![condition("/no", false, true, c), condition("/neither", false, true, c)];
        assert_eq!(judge(none), Verdict::Skip("path-exists /no or path-exists /neither".into()));
        let a = Strength::Assert;
        assert_eq!(judge(vec![condition("/no", false, false, a)]), Verdict::Refuse("path-exists /no".into()));
    }
}
