//! The HTTP API and the web page: one router, one file of handlers per noun, one file of status
//! codes.

pub mod access;
pub mod dead_letters;
pub mod doctor;
mod document;
pub mod drain;
pub mod error;
mod event_stream;
pub mod events;
pub mod failures;
mod flatten;
mod idempotency;
mod machine;
pub mod metrics;
mod page;
pub mod playback;
pub mod playback_view;
mod progress;
pub mod qoe;
pub(crate) mod readiness_log;
pub mod readyz;
mod router;
mod routes;
mod same_origin;
pub mod session;
mod state;
pub mod system;
pub mod tags;
pub mod tokens;
pub mod uploads;
pub mod videos;
pub mod webhooks;

pub use access::for_this_machine;
pub use document::reference;
pub use machine::Machine;
pub use metrics::serve as serve_metrics;
pub use router::{MAX_CONNECTIONS, openapi, router, serve};
pub use state::AppState;

use crate::domain::auth::address;
use crate::domain::declare::{Any, Text, settings};
use crate::server;

settings! {
    /// Server of the API and the web page.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of the API and the web page. For another address than those of this machine, tokens
        /// must be protected on their way: see `trusted_proxies`, `allow_insecure` and the section `tls`.
        listen: String = "127.0.0.1:8080".to_owned(), Text {
            allowed: "address and port, such as 127.0.0.1:8080",
            accepts: server::is_address,
        };
        /// URL at which people and programs reach the page and the API, if that is another than `listen`:
        /// behind a proxy, `https://video.example.com`.
        public_url: String = String::new(), Text {
            allowed: "a URL without a path, or nothing",
            accepts: |url| url.is_empty() || same_origin::is_origin(url),
        };
        /// More names and addresses by which this server is reached. A request for another host is refused with
        /// 421, so that no page of others can pass for the one of this server (DNS rebinding). Names of the
        /// loopback interface, the server's own address and the host of `public_url` need not be listed.
        hosts: Vec<String> = Vec::new(), Text {
            allowed: "names or addresses without a port",
            accepts: same_origin::is_host,
        };
        /// Origins of other pages that may use the API from a browser (CORS). Without an entry, only the
        /// appliance's own page may.
        cors_origins: Vec<String> = Vec::new(), Text {
            allowed: "origins, such as https://app.example.com",
            accepts: same_origin::is_origin,
        };
        /// Origins of other pages that may show the player of a video (`/embed/<id>`) in a frame; `*` stands for all
        /// of them. Without an entry, none may.
        embed_origins: Vec<String> = vec!["*".to_owned()], Text {
            allowed: "*, or origins such as https://app.example.com",
            accepts: |origin| origin == "*" || same_origin::is_origin(origin),
        };
        /// Addresses and networks of proxies in front, such as `10.0.0.0/8`. What they tell of the client
        /// (`X-Forwarded-For`) is believed.
        trusted_proxies: Vec<String> = Vec::new(), Text {
            allowed: "addresses or networks, such as 10.0.0.0/8",
            accepts: address::is_network,
        };
        /// Whether others may reach the API without TLS. Their tokens can be read on the way: only for a network
        /// that you trust.
        allow_insecure: bool = false, Any;
        /// Requests per second of one token, or of one address without one; 0 for no limit.
        requests_per_sec: u32 = 50, 0..=1_000_000;
        /// Requests that one token or address may send at once.
        request_burst: u32 = 1000, 1..=1_000_000;
        /// Seconds after which a request is aborted. Event streams have no limit.
        request_timeout_secs: u64 = 30, 1..=3600;
        /// Largest request body in bytes. Videos are uploaded to the store, not to the API.
        body_limit_bytes: u64 = 1 << 20, 65_536..=64 << 20;
    }
}
