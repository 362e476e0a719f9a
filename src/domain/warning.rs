//! Warnings about a source that was published with a fault.

use serde::{Deserialize, Serialize};

/// A fault of a source that was published all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// The end is missing: the camera lost power, the recorder crashed, the upload broke off.
    SourceTruncated,
    /// A part could not be decoded and was skipped.
    SourceDamaged,
    /// A stream could not be decoded and is not in the output.
    StreamLeftOut,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SourceWarning {
    /// Kind of the fault.
    pub code: WarningCode,
    /// A sentence for a person, which names the fault and its place.
    pub message: String,
}
