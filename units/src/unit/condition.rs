//! What a unit asks of the system before it starts.

pub mod comparison;

use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be asked of the system; systemd.unit(5), "Conditions and Asserts". The answer is the reactor's to find; what follows from it
/// is said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// A path, or a pattern of paths.
    PathExists,
    /// Links are followed.
    PathIsDirectory,
    /// The path itself.
    PathIsSymbolicLink,
    /// Links are followed.
    PathIsMountPoint,
    /// It may be written to.
    PathIsReadWrite,
    /// Of block devices, which no container has.
    PathIsEncrypted,
    /// A regular file with something in it.
    FileNotEmpty,
    /// A regular file that somebody may run.
    FileIsExecutable,
    /// A directory with something in it.
    DirectoryNotEmpty,
    /// `container`, `vm`, `yes`, `no`, `private-users`, or one kind's name.
    Virtualization,
    /// In PID 1's bounding set: `CAP_SYS_TIME`.
    Capability,
    /// `/etc/machine-id` was missing or `uninitialized` when PID 1 began.
    FirstBoot,
    /// A container counts as powered.
    AcPower,
    /// `/usr` is newer than the file `.updated` in this directory.
    NeedsUpdate,
    /// A word of PID 1's own command line, as systemd has it in a container.
    KernelCommandLine,
    /// A security module that takes orders from a container; there is none.
    Security,
    /// `device-tree`, `device-tree-compatible(…)`, `smbios-field(…)`; `uefi` is nothing of a container's.
    Firmware,
    /// systemd's name of it, or `native`.
    Architecture,
    /// Comparisons with the kernel's release.
    KernelVersion,
    /// `kernel` and a comparison with its release. PID 1 has neither systemd's version nor a C library's.
    Version,
    /// A pattern of host names, or a machine's id.
    Host,
    /// Controllers of control groups, or `v1`, `v2`.
    ControlGroupController,
    /// A comparison with the bytes there are.
    Memory,
    /// A comparison with the processors PID 1 may run on.
    Cpus,
    /// PID 1's user: a name, a number, `@system`.
    User,
    /// PID 1's group: a name or a number.
    Group,
    /// A variable of PID 1's, or its name.
    Environment,
    /// Comparisons with fields of os-release(5).
    OsRelease,
    /// A flag of the processor.
    CpuFeature,
    /// A share of time lost for want of memory.
    MemoryPressure,
    /// The same for the processor.
    CpuPressure,
    /// The same for disks.
    IoPressure,
    /// A module of the kernel's, loaded or built in.
    KernelModuleLoaded,
    /// A credential PID 1 was given.
    Credential,
    /// Always holds.
    Null,
}

/// What a question's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// An absolute path.
    Path,
    /// Whether it is to hold at all.
    Yes,
    /// Whatever is not empty.
    Word,
    /// What one of the readers in [`comparison`] understands.
    Read(fn(&str) -> bool),
}

/// Every question, its word in files of ours, and what it takes. In files of systemd's it is the same word in capitals.
pub(crate) const QUESTIONS: [(Question, &str, Takes); 35] = [
    (Question::PathExists, "path-exists", Takes::Path),
    (Question::PathIsDirectory, "path-is-directory", Takes::Path),
    (Question::PathIsSymbolicLink, "path-is-symbolic-link", Takes::Path),
    (Question::PathIsMountPoint, "path-is-mount-point", Takes::Path),
    (Question::PathIsReadWrite, "path-is-read-write", Takes::Path),
    (Question::PathIsEncrypted, "path-is-encrypted", Takes::Path),
    (Question::FileNotEmpty, "file-not-empty", Takes::Path),
    (Question::FileIsExecutable, "file-is-executable", Takes::Path),
    (Question::DirectoryNotEmpty, "directory-not-empty", Takes::Path),
    (Question::Virtualization, "virtualization", Takes::Word),
    (Question::Capability, "capability", Takes::Word),
    (Question::FirstBoot, "first-boot", Takes::Yes),
    (Question::AcPower, "ac-power", Takes::Yes),
    (Question::NeedsUpdate, "needs-update", Takes::Word),
    (Question::KernelCommandLine, "kernel-command-line", Takes::Word),
    (Question::Security, "security", Takes::Word),
    (Question::Firmware, "firmware", Takes::Word),
    (Question::Architecture, "architecture", Takes::Word),
    (Question::KernelVersion, "kernel-version", Takes::Read(|value| comparison::versions(value).is_some())),
    (Question::Version, "version", Takes::Read(|value| comparison::of_program(value).is_some())),
    (Question::Host, "host", Takes::Word),
    (Question::ControlGroupController, "control-group-controller", Takes::Word),
    (Question::Memory, "memory", Takes::Read(|value| comparison::size(value).is_some())),
    (Question::Cpus, "cpus", Takes::Read(|value| comparison::number(value).is_some())),
    (Question::User, "user", Takes::Word),
    (Question::Group, "group", Takes::Word),
    (Question::Environment, "environment", Takes::Word),
    (Question::OsRelease, "os-release", Takes::Read(|value| comparison::fields(value).is_some())),
    (Question::CpuFeature, "cpu-feature", Takes::Word),
    (Question::MemoryPressure, "memory-pressure", Takes::Read(|value| comparison::pressure(value).is_some())),
    (Question::CpuPressure, "cpu-pressure", Takes::Read(|value| comparison::pressure(value).is_some())),
    (Question::IoPressure, "io-pressure", Takes::Read(|value| comparison::pressure(value).is_some())),
    (Question::KernelModuleLoaded, "kernel-module-loaded", Takes::Word),
    (Question::Credential, "credential", Takes::Word),
    (Question::Null, "null", Takes::Yes),
];

