//! What is said over init's control socket: one JSON [`Request`] per line, answered by JSON
//! [`Reply`] lines. Readable with `socat - UNIX-CONNECT:/run/fief/control`.

mod reply;
mod request;

pub use reply::{ActiveState, LoadState, LogLine, LogStream, Outcome, Reply, UnitResult, UnitRow};
pub use request::{LogsRequest, Request, Way};

/// Where init listens inside a guest.
pub const CONTROL_SOCKET: &str = "/run/fief/control";

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
            (r#"{"request":"list"}"#, Request::List),
            (r#"{"request":"start","units":["ssh"]}"#, Request::Start { units: vec![UnitName::new("ssh").unwrap()] }),
            (r#"{"request":"leave","way":"reboot"}"#, Request::Leave { way: Way::Reboot, at_once: false }),
            (r#"{"request":"logs","lines":5}"#, Request::Logs(LogsRequest { lines: Some(5), ..LogsRequest::default() })),
        ] {
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), wanted);
            let again = serde_json::to_string(&wanted).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&again).unwrap(), wanted);
        }
        for line in ["", "{}", r#"{"request":"dance"}"#, r#"{"request":"start","units":["../x"]}"#, r#"{"request":"list","x":1}"#] {
            let _ = serde_json::from_str::<Request>(line);
        }
        assert!(serde_json::from_str::<Request>(r#"{"request":"start","units":["../x"]}"#).is_err());
    }

    #[test]
    fn replies_survive_the_way() {
        let line = LogLine { time_ms: 1, unit: None, stream: LogStream::Init, text: "x\u{0}y".into() };
        let ssh = UnitName::new("ssh").unwrap();
        let result = UnitResult { unit: ssh.clone(), outcome: Outcome::Failed("exit code 1".into()) };
        for reply in [Reply::Log(line), Reply::End, Reply::Done { results: vec![result] }, Reply::Leaving { way: Way::Halt }] {
            let text = serde_json::to_string(&reply).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
        }
    }
}
