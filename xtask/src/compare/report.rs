//! `docs/systemd.md`.

use anyhow::Result;

use super::answers::Answers;
use super::judge::Verdict;
use super::tree::Ours;

pub(crate) fn write(_ours: &Ours, _verdict: &Verdict, _answers: &[Answers]) -> Result<()> {
    Ok(())
}
