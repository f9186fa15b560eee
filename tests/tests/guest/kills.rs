//! SIGKILL at random moments: the container then runs and obeys, or is cleanly down. Never half.

use std::process::Stdio;
use std::time::Duration;

use tests::{Dice, Host, until};

const ROUNDS: u32 = 50;
/// The exit code of a command for a container that is not in the state for it.
const HAS_ENDED: i32 = 6;

/// What is going on when the signal comes.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Start,
    Run,
    Stop,
}

#[test]
#[ignore = "needs root"]
fn killed_at_random_moments() {
    let host = Host::new();
    let mut dice = Dice::new();
    host.fief(&["create", "k"]).ok();
    for round in 0..ROUNDS {
        let moment = [Moment::Start, Moment::Start, Moment::Run, Moment::Stop][usize::try_from(dice.below(4)).unwrap()];
        let keeper = dice.below(2) == 0;
        // A boot takes some tens of milliseconds: half of the moments are among them.
        let longest = [60_000, 800_000][usize::try_from(dice.below(2)).unwrap()];
        let delay = Duration::from_micros(dice.below(longest));
        eprintln!("round {round}: {moment:?}, {} after {delay:?}", if keeper { "keeper" } else { "command" });
        kill_once(&host, moment, keeper, delay);

        // Whatever was left to do may be done; then it is one or the other.
        until("it has settled", || !matches!(host.state("k").as_str(), "starting" | "stopping"));
        match host.state("k").as_str() {
            "running" | "keeper-lost" => {
                let obeys = host.sh("k", "echo obeys");
                if obeys.code == HAS_ENDED && keeper && matches!(moment, Moment::Start) {
                    // Its start was not through when the keeper went, and it ended by itself after that was looked at.
                    obeys.refused(HAS_ENDED, &["k has just ended"]);
                    until("it is down", || host.state("k") == "stopped");
                } else {
                    assert_eq!(obeys.said(), "obeys\n");
                    assert_eq!(host.state("k"), "running");
                    host.fief(&["stop", "k"]).ok();
                }
            }
            "stopped" | "stale" => {}
            other => panic!("{other}?"),
        }
        assert_eq!(host.state("k"), "stopped");
        host.assert_clean();
    }
    host.fief(&["start", "k"]).ok();
    assert_eq!(host.sh("k", "echo again").said(), "again\n");
}

fn kill_once(host: &Host, moment: Moment, keeper: bool, delay: Duration) {
    let mut command = match moment {
        Moment::Start => host.fief_command(&["start", "k"]),
        Moment::Run => {
            host.fief(&["start", "k"]).ok();
            host.fief_command(&["exec", "k", "--", "sleep", "600"])
        }
        Moment::Stop => {
            host.fief(&["start", "k"]).ok();
            host.fief_command(&["stop", "k"])
        }
    };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The moment is random on purpose, so this waits for nothing.
    std::thread::sleep(delay);
    // The keeper as the record knows it, or, before there is a record, the process in its cgroup.
    let kept = host.pid("k", "keeper").or_else(|| host.processes("k/keeper").first().copied());
    match kept {
        Some(pid) if keeper => host.network(&["kill", "-9", &pid.to_string()]),
        _ => host.network(&["kill", "-9", &child.id().to_string()]),
    };
    // An exec outlives a keeper; nothing here waits for it.
    drop(child.kill());
    child.wait().unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_lost_keeper_is_replaced_and_services_live_on() {
    let host = Host::new();
    host.boot("k", &[]);
    let (init, keeper) = (host.pid("k", "init").unwrap(), host.pid("k", "keeper").unwrap());
    host.network(&["kill", "-9", &keeper.to_string()]).ok();
    until("the keeper is gone", || !std::path::Path::new(&format!("/proc/{keeper}")).exists());
    assert_eq!(host.sh("k", "echo lives").said(), "lives\n");
    assert_eq!(host.pid("k", "init"), Some(init));
    assert_ne!(host.pid("k", "keeper"), Some(keeper));
    assert_eq!(host.state("k"), "running");
    // The new keeper sees a reboot and a poweroff as the old one would have.
    let boots = host.boot_count("k");
    host.sh("k", "reboot").left();
    until("it is back", || host.boot_count("k") == boots + 1 && host.record("k")["ready"] == true);
    host.sh("k", "poweroff").left();
    until("it is off", || host.state("k") == "stopped");
    host.assert_clean();
}
