//! `fief template`.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::{List, Template};
use crate::config::Host;
use crate::error::Error;
use crate::template::{self, Listed, build, import};

use super::{output, status};

pub(super) fn run(host: &Host, verb: Template) -> Result<ExitCode, Error> {
    match verb {
        Template::Build(args) => build::run(host, &args).map(drop).map(super::done),
        Template::Import(args) => import::run(host, &args.name, &args.from, args.replace).map(drop).map(super::done),
        Template::List(args) => list(host, &args).map(super::done),
        Template::Remove(args) => super::each(&args.names, |name| template::remove(host, name)),
    }
}

/// A template, as `--json` promises it. `null` where the manifest cannot be read.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: Option<&'static str>,
    size: Option<u64>,
    created: Option<String>,
    source: Option<String>,
    used_by: Vec<String>,
    error: Option<String>,
}

impl From<Listed> for Row {
    fn from(listed: Listed) -> Self {
        let (manifest, error) = match listed.manifest {
            Ok(manifest) => (Some(manifest), None),
            Err(error) => (None, Some(error.line())),
        };
        Self {
            name: listed.name.to_string(),
            kind: manifest.as_ref().map(|manifest| manifest.kind.word()),
            size: manifest.as_ref().map(|manifest| manifest.size),
            created: manifest.as_ref().map(|manifest| manifest.created.clone()),
            source: manifest.map(|manifest| manifest.source),
            used_by: listed.users.iter().map(ToString::to_string).collect(),
            error,
        }
    }
}

fn list(host: &Host, args: &List) -> Result<(), Error> {
    let all: Vec<Row> = template::all(host)?.into_iter().map(Row::from).collect();
    if args.quiet {
        return output::lines(all.iter().map(|row| row.name.as_str()));
    }
    if args.json {
        return output::json(&all);
    }
    let cells = |row: &Row| {
        vec![
            row.name.clone(),
            row.kind.unwrap_or("broken").to_owned(),
            row.size.map(status::bytes).unwrap_or_default(),
            row.created.clone().unwrap_or_default(),
            row.used_by.join(" "),
            row.error.clone().or_else(|| row.source.clone()).unwrap_or_default(),
        ]
    };
    let head = ["NAME", "KIND", "SIZE", "CREATED", "USED BY", "SOURCE"];
    output::table(&head, &all.iter().map(cells).collect::<Vec<_>>())
}
