//! PID 1 reaps what others leave.

use tests::{Host, until};

#[test]
#[ignore = "needs root"]
fn ten_thousand_orphans_leave_no_zombie() {
    let host = Host::new();
    host.boot("a", &[]);
    let services = host.processes("a/limit/guest");
    assert!(services.len() > 1, "nothing but init runs");
    // ( : & ) forks twice; the first child is gone at once, so the second is an orphan.
    host.sh("a", "i=0; while [ $i -lt 10000 ]; do ( : & ); i=$((i+1)); done").ok();
    let zombies = || host.sh("a", "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '").stdout.trim().to_owned();
    until("the zombies are gone", || zombies() == "0");
    until("only the services are left", || host.processes("a/limit/guest") == services);
    assert_eq!(host.state("a"), "running");
}