impl Question {
    /// Its word in files of ours.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().map_or("", |(_, word, _)| word)
    }

    pub(crate) fn takes(self) -> Takes {
        self.row().map_or(Takes::Word, |(_, _, takes)| takes)
    }

    fn row(self) -> Option<(Self, &'static str, Takes)> {
        QUESTIONS.into_iter().find(|(question, _, _)| *question == self)
    }

    /// Whether the answer is no whatever is asked for.
    pub(crate) fn is_never(self) -> bool {
        matches!(self, Self::PathIsEncrypted | Self::Security)
    }
}

/// A question with its value; that of a question which takes yes or no is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What is asked about.
    pub question: Question,
    /// What exactly.
    pub value: String,
}

impl Test {
    /// Whether the value can be understood. One that cannot has no answer: the condition holds neither as it is nor negated.
    pub(crate) fn is_understood(&self) -> bool {
        match self.question.takes() {
            Takes::Path => self.value.starts_with('/'),
            Takes::Yes => true,
            Takes::Word => !self.value.is_empty(),
            Takes::Read(can) => can(&self.value),
        }
    }
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
    /// Judges by the answers `holds` gives, `None` being that there is none; asks each question at most once, in order, and
    /// assertions last: who is skipped has nothing to assert. So does systemd.
    pub fn judge(&self, mut holds: impl FnMut(&Test) -> Option<bool>) -> Verdict {
        if let Err(text) = self.judge_one(Strength::Condition, &mut holds) {
            return Verdict::Skip(text);
        }
        match self.judge_one(Strength::Assert, &mut holds) {
            Ok(()) => Verdict::Go,
            Err(text) => Verdict::Refuse(text),
        }
    }

    fn judge_one(&self, strength: Strength, holds: &mut impl FnMut(&Test) -> Option<bool>) -> Result<(), String> {
        let mut triggered = None;
        for condition in self.0.iter().filter(|c| c.strength == strength) {
            if condition.triggering && triggered == Some(true) {
                continue;
            }
            let met = holds(&condition.test).is_some_and(|answer| answer != condition.negated);
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
        f.write_str(self.question.word())?;
        if self.value.is_empty() { Ok(()) } else { write!(f, " {}", self.value) }
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
        Condition { test: Test { question: Question::PathExists, value: path.to_owned() }, negated, triggering, strength }
    }

    fn judge(conditions: Vec<Condition>) -> Verdict {
        Conditions(conditions).judge(|test| match test.value.as_str() {
            "/odd" => None,
            path => Some(path == "/there"),
        })
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
        // apparmor.service in a container.
        let both = vec![condition("/no", false, false, a), condition("/neither", false, false, c)];
        assert_eq!(judge(both), Verdict::Skip("path-exists /neither".into()));
    }

    #[test]
    fn what_has_no_answer_does_not_hold_either_way() {
        for negated in [false, true] {
            assert!(matches!(judge(vec![condition("/odd", negated, false, Strength::Condition)]), Verdict::Skip(_)));
        }
    }

    #[test]
    fn every_question_has_a_row_and_a_directive_of_that_name() {
        for (question, word, _) in QUESTIONS {
            assert_eq!(question.word(), word);
            for strength in ["condition", "assert"] {
                let found = crate::systemd::directives::find_kebab("Unit", &format!("{strength}-{word}"));
                assert!(matches!(found.map(|d| d.act), Some(crate::systemd::directives::Act::Condition(of)) if of == question), "{word}");
            }
        }
    }
}
