//! The form of a rule.

use serde::Serialize;

/// A rule of HLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Id: `7.4` of Apple's specification, `RFC 8216 4.3.3.1` of the RFC, a word for a rule of this project.
    #[serde(skip)]
    pub id: &'static str,
    /// The rule in our own words.
    pub says: &'static str,
    /// An example that breaks it.
    #[serde(skip)]
    pub breaks: &'static str,
    /// The way to mend a stream that breaks it.
    pub mend: &'static str,
}

pub(super) const fn rule(
    id: &'static str,
    says: &'static str,
    breaks: &'static str,
    mend: &'static str,
) -> Rule {
    Rule { id, says, breaks, mend }
}
