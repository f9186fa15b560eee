//! PID 1 is begun anew under its keeper, which must take it neither for a reboot nor for a crash.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Host, until};

#[test]
#[ignore = "needs root"]
fn the_keeper_does_not_notice_that_init_is_begun_anew() {
    let host = Host::new();
    host.boot("a", &[]);
    let init = host.pid("a", "init").unwrap();
    let boots = host.boot_count("a");
    host.sh("a", "fiefctl reexec").ok();
    until("it has taken over", || host.log("a").contains("has taken over"));
    kill(Pid::from_raw(init), Signal::SIGSEGV).unwrap();
    until("the fault is outlived", || host.log("a").contains("what was written down goes on"));
    assert_eq!(host.sh("a", "fiefctl is-system-running >/dev/null; fiefctl list >/dev/null && cat /proc/1/comm").said(), "init\n");
    assert_eq!(host.pid("a", "init"), Some(init));
    assert_eq!(host.boot_count("a"), boots);
    assert_eq!(host.state("a"), "running");
    host.fief(&["stop", "a"]).ok();
    assert_eq!(host.state("a"), "stopped");
}
