//! A setting as the API shows it.

use serde::Serialize;
use serde_json::Value;

/// Layer that a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// No layer sets the key.
    Default,
    /// The settings file, or the private file of a secret.
    File,
    /// An environment variable.
    Environment,
    /// A flag of `ladderd serve`.
    CommandLine,
}

/// When a new value of a setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TakesEffect {
    /// At a reload (SIGHUP) already.
    OnReload,
    /// At the next start.
    OnRestart,
}

/// A setting, as this process uses it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SettingView {
    /// Key, with dots between the sections.
    pub key: String,
    /// Value; `null` for a secret, whether it is set or not.
    pub value: Value,
    /// Whether the value is a secret, which is never shown.
    pub is_secret: bool,
    /// Value without any layer; `null` for a secret.
    pub default: Value,
    /// Layer that the value comes from.
    pub origin: Origin,
    /// Path of the file, name of the variable or name of the flag that sets the key; absent for a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When a new value takes effect.
    pub takes_effect: TakesEffect,
    /// Meaning, with the allowed values.
    pub doc: String,
}
