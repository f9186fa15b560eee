//! The hands of fief: every system call in typed form, and the only package with `unsafe`.
//!
//! It knows no unit and no container. What it says is what Linux can do: give birth to a process by a plan
//! ([`spawn`]), build mounts by descriptor ([`mount`]), name namespaces ([`namespace`]), drop rights ([`identity`]), filter system calls ([`seccomp`]),
//! speak to both cgroup generations ([`cgroup`]), stay beneath a directory ([`beneath`]), hold a process by
//! descriptor ([`pidfd`]), end the machine ([`power`]).
//!
//! Invariants: a descriptor is an `OwnedFd` or a `BorrowedFd` and is born close-on-exec; between clone and exec a
//! child neither allocates nor locks nor unwinds (test `spawn::tests::child_does_not_allocate`).
#![deny(unsafe_op_in_unsafe_fn)]

pub mod again;
pub mod beneath;
pub mod cgroup;
pub mod heap;
pub mod identity;
pub mod inode;
pub mod memfd;
pub mod mount;
pub mod namespace;
pub mod pidfd;
pub mod power;
pub mod process;
pub mod pty;
mod raw;
pub mod seccomp;
pub mod signal;
pub mod socket;
pub mod spawn;
mod terminal;
pub mod time;
pub mod unix;
pub mod wait;

pub use nix::errno::Errno;
