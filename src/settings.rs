//! The settings: the sections of all modules, read from four layers.
//!
//! Later layers win: the defaults, a TOML file, the environment (`LADDERD__SECTION__KEY`), flags.
//! [`Settings::load`] reports the faults of all layers at once. Each module declares its own
//! section (see [`declare`](crate::domain::declare)); the generated documents read from there.

mod document;
mod load;
mod reload;
mod secrets;
mod show;
mod takes_effect;

use std::path::PathBuf;

use crate::domain::declare::{Any, Nested, Violation, settings};
use crate::domain::encode::EncodeConfig;
use crate::domain::ladder::{Ladder, Rising};
use crate::domain::limits::Limits;
use crate::domain::sources::SourceFilter;
use crate::domain::visibility;
use crate::{
    auth, changes, embedded, encryption, events, http, job, metrics, play, pull, queue, sandbox,
    store, telemetry, tls, webhook,
};

pub use document::{default_toml, reference};
pub use load::{Faults, Loaded, Overrides, Sources};
pub use reload::Reloaded;

settings! {
    /// All settings.
    pub struct Settings {
        /// Folder of the embedded store, the embedded queue and their credentials.
        data_dir: PathBuf = PathBuf::from("/var/lib/ladderd"), Any;
        /// Server of the API and the web page.
        http: http::Config = http::Config::default(), Nested;
        /// Accounts: who may upload, see and manage.
        auth: auth::Config = auth::Config::default(), Nested;
        /// Encryption of connections: the certificate of this server, and the authorities that it trusts.
        tls: tls::Config = tls::Config::default(), Nested;
        /// Names and addresses of the two buckets.
        store: store::Config = store::Config::default(), Nested;
        /// The S3 server in this process, for `store.kind = "embedded"`.
        embedded: embedded::Config = embedded::Config::default(), Nested;
        /// Queue of jobs.
        queue: queue::Config = queue::Config::default(), Nested;
        /// Limits and timeouts of jobs.
        jobs: job::Config = job::Config::default(), Nested;
        /// Periodic work: queueing of uploads whose event was lost, removal of what failed attempts
        /// and abandoned uploads left behind.
        housekeeping: job::housekeeping::Config = job::housekeeping::Config::default(), Nested;
        /// News of changed videos among the boxes that share two buckets.
        changes: changes::Config = changes::Config::default(), Nested;
        /// Events of videos, which event streams and webhooks tell.
        events: events::Config = events::Config::default(), Nested;
        /// Webhooks: events are posted to endpoints.
        webhooks: webhook::Config = webhook::Config::default(), Nested;
        /// Selection of the objects in the private bucket that are videos. Other objects are left
        /// alone. Letter case is ignored.
        sources: SourceFilter = SourceFilter::default(), Nested;
        /// Videos that say nothing else about themselves.
        videos: visibility::Config = visibility::Config::default(), Nested;
        /// Playback of private videos.
        playback: play::Config = play::Config::default(), Nested;
        /// Metrics for Prometheus.
        metrics: metrics::Config = metrics::Config::default(), Nested;
        /// Quality of playback, as players of the page report it.
        qoe: metrics::qoe::Config = metrics::qoe::Config::default(), Nested;
        /// Size and transfer of uploads.
        uploads: http::uploads::Config = http::uploads::Config::default(), Nested;
        /// Sources that are pulled from URLs.
        pulls: pull::Config = pull::Config::default(), Nested;
        /// The rungs, from the smallest to the largest. A source is never scaled up.
        ladder: Ladder = Ladder::default(), Rising;
        /// Encoder settings that hold for all rungs.
        encode: EncodeConfig = EncodeConfig::default(), Nested;
        /// Largest source that is accepted. A larger one fails at once; each limit has its own failure
        /// code.
        limits: Limits = Limits::default(), Nested;
        /// The sandbox of the processes that decode and encode.
        sandbox: sandbox::Config = sandbox::Config::default(), Nested;
        /// Encryption of segments, and its keys.
        encryption: encryption::Config = encryption::Config::default(), Nested;
        /// The log, which goes to standard error.
        log: telemetry::Config = telemetry::Config::default(), Nested;
    }
    also check_across_sections;
}

/// The rules between keys of different sections.
fn check_across_sections(settings: &Settings) -> Vec<Violation> {
    let is_sqs = settings.queue.kind == queue::Kind::Sqs;
    let is_embedded = settings.store.kind == store::Kind::Embedded;
    let mut faults = Vec::new();
    if is_sqs && is_embedded {
        let allowed = "embedded, as the embedded store sends no events to SQS";
        faults.push(Violation::new("queue.kind", allowed));
    }
    if settings.auth.mode == auth::Mode::Proxy && settings.http.trusted_proxies.is_empty() {
        let allowed = "tokens, as http.trusted_proxies names nobody who may sign people in";
        faults.push(Violation::new("auth.mode", allowed));
    }
    faults
}
