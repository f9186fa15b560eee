use std::process::ExitCode;
pub(crate) fn perform(_args: &[String]) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
