//! The API and the page.

pub mod uploads;

use serde::{Deserialize, Serialize};

/// How the API is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port.
    pub listen: String,
    /// How long a request may take, event streams excepted.
    pub request_timeout_secs: u64,
    /// The largest request body in bytes.
    pub body_limit_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            request_timeout_secs: 30,
            body_limit_bytes: 1 << 20,
        }
    }
}
