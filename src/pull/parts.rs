//! The parts of the appliance that pulls need.

use std::time::Duration;

use super::config::Config;
use crate::changes::Changes;
use crate::domain::claim::Claimant;
use crate::drain::Drain;
use crate::events::Events;
use crate::outgoing::Outgoing;
use crate::store::Bucket;

/// The parts of the appliance that pulls need.
pub struct Parts {
    /// Bucket of sources and records.
    pub private: Bucket,
    /// Client for the URLs.
    pub outgoing: Outgoing,
    /// Who is told of changes of videos.
    pub changes: Changes,
    /// Events of videos.
    pub events: Events,
    /// This box.
    pub claimant: Claimant,
    /// Interval at which a pull renews its record: that of the claims of jobs.
    pub renewal: Duration,
    /// The switch that keeps new pulls from starting.
    pub drain: Drain,
    /// Largest file in bytes.
    pub max_size_bytes: u64,
    /// Limits of pulls.
    pub config: Config,
}
