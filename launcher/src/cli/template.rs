//! The verbs of templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::List;
use crate::store::TemplateName;

/// What stands at the end of `fief template build --help`.
const BUILD: &str = "\
Examples:
  fief template build debian:bookworm
  fief template build ubuntu:noble --include openssh-server,nginx --name web

What mmdebstrap said is kept in /var/log/fief/template-NAME.log.";

/// What stands at the end of `fief template import --help`.
const IMPORT: &str = "\
Examples:
  fief template import alpine:3 alpine-minirootfs.tar.gz
  fief template import mine /srv/chroots/mine
  docker export CONTAINER | fief template import web -

Device nodes are left out: each container gets its own.";

/// `fief template`.
#[derive(Debug, Subcommand)]
pub enum Template {
    /// Build a Debian or Ubuntu template with mmdebstrap
    Build(TemplateBuild),
    /// Make a template out of a tar file (plain, gz, xz, zst) or a folder
    Import(TemplateImport),
    /// List the templates
    #[command(visible_alias = "ls")]
    List(List),
    /// Remove a template that no container lies over
    Remove(TemplateRemove),
}

/// `fief template build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD)]
pub struct TemplateBuild {
    /// What to build, such as debian:bookworm or ubuntu:noble
    #[arg(value_name = "DISTRIBUTION:SUITE")]
    pub source: TemplateName,
    /// Call it otherwise
    #[arg(long, value_name = "NAME")]
    pub name: Option<TemplateName>,
    /// Packages besides the usual ones, joined by commas (repeatable)
    #[arg(long, value_name = "PACKAGE,…", value_delimiter = ',')]
    pub include: Vec<String>,
    /// Where packages come from, if not what the suite's distribution usually is
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// How much mmdebstrap puts in by itself
    #[arg(long, value_parser = ["minbase", "essential", "apt", "buildd", "standard"], default_value = "minbase")]
    pub variant: String,
    /// Replace a template of that name
    #[arg(long)]
    pub replace: bool,
}

/// `fief template import`.
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub struct TemplateImport {
    /// What to call it
    pub name: TemplateName,
    /// A tar file (plain, gz, xz, zst) or a folder with the root of a system; - reads a tar file from standard input
    #[arg(value_name = "FILE|DIR|-")]
    pub from: PathBuf,
    /// Replace a template of that name
    #[arg(long)]
    pub replace: bool,
}

/// `fief template remove`.
#[derive(Debug, Args)]
pub struct TemplateRemove {
    /// The templates
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<TemplateName>,
}
