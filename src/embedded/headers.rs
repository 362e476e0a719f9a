//! Headers that an object is stored with and answered with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Headers that an object is stored with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    /// An HTTP date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The [`Headers`] of a request. A macro, because the inputs for objects and for uploads have the same
/// fields but no trait.
macro_rules! headers {
    ($input:ident) => {
        $crate::embedded::headers::Headers {
            content_type: $input.content_type,
            cache_control: $input.cache_control,
            content_encoding: $crate::embedded::convert::without_chunks($input.content_encoding),
            content_disposition: $input.content_disposition,
            content_language: $input.content_language,
            expires: $input.expires.as_ref().and_then($crate::embedded::convert::to_http_date),
            metadata: $input.metadata.unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(super) use headers;
