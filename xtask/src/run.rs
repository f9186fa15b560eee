//! Running other programs, with errors that show the command line.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A command from its words.
pub(crate) fn command<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Command {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().as_ref().map_or(OsStr::new("true"), AsRef::as_ref));
    command.args(words).current_dir(crate::place::repository());
    command
}

/// Cargo, the one that runs us.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command([program]);
    command.args(words);
    command
}

/// Runs it with our standard output; fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs it silently; what it said is part of the error if it fails.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Its standard output, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let heard = String::from_utf8_lossy(&output.stdout);
        bail!("{} ended with {}\n{}{}", line(command), output.status, heard, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is in the search path or in the directories of root's programs.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(Into::into)).any(|dir| dir.join(program).is_file())
}

/// Refuses to go on without root; where `sudo` is there, starts the same task again by it.
pub(crate) fn need_root(task: &str) -> Result<()> {
    if is_root()? {
        return Ok(());
    }
    if !has("sudo") {
        bail!("{task} needs root: run `cargo xtask {task}` as root");
    }
    let me = std::env::current_exe().context("cannot find this program")?;
    let mut again = command(["sudo", "--preserve-env=PATH,HOME,CARGO,CARGO_HOME,RUSTUP_HOME,RUSTUP_TOOLCHAIN,CARGO_TARGET_DIR,TERM"]);
    again.arg(me).args(std::env::args_os().skip(1));
    Err(again.exec()).context("cannot run sudo")
}

fn is_root() -> Result<bool> {
    Ok(output(&mut command(["id", "-u"]))?.trim() == "0")
}

/// How the command would be typed.
pub(crate) fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| Path::new(word).display().to_string())
        .collect::<Vec<_>>()
        .join(" ")
}
