//! The parts of the appliance that pulls need.

use std::time::Duration;

use super::config::Config;
use crate::changes::Changes;
use crate::domain::claim::Claimant;
use crate::outgoing::Outgoing;
use crate::store::Bucket;

/// Interval at which a pull renews its record.
pub(super) const RENEWAL: Duration = Duration::from_secs(5);

/// The parts of the appliance that pulls need.
pub struct Parts {
    /// Bucket of sources and records.
    pub private: Bucket,
    /// Client for the URLs.
    pub outgoing: Outgoing,
    /// Who is told of changes of videos.
    pub changes: Changes,
    /// This box.
    pub claimant: Claimant,
    /// Largest file in bytes.
    pub max_size_bytes: u64,
    /// Limits of pulls.
    pub config: Config,
}
