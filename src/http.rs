//! The HTTP API and the web page: one router, one file of handlers per noun, one file of status
//! codes.

pub mod error;
mod page;
pub mod readyz;
mod router;
mod state;
pub mod system;
pub mod uploads;
pub mod videos;

pub use router::{MAX_CONNECTIONS, router, serve};
pub use state::AppState;

use crate::domain::declare::{Text, settings};
use crate::server;

settings! {
    /// Server of the API and the web page.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of the API and the web page. The API has no accounts: for a network, put a
        /// proxy that authenticates in front of it.
        listen: String = "127.0.0.1:8080".to_owned(), Text {
            allowed: "address and port, such as 127.0.0.1:8080",
            accepts: server::is_address,
        };
        /// Seconds after which a request is aborted. Event streams have no limit.
        request_timeout_secs: u64 = 30, 1..=3600;
        /// Largest request body in bytes. Videos are uploaded to the store, not to the API.
        body_limit_bytes: u64 = 1 << 20, 65_536..=64 << 20;
    }
}
