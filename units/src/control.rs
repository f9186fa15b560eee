//! What is said over init's control socket: one JSON [`Request`] per line, answered by JSON
//! [`Reply`] lines. Readable with `socat - UNIX-CONNECT:/run/fief/control`.

mod reply;
mod request;

pub use reply::{
    ActiveState, Hello, JobRow, LoadState, LogLine, LogStream, LongTurn, MainExit, Moments, Outcome, Refusal, Reply, SystemState, Turns,
    UnitResult, UnitRow,
};
pub use request::{Detail, EnvironmentRequest, Fragment, Job, KillWhom, LogsRequest, Request, Then, Way};

/// Counts what this protocol has come to mean: a request or a field more is no new number, since requests that are not known
/// are refused and fields of replies that are not known are passed over; one that means something else is.
pub const PROTOCOL: u32 = 2;

/// Where init listens inside a guest.
pub const CONTROL_SOCKET: &str = "/run/fief/control";

/// Why nothing was done with a unit that is not there, in [`Outcome::Refused`].
pub const NO_SUCH_UNIT: &str = "no such unit";

/// The longest request line that is read, in bytes.
pub const REQUEST_LIMIT: usize = 64 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::UnitName;

    #[test]
    fn requests_can_be_written_by_hand() {
        for (line, wanted) in [
            (r#"{"request":"list"}"#, Request::list()),
            (r#"{"request":"start","units":["ssh"]}"#, Request::Start { units: vec![UnitName::new("ssh").unwrap()] }),
            (r#"{"request":"leave","way":"reboot"}"#, Request::Leave { way: Way::Reboot, at_once: false }),
            (r#"{"request":"logs","lines":5}"#, Request::Logs(LogsRequest { lines: Some(5), ..LogsRequest::default() })),
        ] {
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), wanted);
            let again = serde_json::to_string(&wanted).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&again).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_not_known_is_refused_in_a_request_and_passed_over_in_a_reply() {
        for line in [
            "",
            "{}",
            r#"{"request":"dance"}"#,
            r#"{"request":"start","units":["../x"]}"#,
            r#"{"request":"list","x":1}"#,
            r#"{"request":"daemon-reload","x":1}"#,
            r#"{"request":"logs","x":1}"#,
            r#"{"request":"kill","units":["ssh"],"signal":99}"#,
        ] {
            assert!(serde_json::from_str::<Request>(line).is_err(), "{line}");
        }
        let newer = r#"{"reply":"done","results":[{"unit":"ssh","outcome":"ok","y":2}],"x":1}"#;
        assert!(serde_json::from_str::<Reply>(newer).is_ok());
    }

    #[test]
    fn replies_survive_the_way() {
        let line = LogLine {
            number: 1,
            time_ms: 1,
            unit: None,
            pid: None,
            identifier: None,
            stream: LogStream::Init,
            priority: 5,
            facility: 3,
            fields: std::collections::BTreeMap::new(),
            text: "x\u{0}y".into(),
        };
        let ssh = UnitName::new("ssh").unwrap();
        let result = UnitResult { unit: ssh.clone(), outcome: Outcome::Failed("exit code 1".into()) };
        for reply in [Reply::Log(line), Reply::End, Reply::Done { results: vec![result] }, Reply::Leaving { way: Way::Halt }] {
            let text = serde_json::to_string(&reply).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
        }
    }
}
