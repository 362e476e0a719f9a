//! The HTTP API and the web page: one router, one file of handlers per noun, one file of status
//! codes.

pub mod error;
mod page;
mod router;
mod state;
pub mod system;
pub mod uploads;
pub mod videos;

use serde::{Deserialize, Serialize};

pub use router::{router, serve};
pub use state::AppState;

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
