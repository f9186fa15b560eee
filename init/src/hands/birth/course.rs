//! A plan being drawn up: the steps, and which directive asked for which.

use std::borrow::Cow;
use std::ffi::{CString, NulError};

use kernel::spawn::{Failure, Step};
use units::sandbox::{self, Outcome, Without};

/// Steps in their order.
#[derive(Debug, Default)]
pub(super) struct Course<'a> {
    pub(super) steps: Vec<Step<'a>>,
    asked: Vec<(u16, Cow<'static, str>)>,
    /// What cannot be put in force keeps the service from starting.
    strict: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// A step without which the process is not what it should be.
    pub(super) fn must(&mut self, step: Step<'a>) {
        self.steps.push(step);
    }

    /// A step for a directive, which decides what follows when it fails: see [`units::sandbox`]. What is not in the
    /// table there makes a service faster or fairer, and is passed over.
    pub(super) fn asked(&mut self, directive: &'static str, step: Step<'a>) {
        let must = match sandbox::find(directive).map(|row| row.outcome) {
            Some(Outcome::Kept(_, Without::Refuses)) => true,
            Some(_) => self.strict,
            None => false,
        };
        if let Ok(index) = u16::try_from(self.steps.len()) {
            self.asked.push((index, directive.into()));
        }
        self.steps.push(if must { step } else { Step::Soft(Box::new(step)) });
    }

    /// Who asked for what, to be kept until the child has told.
    pub(super) fn asked_for(self) -> Asked {
        Asked(self.asked)
    }
}

/// Which directive asked for which step.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Asked(Vec<(u16, Cow<'static, str>)>);

impl Asked {
    /// The directive a failed step was for.
    pub(crate) fn by(&self, failure: &Failure) -> Option<Cow<'static, str>> {
        self.0.iter().find(|(step, _)| *step == failure.step).map(|(_, directive)| directive.clone())
    }
}

/// A text for the kernel.
pub(super) fn c(text: impl Into<Vec<u8>>) -> Result<CString, NulError> {
    CString::new(text)
}
