//! systemd's unit files: their syntax, and what each directive means in our model.
//!
//! ```text
//!   text ─ syntax ─▶ Line… ─ directives ─▶ set ─▶ the same draft that TOML fills
//!            words, exec, specifier, escape ┘  └─▶ ignored, with the reason
//! ```
//!
//! systemd.syntax(7), systemd.unit(5). As systemd does, a value that makes no sense is told and
//! then passed over; only what would start something else than was written refuses the unit.

pub(crate) mod calls;
pub(crate) mod directives;
mod document;
pub mod escape;
pub(crate) mod exec;
pub(crate) mod kinds;
pub(crate) mod paths;
pub(crate) mod plumbing;
pub(crate) mod reader;
pub(crate) mod set;
mod specifier;
pub(crate) mod syntax;
pub(crate) mod words;

pub use directives::section_of;
pub use document::directives_document;
pub use plumbing::is_skipped as comes_with_systemd;
pub use set::boolean;
pub(crate) use specifier::Scope;
pub use specifier::Specifiers;

#[cfg(test)]
mod tests;
