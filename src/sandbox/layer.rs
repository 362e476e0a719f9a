//! The state of a layer of the sandbox.

use serde::{Deserialize, Serialize};

use super::error::Error;

/// State of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// `no-new-privs`, `landlock`, `seccomp` or `rlimits`.
    pub name: String,
    /// Whether the kernel enforces all of it.
    pub is_enforced: bool,
    /// Whether the kernel enforces as much of it as `sandbox.mode = "require"` asks for.
    pub is_enough: bool,
    /// The rules in force, or the reason why they are not.
    pub detail: String,
}

/// The part of a layer that the kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// As much as is needed; other layers do the rest.
    Enough,
}

/// A layer that the kernel enforces.
pub(super) struct Applied {
    /// How much of it.
    pub(super) part: Part,
    /// The rules in force.
    pub(super) rules: String,
}

impl Layer {
    pub(super) fn new(name: &str, applied: Result<Applied, Error>) -> Self {
        let part = applied.as_ref().ok().map(|applied| applied.part);
        let detail = applied.map_or_else(|error| error.to_string(), |applied| applied.rules);
        Self {
            name: name.to_owned(),
            is_enforced: part == Some(Part::Whole),
            is_enough: part.is_some(),
            detail,
        }
    }
}
