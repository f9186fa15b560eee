//! Booting the built program as PID 1 of fresh namespaces; see `guest.sh`.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub const INIT: &str = env!("CARGO_BIN_EXE_fief-init");
pub const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest.sh");
pub const POWERED_OFF: i32 = 130;
pub const REBOOTED: i32 = 129;

/// How a boot went.
pub struct Boot {
    pub code: i32,
    pub console: String,
}

impl Boot {
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.console.contains(text), "the console does not show {text:?}:\n{}", self.console);
        self
    }

    #[track_caller]
    pub fn does_not_show(&self, text: &str) -> &Self {
        assert!(!self.console.contains(text), "the console shows {text:?}:\n{}", self.console);
        self
    }

    #[track_caller]
    pub fn ended(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}", self.console);
        self
    }
}

/// Run a command as PID 1.
pub fn as_pid_1(arguments: &[&str]) -> Boot {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("init-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let output = Command::new(GUEST)
        .arg(name)
        .args(arguments)
        // More on a machine that is emulated.
        .env("GUEST_TIMEOUT", std::env::var("GUEST_TIMEOUT").as_deref().unwrap_or("40"))
        .env("container", "fief")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    boot_of(&output)
}

pub fn boot_of(output: &Output) -> Boot {
    let mut console = String::from_utf8_lossy(&output.stdout).into_owned();
    console.push_str(&String::from_utf8_lossy(&output.stderr));
    Boot { code: output.status.code().unwrap_or(-1), console }
}

/// Boot a system of these files (name, text), wanted by multi-user.target unless they are targets.
pub fn boot(files: &[(&str, &str)]) -> Boot {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("multi-user.target.toml"), "description = \"the test\"\n").unwrap();
    for (name, text) in files {
        fs::create_dir_all(path.join(name).parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path.join(name), text).unwrap();
    }
    as_pid_1(&[INIT, "--bare", "--units", path.to_str().unwrap()])
}

/// A unit that runs a shell script, shown on the console, with `ctl` for fiefctl.
pub fn script(after: &str, text: &str) -> String {
    format!(
        "after = [{after}]\n[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''\nctl() {{ {INIT} ctl \"$@\"; }}\n{text}\n''']\n\
         [log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n"
    )
}

/// A service that stays.
pub fn service(command: &str) -> String {
    format!("[service]\ncommand = [\"/bin/sh\", \"-c\", '''{command}''']\n[install]\nwanted-by = [\"multi-user.target\"]\n")
}
