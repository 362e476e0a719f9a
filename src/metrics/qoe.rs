//! Quality of playback: histograms and counters of the reports of players, and their sum since the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::list::register;
use crate::domain::declare::{Any, settings};
use crate::domain::qoe::{Beacon, Player, Totals};

settings! {
    /// Quality of playback, as players of the page report it.
    #[derive(Eq)]
    pub struct Config {
        /// Whether players report startup, stalls, bitrate and errors to `/v1/beacons`. A report names neither the
        /// viewer nor the video, and only the sum of all reports is kept, in memory.
        enabled: bool = true, Any;
    }
}

/// Label of all samples: nothing else of a report may be one, so that none leads to a viewer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// `page` or `embed`.
    player: &'static str,
}

type Histograms = Family<Labels, Histogram, fn() -> Histogram>;
type Counters = Family<Labels, Counter>;

/// The reports of players since the start. Clones share them.
#[derive(Clone)]
pub struct Qoe {
    since: Timestamp,
    totals: Arc<Mutex<BTreeMap<Player, Totals>>>,
    startup: Histograms,
    rebuffer_ratio: Histograms,
    mean_bitrate: Histograms,
    views: Counters,
    errors: Counters,
    rebuffers: Counters,
    dropped_frames: Counters,
    switches: Counters,
}

impl Qoe {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let startup: Histograms = Family::new_with_constructor(|| {
            Histogram::new([0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0])
        });
        let rebuffer_ratio: Histograms = Family::new_with_constructor(|| {
            Histogram::new([0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5])
        });
        let mean_bitrate: Histograms = Family::new_with_constructor(|| {
            Histogram::new([250e3, 500e3, 1e6, 2e6, 3e6, 4e6, 6e6, 8e6, 12e6, 20e6, 40e6])
        });
        let counters =
            |registry: &mut Registry, name| register(registry, name, Counters::default());
        Self {
            since: Timestamp::now(),
            totals: Arc::default(),
            startup: register(registry, "ladderd_qoe_startup_seconds", startup),
            rebuffer_ratio: register(registry, "ladderd_qoe_rebuffer_ratio", rebuffer_ratio),
            mean_bitrate: register(registry, "ladderd_qoe_mean_bitrate_bps", mean_bitrate),
            views: counters(registry, "ladderd_qoe_views_total"),
            errors: counters(registry, "ladderd_qoe_errors_total"),
            rebuffers: counters(registry, "ladderd_qoe_rebuffers_total"),
            dropped_frames: counters(registry, "ladderd_qoe_dropped_frames_total"),
            switches: counters(registry, "ladderd_qoe_switches_total"),
        }
    }

    /// Counts a report.
    pub fn note(&self, beacon: &Beacon) {
        let (view, labels) = (beacon.view(), Labels { player: beacon.player.name() });
        let observe = |histograms: &Histograms, value: Option<f64>| {
            if let Some(value) = value {
                histograms.get_or_create(&labels).observe(value);
            }
        };
        observe(&self.startup, view.startup_secs);
        observe(&self.rebuffer_ratio, view.rebuffer_ratio());
        observe(&self.mean_bitrate, view.mean_bps);
        for (counters, count) in [
            (&self.views, 1),
            (&self.errors, view.errors),
            (&self.rebuffers, view.rebuffers),
            (&self.dropped_frames, view.dropped_frames),
            (&self.switches, view.switches),
        ] {
            counters.get_or_create(&labels).inc_by(u64::from(count));
        }
        self.totals.lock().entry(beacon.player).or_default().add(&view);
    }

    /// Begin of the time that the sums are of.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The sum of the reports of one player.
    #[must_use]
    pub fn totals(&self, player: Player) -> Totals {
        self.totals.lock().get(&player).cloned().unwrap_or_default()
    }
}
