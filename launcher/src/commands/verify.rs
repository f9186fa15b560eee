//! `fief verify`.

use units::search::{self, Tree};
use units::{Count, Diagnostic, Reader, Specifiers, UnitName, UnitSet, stock, verify};

use crate::cli::Verify;
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::look::Look;
use crate::store::{self, ContainerName, TemplateName};
use crate::template;

use super::output;

const STEP: &str = "verifying";

pub(super) fn run(host: &Host, args: &Verify) -> Result<(), Error> {
    let (what, look, words) = match (&args.root, args.words.split_first()) {
        (Some(folder), _) => (folder.display().to_string(), Look::folder(folder)?, args.words.as_slice()),
        (None, Some((name, units))) => (name.clone(), named(host, name)?, units),
        (None, None) => return Err(Error::new(Class::Usage, STEP, "neither a NAME nor --root is given")),
    };
    let name = |word: &String| UnitName::new(word).or_fail(Class::Value, STEP, || word.clone());
    let wanted = words.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let found = all(&look, &wanted)?;
    if args.json {
        output::json(&found)?;
    } else {
        output::text(&found.iter().map(|diagnostic| format!("{diagnostic}\n")).collect::<String>())?;
    }
    let count = Count::of(&found);
    let sum = format!("{what}: {count}");
    if count.errors > 0 {
        return Err(Error::new(Class::Units, STEP, sum));
    }
    output::note(&sum);
    Ok(())
}

/// A container, or else a template.
fn named(host: &Host, name: &str) -> Result<Look, Error> {
    if let Ok(container) = name.parse::<ContainerName>() {
        match Look::container(host, &container) {
            Err(error) if error.class() == Class::Missing && store::find(host, &container).is_err() => {}
            looked => return looked,
        }
    }
    match name.parse::<TemplateName>().ok().filter(|name| name.is_builtin() || template::find(host, name).is_ok()) {
        Some(template) => Look::template(host, &template),
        None => Err(Error::new(Class::Missing, STEP, format!("there is no container and no template {name}"))
            .advice("fief list and fief template list show them; --root takes a folder")),
    }
}

/// What is wrong with these units, or with all, as init would read them.
fn all(tree: &dyn Tree, wanted: &[UnitName]) -> Result<Vec<Diagnostic>, Error> {
    let files = search::everything(tree).into_iter().chain(stock::files());
    // What specifiers stand for is known to a system that runs.
    let (set, mut found) = Reader::new(Specifiers::default()).with_instances(instances(wanted)).read(files);
    found.extend(verify::verify(&set, tree));
    if !wanted.is_empty() {
        let files = files_of(&set, wanted)?;
        found.retain(|diagnostic| files.contains(&diagnostic.path.as_str()));
    }
    Ok(found)
}

fn instances(wanted: &[UnitName]) -> Vec<UnitName> {
    wanted.iter().filter(|name| name.template().is_some()).cloned().collect()
}

fn files_of<'a>(set: &'a UnitSet, wanted: &'a [UnitName]) -> Result<Vec<&'a str>, Error> {
    let mut all = Vec::new();
    for name in wanted {
        let files = set.files(name).ok_or_else(|| Error::new(Class::Missing, STEP, format!("there is no unit {name}")))?;
        all.extend(files);
    }
    Ok(all)
}
