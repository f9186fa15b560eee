//! What `cargo metadata` says about the packages.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for what it has not")]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

/// One package of the graph.
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) licence: Option<String>,
    /// The C library it binds, if it does.
    pub(super) links: Option<String>,
    /// Whether it runs at compile time only.
    pub(super) proc_macro: bool,
    /// Crate roots of libraries and programs.
    pub(super) roots: Vec<String>,
    /// Whether it is one of ours.
    pub(super) ours: bool,
}

/// The graph of normal dependencies as resolved for this system.
pub(super) struct Graph {
    pub(super) packages: BTreeMap<String, Package>,
    edges: BTreeMap<String, Vec<String>>,
}

impl Graph {
    pub(super) fn read() -> Result<Self> {
        let platform = crate::build::target();
        let words = ["metadata", "--format-version=1", "--locked", "--filter-platform", &platform];
        let text = run::output(&mut run::cargo(&words))?;
        let value: Value = serde_json::from_str(&text).context("cannot read cargo's metadata")?;
        let ours: BTreeSet<&str> = list(&value["workspace_members"]).filter_map(Value::as_str).collect();
        let packages = list(&value["packages"]).map(|p| package(p, &ours)).map(|p| (p.id.clone(), p)).collect();
        let edges = list(&value["resolve"]["nodes"]).map(|n| (text_of(&n["id"]), normal_edges(n))).collect();
        Ok(Self { packages, edges })
    }

    pub(super) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.ours)
    }

    /// What a package needs directly, to run.
    pub(super) fn needs(&self, id: &str) -> impl Iterator<Item = &Package> {
        self.edges.get(id).into_iter().flatten().filter_map(|id| self.packages.get(id))
    }

    /// Everything linked into a package of ours; what only runs at compile time is left out.
    pub(super) fn linked(&self, name: &str) -> Vec<&Package> {
        let mut waiting: Vec<&Package> = self.ours().filter(|package| package.name == name).collect();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(package) = waiting.pop() {
            if !package.proc_macro && seen.insert(&package.id) {
                found.push(package);
                waiting.extend(self.needs(&package.id));
            }
        }
        found
    }
}

fn package(value: &Value, ours: &BTreeSet<&str>) -> Package {
    let kinds = |target: &Value, wanted: &[&str]| list(&target["kind"]).filter_map(Value::as_str).any(|kind| wanted.contains(&kind));
    let id = text_of(&value["id"]);
    Package {
        ours: ours.contains(id.as_str()),
        id,
        name: text_of(&value["name"]),
        licence: value["license"].as_str().map(str::to_owned),
        links: value["links"].as_str().map(str::to_owned),
        proc_macro: list(&value["targets"]).any(|target| kinds(target, &["proc-macro"])),
        roots: list(&value["targets"]).filter(|target| kinds(target, &["lib", "bin"])).map(|target| text_of(&target["src_path"])).collect(),
    }
}

/// A dependency's kind is null for a normal one, else "dev" or "build".
fn normal_edges(node: &Value) -> Vec<String> {
    list(&node["deps"]).filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null())).map(|dep| text_of(&dep["pkg"])).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
