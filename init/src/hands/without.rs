//! What units do without: told once for each unit and directive, with the reason.

use std::borrow::Cow;

use supervisor::Life;
use units::UnitName;
use units::sandbox::{self, Outcome};
use units::unit::{Unit, Why};

use super::Hands;

impl Hands {
    /// Restrictions that are never put in force: told, or in a strict unit the reason why it does not start.
    pub(super) fn pass_over(&mut self, unit: &Unit) -> Result<(), String> {
        let strict = unit.service().is_some_and(|service| service.sandbox.strict);
        for ignored in unit.ignored.iter().filter(|ignored| ignored.why == Why::Hardening) {
            let Some(Outcome::PassedOver(reason)) = sandbox::find(ignored.directive).map(|row| row.outcome) else { continue };
            if strict {
                return Err(format!("{} cannot be put in force: {reason}", ignored.directive));
            }
            self.tell_once(&unit.name, ignored.directive.into(), || format!("{} is passed over: {reason}", ignored.directive));
        }
        Ok(())
    }

    /// A process of this life goes on without what a directive asked for.
    pub(super) fn does_without(&mut self, life: Life, directive: impl Into<Cow<'static, str>>, why: &str) {
        let directive = directive.into();
        if let Some(unit) = self.bodies.get(&life).map(|body| body.unit.clone()) {
            let text = format!("{directive} is not in force: {why}");
            self.tell_once(&unit, directive, || text);
        }
    }

    pub(super) fn tell_once(&mut self, unit: &UnitName, directive: Cow<'static, str>, text: impl FnOnce() -> String) {
        if self.told.insert((unit.clone(), directive)) {
            self.remarks.push((unit.clone(), text()));
        }
    }

    /// Lines for the logs of units, since the last time.
    pub(crate) fn take_remarks(&mut self) -> Vec<(UnitName, String)> {
        std::mem::take(&mut self.remarks)
    }
}
