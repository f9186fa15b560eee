//! From plan to running init, in phases that consume each other. A dropped phase undoes itself.
//!
//! ```text
//!   Blueprint ──give_birth──▶ Born ──fit_out──▶ Fitted ──open_gate──▶ Alive
//!                 clone3: the child waits        ids, network            the child enters its groups, walks its steps and
//!                 at the gate                                            becomes init, or tells which step failed
//! ```

use std::os::fd::AsFd as _;
use std::path::Path;

use kernel::namespace::{self, IdRange, Kind};
use kernel::pidfd::PidFd;
use kernel::pty::Pty;
use kernel::spawn::{self, Child, Gate, Outcome, Plan, Step};
use nix::unistd::Pid;

use super::blueprint::Blueprint;
use super::groups::Groups;
use super::stage::Stage;
use crate::config::Host;
use crate::error::{Class, Error};
use crate::network::Wiring;
use crate::store::ContainerConfig;

const STEP: &str = "starting the guest";

/// A child at the gate, in its namespaces but with nothing of its own yet.
#[derive(Debug)]
pub(crate) struct Born {
    // `Some` until the gate is opened; dropped with the rest, the child ends.
    gate: Option<Gate>,
    child: Option<Child>,
    console: Option<Pty>,
    base: u32,
    steps: Vec<String>,
}

/// A child that has all it needs from outside.
#[derive(Debug)]
pub(crate) struct Fitted {
    born: Born,
    wiring: Wiring,
}

/// The guest's init runs.
#[derive(Debug)]
pub(crate) struct Alive {
    /// Its number on the host.
    pub pid: Pid,
    /// It.
    pub pidfd: PidFd,
    /// Its console.
    pub console: Pty,
}

impl Born {
    /// Stages the file systems at the directory `at` and gives birth.
    ///
    /// # Errors
    /// Naming the mount, or what clone3(2) says.
    pub(crate) fn give_birth(plan: Blueprint, at: &Path, groups: &Groups) -> Result<Self, Error> {
        let fail = |cause: &str, e: std::io::Error| Error::new(Class::Start, STEP, cause.to_owned()).source(e);
        let stage = Stage::build(&plan, at)?;
        let gate = Gate::new().map_err(|e| fail("cannot make the gate", e))?;
        let cgroup = groups.guest.unified_directory().map_err(|e| fail("cannot open the guest's group", e))?;
        let clocks = namespace::own(Kind::Time).map_err(|e| fail("cannot open the time namespace", e))?;
        namespace::leave(Kind::Time).map_err(|e| fail("cannot make a time namespace", e.into()))?;
        kernel::time::begin_at_zero().map_err(|e| fail("cannot set the guest's clocks", e))?;
        let Blueprint { steps: own, base, namespaces, .. } = plan;
        let entrances = groups.guest.entrances_of_v1().map_err(|e| fail("cannot open the guest's groups", e))?;
        let mut steps = vec![gate.step()];
        steps.extend(entrances.iter().map(|entrance| Step::JoinCgroup(entrance.as_fd())));
        steps.extend(own);
        let words = steps.iter().skip(1).map(ToString::to_string).collect();
        let child = spawn::spawn_owned(&Plan { namespaces, cgroup: cgroup.as_ref().map(|c| c.as_fd()), steps: &steps }, base)
            .map_err(|e| fail("cannot make a process in new namespaces", e));
        // Children from now on live by the host's clocks again. While they are to live by others, vfork(2) is refused before Linux 6.3,
        // and with it posix_spawn(3): nft(8) could not be run.
        namespace::enter(&clocks, Kind::Time).map_err(|e| fail("cannot return to the host's clocks", e.into()))?;
        let child = child?;
        drop(steps);
        let console = stage.go_home();
        Ok(Self { gate: Some(gate), child: Some(child), console: Some(console), base, steps: words })
    }

    /// Does for the child what only the host's root can.
    ///
    /// # Errors
    /// Naming what the kernel refused; the child is gone then.
    pub(crate) fn fit_out(self, host: &Host, config: &ContainerConfig) -> Result<Fitted, Error> {
        let fail = |cause: &str, e: std::io::Error| Error::new(Class::Start, STEP, cause.to_owned()).source(e);
        let pid = self.pid()?;
        namespace::write_id_maps(pid, IdRange { base: self.base, count: 1 << 16 }).map_err(|e| fail("cannot map ids", e))?;
        // Not what the one who starts it has: a guest that cannot be OOM-killed would leave its limit nothing to end.
        std::fs::write(format!("/proc/{pid}/oom_score_adj"), "0").map_err(|e| fail("cannot set the child's OOM score", e))?;
        let netns = namespace::of(pid, Kind::Net).map_err(|e| fail("cannot open the guest's network", e))?;
        let wiring = Wiring::attach(host, &config.links, netns.as_fd())?;
        Ok(Fitted { born: self, wiring })
    }

    fn pid(&self) -> Result<Pid, Error> {
        self.child.as_ref().map(|c| c.pid).ok_or_else(|| Error::new(Class::Internal, STEP, "there is no child"))
    }
}

impl Drop for Born {
    fn drop(&mut self) {
        drop(self.gate.take());
        if let Some(child) = self.child.take() {
            // At the gate it ends by itself; past it, it must be told.
            let _ = child.pidfd.signal(nix::sys::signal::Signal::SIGKILL);
            let _ = child.reap();
        }
    }
}

impl Fitted {
    /// The child's number on the host.
    ///
    /// # Errors
    /// Never in practice: a fitted child is there.
    pub(crate) fn pid(&self) -> Result<Pid, Error> {
        self.born.pid()
    }

    /// Lets the child go and waits until it is init.
    ///
    /// # Errors
    /// Naming the step of the child that failed.
    pub(crate) fn open_gate(mut self) -> Result<Alive, Error> {
        let fail = |cause: String| Error::new(Class::Start, STEP, cause);
        let gate = self.born.gate.take().ok_or_else(|| fail("the gate was opened twice".into()))?;
        gate.open().map_err(|e| fail("cannot open the gate".into()).source(e))?;
        let child = self.born.child.take().ok_or_else(|| fail("there is no child".into()))?;
        let Child { pid, pidfd, report } = child;
        match report.read() {
            Outcome::Became => {}
            Outcome::Failed(failure) => {
                // The gate is step 0.
                let word = usize::from(failure.step).checked_sub(1).and_then(|i| self.born.steps.get(i));
                let word = word.map_or_else(|| failure.stage.to_string(), Clone::clone);
                let _ = nix::sys::wait::waitpid(pid, None);
                return Err(fail(word).source(std::io::Error::from(failure.errno)));
            }
            Outcome::Garbled => {
                let _ = nix::sys::wait::waitpid(pid, None);
                return Err(fail("the child was killed on its way".into()));
            }
        }
        let console = self.born.console.take().ok_or_else(|| fail("there is no console".into()))?;
        self.wiring.keep();
        Ok(Alive { pid, pidfd, console })
    }
}
