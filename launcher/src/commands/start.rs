//! `fief start`.

use crate::cli::Start;
use crate::config::Host;
use crate::error::Error;
use crate::start::{self, StartOptions, Wait};
use crate::{store, template};

use super::{adopt, output};

pub(super) fn run(host: &Host, args: &Start) -> Result<(), Error> {
    let wait = match (args.no_wait, args.wait) {
        (true, _) => Wait::Born,
        (false, true) => Wait::Boot,
        (false, false) => Wait::Ready,
    };
    let options = StartOptions { wait, foreground: args.foreground, timeout: args.timeout };
    if args.dry_run {
        store::find(host, &args.name)?;
        return output::text(&start::dry_run(host, &args.name, options)?);
    }
    let config = adopt::find_healed(host, &args.name)?;
    // Made on first use, so also when somebody removed it in between.
    if config.template.is_builtin() {
        template::builtin::ensure(host)?;
    }
    start::start(host, &args.name, options)
}
