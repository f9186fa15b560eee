//! The leased guest, and what one can do with it from outside: ssh.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::larder::Larder;
use crate::run;
use crate::site::Site;

const NAME: &str = "leased";
/// A script that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) struct Guest<'a> {
    site: &'a Site,
    address: Ipv4Addr,
    /// Where the users' private keys are, by their names.
    keys: PathBuf,
}

impl<'a> Guest<'a> {
    /// Creates it with the key of its tenant, and waits until sshd lets them in.
    pub(super) fn lease(site: &'a Site, larder: &Larder) -> Result<Self> {
        let keys = site.path("/root");
        std::fs::create_dir_all(&keys)?;
        for user in ["root", "ada"] {
            run::quietly(run::command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]).arg(keys.join(user)))?;
        }
        let public = keys.join("root.pub").display().to_string();
        let create = ["create", NAME, "--template", larder.tree.template(), "--memory", "3G", "--procs", "2000", "--ssh-key", &public];
        run::quietly(&mut site.fief(&create))?;
        larder.serve(&site.path(&format!("/var/lib/fief/containers/{NAME}/layer/upper")))?;
        run::quietly(&mut site.fief(&["start", "--wait", NAME]))?;
        let guest = Self { site, address: site.address(NAME)?, keys };
        guest.wait("sshd lets the tenant in", |guest| guest.says("root", false, "true").map(drop))?;
        Ok(guest)
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// A folder of this machine's, for what is needed to speak to it.
    pub(super) fn folder(&self) -> &Path {
        &self.keys
    }

    /// The private key of a user.
    pub(super) fn key(&self, user: &str) -> PathBuf {
        self.keys.join(user)
    }

    /// The public one, as a line of authorized_keys.
    pub(super) fn public(&self, user: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.key(user).with_extension("pub"))?.trim().to_owned())
    }

    /// Which boot it is in.
    pub(super) fn boot(&self) -> Result<u64> {
        self.site.record(NAME)?.get("boot").and_then(serde_json::Value::as_u64).context("the record tells no boot")
    }

    fn ssh(&self, user: &str) -> Command {
        let mut ssh = run::command(["timeout", "--kill-after=5", &PATIENCE.as_secs().to_string(), "ssh", "-i"]);
        ssh.arg(self.key(user)).args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=60"]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        ssh.arg(format!("{user}@{}", self.address));
        ssh
    }

    /// What a script says in a session of the user's, at a terminal or not; an error is what it said when it failed.
    pub(super) fn says(&self, user: &str, terminal: bool, script: &str) -> Result<String> {
        let mut ssh = self.ssh(user);
        if terminal {
            // What a terminal is fed with it shows: the script is no input there.
            ssh.args(["-tt", "--"]).arg(format!("bash -euc '{}'", script.replace('\'', "'\\''")));
        } else {
            ssh.args(["-T", "--", "bash -seu"]);
        }
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot run ssh")?;
        let pipe = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // A shell that ends early does not read its script to the end.
            scope.spawn(move || pipe.map(|mut pipe| if terminal { Ok(()) } else { pipe.write_all(script.as_bytes()) }));
            child.wait_with_output()
        })?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().replace('\r', "");
        if output.status.success() { Ok(said) } else { bail!("{said}\n({})", output.status) }
    }

    /// Looks until it is so.
    pub(super) fn wait(&self, what: &str, mut so: impl FnMut(&Self) -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        while let Err(error) = so(self) {
            ensure!(begun.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}: {error:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}
