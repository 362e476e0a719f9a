//! Which videos are processed first.

use serde::{Deserialize, Serialize};

/// Turn of a video among those that wait.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Before the others.
    High,
    /// In turn.
    #[default]
    Normal,
    /// After the others, such as videos of an import.
    Low,
}

impl Priority {
    /// Whether it is the default, which records do not state.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}
