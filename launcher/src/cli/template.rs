//! The verbs of templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::List;
use crate::store::TemplateName;

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
pub struct TemplateImport {
    /// What to call it
    pub name: TemplateName,
    /// A tar file (plain, gz, xz, zst) or a folder with the root of a system
    #[arg(value_name = "FILE|DIR")]
    pub from: PathBuf,
}

/// `fief template remove`.
#[derive(Debug, Args)]
pub struct TemplateRemove {
    /// The template
    pub name: TemplateName,
}
