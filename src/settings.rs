//! The settings: the sum of the modules' own, from four layers.
//!
//! The commented default (`config/ladderd.toml`, built in), a file, the environment
//! (`LADDERD__SECTION__KEY`), flags. All faults of all layers are reported at once.

mod check;
mod load;
mod secrets;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::encode::EncodeConfig;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::sources::SourceFilter;
use crate::{embedded, encryption, http, job, queue, store, telemetry};

pub use load::{Faults, Overrides, Sources};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the embedded store, the embedded queue and the credentials live.
    pub data_dir: PathBuf,
    /// The API and the page.
    pub http: http::Config,
    /// The buckets.
    pub store: store::Config,
    /// The embedded S3 server.
    pub embedded: embedded::Config,
    /// The queue.
    pub queue: queue::Config,
    /// The jobs.
    pub jobs: job::Config,
    /// What no message asks for.
    pub housekeeping: job::housekeeping::Config,
    /// Which objects are sources.
    pub sources: SourceFilter,
    /// Uploads.
    pub uploads: http::uploads::Config,
    /// The rungs, from the smallest to the largest.
    pub ladder: Ladder,
    /// How they are encoded.
    pub encode: EncodeConfig,
    /// What a source may be.
    pub limits: Limits,
    /// Whether segments are encrypted.
    pub encryption: encryption::Config,
    /// The log.
    pub log: telemetry::Config,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/ladderd"),
            http: http::Config::default(),
            store: store::Config::default(),
            embedded: embedded::Config::default(),
            queue: queue::Config::default(),
            jobs: job::Config::default(),
            housekeeping: job::housekeeping::Config::default(),
            sources: SourceFilter::default(),
            uploads: http::uploads::Config::default(),
            ladder: Ladder::default(),
            encode: EncodeConfig::default(),
            limits: Limits::default(),
            encryption: encryption::Config::default(),
            log: telemetry::Config::default(),
        }
    }
}
