//! System-call filters: rules as data, compiled to classic BPF. seccomp(2), Documentation/userspace-api/seccomp_filter.rst.
//!
//! ```text
//! architecture? ──other──▶ its verdict          (a 32-bit call has other numbers: it must not be taken for a native one)
//! x32 bit?      ──set────▶ killed
//! argument rules, each:  number? ─▶ conditions? ─▶ verdict
//! ladder by number, from the top:  at or above N? ─▶ verdict of that run
//! ```
//!
//! Invariant: a native call gets the verdict of the first argument rule that matches, else that of its number; nothing else is let through but
//! the architectures named. Test: `the_machine_decides_as_the_rules_say` runs the compiled program.
#![allow(unsafe_code)]

use std::collections::BTreeMap;

use nix::errno::Errno;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Allow,
    /// It fails with this error number.
    Errno(u16),
    /// The process is ended, as if by SIGSYS.
    Kill,
}

impl Verdict {
    fn code(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(number) => libc::SECCOMP_RET_ERRNO | u32::from(number),
            Self::Kill => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

/// A sort of system calls: `AUDIT_ARCH_*` of include/uapi/linux/audit.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Architecture {
    X86,
    X86_64,
    Arm,
    Arm64,
}

impl Architecture {
    /// What this program is compiled for.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Self = Self::X86_64;
    /// What this program is compiled for.
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Self = Self::Arm64;

    fn audit(self) -> u32 {
        match self {
            Self::X86 => 0x4000_0003,
            Self::X86_64 => 0xC000_003E,
            Self::Arm => 0x4000_0028,
            Self::Arm64 => 0xC000_00B7,
        }
    }
}

/// One condition on the lower half of an argument: where the kernel takes an `int` or flags, the upper half says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, from 0 to 5.
    pub argument: u8,
    /// These bits of it …
    pub mask: u32,
    /// … compared with this …
    pub value: u32,
    /// … are equal, or are not.
    pub equal: bool,
}

/// A verdict that depends on arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The number of the call.
    pub call: u32,
    /// All of them must hold.
    pub when: Vec<Condition>,
    /// What then follows.
    pub verdict: Verdict,
}

/// A filter before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What becomes of calls by other architectures; those not named are killed.
    pub foreign: Vec<Architecture>,
    /// Looked at first, in order.
    pub rules: Vec<Rule>,
    /// By number.
    pub calls: BTreeMap<u32, Verdict>,
    /// For numbers not in `calls`.
    pub others: Verdict,
}

/// A compiled filter.
#[derive(Debug, Clone)]
pub struct Program(Vec<libc::sock_filter>);

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;
/// `__X32_SYSCALL_BIT`: calls of the x32 kind have the architecture of 64-bit ones.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

#[allow(clippy::cast_possible_truncation)] // the kernel's codes fit in the 16 bits of the field
const fn word(code: u32) -> u16 {
    code as u16
}
const LOAD: u16 = word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
const AND: u16 = word(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K);
const IS: u16 = word(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
const AT_LEAST: u16 = word(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K);
const RETURN: u16 = word(libc::BPF_RET | libc::BPF_K);
/// `BPF_MAXINSNS`.
const LONGEST: usize = 4096;

impl Filter {
    /// A filter that lets everything native through.
    pub fn new() -> Self {
        Self { foreign: Vec::new(), rules: Vec::new(), calls: BTreeMap::new(), others: Verdict::Allow }
    }

    /// As the kernel takes it. `None` when it would be longer than the kernel allows.
    pub fn compile(&self) -> Option<Program> {
        let mut code = Vec::new();
        let mut emit = |op: u16, yes: u8, no: u8, k: u32| code.push(libc::sock_filter { code: op, jt: yes, jf: no, k });
        emit(LOAD, 0, 0, ARCHITECTURE);
        for architecture in &self.foreign {
            emit(IS, 0, 1, architecture.audit());
            emit(RETURN, 0, 0, Verdict::Allow.code());
        }
        emit(IS, 1, 0, Architecture::NATIVE.audit());
        emit(RETURN, 0, 0, Verdict::Kill.code());
        emit(LOAD, 0, 0, NUMBER);
        #[cfg(target_arch = "x86_64")]
        {
            emit(AT_LEAST, 0, 1, X32);
            emit(RETURN, 0, 0, Verdict::Kill.code());
        }
        for rule in &self.rules {
            // Three instructions for a condition, one for the verdict, one to have the number back.
            let conditions = u8::try_from(rule.when.len()).ok().filter(|n| *n < 64)?;
            emit(IS, 0, 3 * conditions + 2, rule.call);
            for (done, condition) in (1..).zip(&rule.when) {
                emit(LOAD, 0, 0, ARGUMENTS + 8 * u32::from(condition.argument));
                emit(AND, 0, 0, condition.mask);
                let out = 3 * (conditions - done) + 1;
                let (yes, no) = if condition.equal { (0, out) } else { (out, 0) };
                emit(IS, yes, no, condition.value);
            }
            emit(RETURN, 0, 0, rule.verdict.code());
            emit(LOAD, 0, 0, NUMBER);
        }
        for (start, verdict) in self.runs().into_iter().rev() {
            emit(AT_LEAST, 0, 1, start);
            emit(RETURN, 0, 0, verdict.code());
        }
        emit(RETURN, 0, 0, self.others.code());
        (code.len() <= LONGEST).then_some(Program(code))
    }

    /// Where another verdict begins, ascending.
    fn runs(&self) -> Vec<(u32, Verdict)> {
        let mut runs = Vec::new();
        let mut sofar = (0, self.others);
        let mut begin = |runs: &mut Vec<(u32, Verdict)>, at: u32, verdict: Verdict| {
            if verdict != sofar.1 {
                runs.push((at, verdict));
            }
            sofar = (at, verdict);
        };
        let mut next = 0;
        for (number, verdict) in &self.calls {
            if *number > next {
                begin(&mut runs, next, self.others);
            }
            begin(&mut runs, *number, *verdict);
            next = number.saturating_add(1);
        }
        begin(&mut runs, next, self.others);
        runs
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new()
    }
}

impl Program {
    /// How many instructions it has.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Puts it in force for the calling thread and all it becomes. Needs `PR_SET_NO_NEW_PRIVS` or CAP_SYS_ADMIN; `EACCES` without. Allocates
    /// nothing.
    pub(crate) fn install(&self) -> Result<(), Errno> {
        let length = u16::try_from(self.0.len()).map_err(|_| Errno::E2BIG)?;
        let program = libc::sock_fprog { len: length, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the kernel reads `len` instructions at `filter` and writes none; both live through the call.
        Errno::result(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) }).map(drop)
    }
}

/// All calls of this architecture that are known here: number and name, ascending. From the kernel's unistd.h as of Linux 6.17.
pub fn calls() -> impl Iterator<Item = (u32, &'static str)> {
    #[cfg(target_arch = "x86_64")]
    const TABLE: &str = include_str!("seccomp/x86_64.txt");
    #[cfg(target_arch = "aarch64")]
    const TABLE: &str = include_str!("seccomp/aarch64.txt");
    TABLE.lines().filter_map(|line| {
        let (number, name) = line.split_once(' ')?;
        Some((number.parse().ok()?, name))
    })
}

/// The number of one call; `None` where this architecture has none of that name.
pub fn number(name: &str) -> Option<u32> {
    calls().find(|(_, known)| *known == name).map(|(number, _)| number)
}

#[cfg(test)]
mod tests;
