//! Whether a recipe works on this machine.

use serde::{Deserialize, Serialize};

/// Result of a recipe's checks and trial encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackendStatus {
    /// Name of the recipe.
    pub name: String,
    /// The highest available one is taken.
    pub priority: i32,
    /// Whether it can be used.
    pub state: BackendState,
    /// Why not; absent where it is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Frames per second that the trial encoded; absent where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_fps: Option<f64>,
}

/// Whether a backend can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendState {
    /// Its trial encode worked.
    Available,
    /// Something is missing or failed.
    Unavailable,
}

impl BackendStatus {
    /// Whether it can be used.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state == BackendState::Available
    }
}

/// The backend that jobs use: the available one with the highest priority.
#[must_use]
pub fn choose(statuses: &[BackendStatus]) -> Option<&BackendStatus> {
    statuses.iter().filter(|s| s.is_available()).max_by_key(|status| status.priority)
}
