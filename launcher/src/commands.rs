//! The verbs, one file each.

use std::process::ExitCode;

use crate::cli::{Cli, Verb};
use crate::config::Host;
use crate::error::Error;
use crate::store::ContainerName;

mod adopt;
mod create;
mod destroy;
mod exec;
mod list;
mod logs;
mod output;
mod restart;
mod run;
mod settings;
mod show;
mod start;
mod status;
mod stop;
mod template;
mod verify;

/// Does what the command line says.
///
/// # Errors
/// Whatever the verb fails with; [`crate::error::explain`] tells it.
pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    if matches!(cli.verb, Verb::Exec(_) | Verb::Enter(_) | Verb::Run(_)) {
        // First of all, for it begins this command line anew.
        crate::seal::seal()?;
    }
    let host = Host::load()?;
    match cli.verb {
        Verb::Create(args) => create::run(&host, &args).map(done),
        Verb::Start(args) => start::run(&host, &args),
        Verb::Stop(args) => stop::run(&host, &args),
        Verb::Restart(args) => restart::run(&host, &args),
        Verb::Kill(several) => each(&several.names, |name| on(&host, name, crate::start::kill)),
        Verb::Freeze(several) => each(&several.names, |name| on(&host, name, crate::start::freeze)),
        Verb::Thaw(several) => each(&several.names, |name| on(&host, name, crate::start::thaw)),
        Verb::Enter(args) => exec::enter(&host, &args),
        Verb::Exec(args) => exec::run(&host, args),
        Verb::Console(named) => on(&host, &named.name, crate::enter::console).map(done),
        Verb::Logs(args) => logs::run(&host, &args).map(done),
        Verb::List(args) => list::run(&host, &args).map(done),
        Verb::Show(args) => show::run(&host, &args).map(done),
        Verb::Verify(args) => verify::run(&host, &args).map(done),
        Verb::Destroy(args) => destroy::run(&host, &args),
        Verb::Run(args) => run::run(&host, args),
        Verb::Template(verb) => template::run(&host, verb),
        Verb::Adopt(args) => adopt::run(&host, args),
        Verb::Keeper(args) => crate::start::keep(&host, &args.name, &args.handed).map(done),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// Does `what` to a container that there is and that is healed.
fn on(host: &Host, name: &ContainerName, what: fn(&Host, &ContainerName) -> Result<(), Error>) -> Result<(), Error> {
    adopt::find_healed(host, name)?;
    what(host, name)
}

/// Does `what` to each of several, whether or not it worked with the ones before.
fn each<T>(all: impl IntoIterator<Item = T>, what: impl FnMut(T) -> Result<(), Error>) -> Result<ExitCode, Error> {
    outcome(all.into_iter().map(what))
}

/// What came of several: every failure is told when it happens, and the first gives the exit code.
fn outcome(all: impl Iterator<Item = Result<(), Error>>) -> Result<ExitCode, Error> {
    let mut first = None;
    for failure in all.filter_map(Result::err) {
        let code = crate::error::explain(&failure);
        first.get_or_insert(code);
    }
    Ok(first.unwrap_or(ExitCode::SUCCESS))
}
