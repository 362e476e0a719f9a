//! Settings of the metrics.

use crate::domain::declare::{Text, settings};
use crate::server;

settings! {
    /// Metrics for Prometheus.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of a listener that serves the metrics without TLS and without a token, to clients with
        /// loopback, private and link-local addresses alone. Empty: the metrics are at `/metrics` of the API, for
        /// tokens with the scope `metrics`.
        listen: String = String::new(), Text {
            allowed: "address and port, such as 127.0.0.1:9464, or nothing",
            accepts: |address| address.is_empty() || server::is_address(address),
        };
    }
}
