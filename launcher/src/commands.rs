//! The verbs, one file each.

use std::process::ExitCode;

use crate::cli::{Cli, Verb};
use crate::config::Host;
use crate::error::Error;

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

/// Does what the command line says.
///
/// # Errors
/// Whatever the verb fails with; [`crate::error::explain`] tells it.
pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    let host = Host::load()?;
    match cli.verb {
        Verb::Create(args) => create::run(&host, args).map(done),
        Verb::Start(args) => start::run(&host, &args).map(done),
        Verb::Stop(args) => stop::run(&host, &args).map(done),
        Verb::Restart(args) => restart::run(&host, &args).map(done),
        Verb::Kill(named) => crate::start::kill(&host, &exists(&host, named.name)?).map(done),
        Verb::Freeze(named) => crate::start::freeze(&host, &exists(&host, named.name)?).map(done),
        Verb::Thaw(named) => crate::start::thaw(&host, &exists(&host, named.name)?).map(done),
        Verb::Enter(args) => exec::enter(&host, &args),
        Verb::Exec(args) => exec::run(&host, args),
        Verb::Console(named) => crate::enter::console(&host, &exists(&host, named.name)?).map(done),
        Verb::Logs(args) => logs::run(&host, &args).map(done),
        Verb::List(args) => list::run(&host, &args).map(done),
        Verb::Show(args) => show::run(&host, &args).map(done),
        Verb::Destroy(args) => destroy::run(&host, &args).map(done),
        Verb::Run(args) => run::run(&host, args),
        Verb::Template(verb) => template::run(&host, verb).map(done),
        Verb::Adopt(args) => adopt::run(&host, args).map(done),
        Verb::Keeper(args) => crate::start::keep(&host, &args.name, &args.handed).map(done),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// The name of a container that there is: a wrong name is told as such whatever the verb.
fn exists(host: &Host, name: crate::store::ContainerName) -> Result<crate::store::ContainerName, Error> {
    crate::store::find(host, &name).map(|config| config.name)
}
