//! Quality of playback: reports of players, and what their sum says.
//!
//! Anybody can send a report, so no value of one counts beyond its bound.

use serde::{Deserialize, Serialize};

/// Longest startup that counts, in milliseconds.
const MAX_STARTUP_MS: f64 = 120_000.0;
/// Longest time of one view that counts, in milliseconds: a day.
const MAX_VIEW_MS: f64 = 86_400_000.0;
/// Largest bitrate that counts, in bit/s.
const MAX_BPS: f64 = 1e9;
/// Most events of one kind in a view that count.
const MAX_EVENTS: u32 = 100_000;

/// Upper bound of the first bucket of [`Times`], in seconds.
const FIRST_SECS: f64 = 0.01;
/// Ratio of the bounds of two buckets of [`Times`]. A quantile is off by 5 % at most.
const RATIO: f64 = 1.1;
/// Number of buckets of [`Times`]: the last one ends behind [`MAX_STARTUP_MS`].
const BUCKETS: usize = 100;

/// The page whose player reports.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Player {
    /// The page of the appliance.
    Page,
    /// The player in a page of others (`/embed/<id>`).
    Embed,
}

impl Player {
    /// Its name in the API and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Embed => "embed",
        }
    }
}

/// How playback went, sent once by the player when a view ends. Values that are larger than any real one count as the
/// largest real one.
#[derive(Clone, Debug, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// The page whose player it is.
    pub player: Player,
    /// Milliseconds from the wish to play to the first frame; absent if there was none.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub startup_ms: Option<f64>,
    /// Milliseconds for which the video played.
    #[schema(minimum = 0)]
    pub watched_ms: f64,
    /// Milliseconds for which it stood still after its start, because data was missing.
    #[schema(minimum = 0)]
    pub rebuffer_ms: f64,
    /// Number of times that it stood still.
    pub rebuffers: u32,
    /// Number of errors that ended playback.
    pub errors: u32,
    /// Mean bitrate of what was played, in bit/s.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub mean_bps: Option<f64>,
    /// Frames that were decoded and not shown.
    #[serde(default)]
    pub dropped_frames: Option<u32>,
    /// Number of changes of the rendition.
    #[serde(default)]
    pub switches: Option<u32>,
}

/// A report within its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct View {
    /// Seconds until the first frame.
    pub startup_secs: Option<f64>,
    /// Seconds for which the video played.
    pub watched_secs: f64,
    /// Seconds for which it stood still.
    pub rebuffer_secs: f64,
    /// Number of times that it stood still.
    pub rebuffers: u32,
    /// Number of errors.
    pub errors: u32,
    /// Mean bitrate in bit/s.
    pub mean_bps: Option<f64>,
    /// Frames that were not shown.
    pub dropped_frames: u32,
    /// Number of changes of the rendition.
    pub switches: u32,
}

impl Beacon {
    /// Checks that no value is negative.
    ///
    /// # Errors
    /// The field and its rule.
    pub fn check(&self) -> Result<(), String> {
        let values = [
            ("startup_ms", self.startup_ms),
            ("watched_ms", Some(self.watched_ms)),
            ("rebuffer_ms", Some(self.rebuffer_ms)),
            ("mean_bps", self.mean_bps),
        ];
        let negative = values.into_iter().find(|(_, value)| value.is_some_and(|value| value < 0.0));
        negative.map_or(Ok(()), |(name, _)| Err(format!("{name}: must be 0 or greater")))
    }

    /// The report within its bounds.
    #[must_use]
    pub fn view(&self) -> View {
        let count = |count: Option<u32>| count.unwrap_or_default().min(MAX_EVENTS);
        View {
            startup_secs: self.startup_ms.map(|ms| bounded(ms, MAX_STARTUP_MS) / 1000.0),
            watched_secs: bounded(self.watched_ms, MAX_VIEW_MS) / 1000.0,
            rebuffer_secs: bounded(self.rebuffer_ms, MAX_VIEW_MS) / 1000.0,
            rebuffers: count(Some(self.rebuffers)),
            errors: count(Some(self.errors)),
            mean_bps: self.mean_bps.map(|bps| bounded(bps, MAX_BPS)),
            dropped_frames: count(self.dropped_frames),
            switches: count(self.switches),
        }
    }
}

impl View {
    /// Share of the time for which the video stood still. `None` if it neither played nor stood still.
    #[must_use]
    pub fn rebuffer_ratio(&self) -> Option<f64> {
        ratio(self.rebuffer_secs, self.watched_secs + self.rebuffer_secs)
    }
}

fn bounded(value: f64, most: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, most) }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The sum of reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    views: u64,
    errors: u64,
    rebuffers: u64,
    dropped_frames: u64,
    switches: u64,
    watched_secs: f64,
    rebuffer_secs: f64,
    startup: Times,
    /// Sum of bitrate times seconds, and the seconds, of the views with a bitrate.
    bits: f64,
    bits_secs: f64,
}

impl Totals {
    /// Adds a report.
    pub fn add(&mut self, view: &View) {
        self.views += 1;
        self.errors += u64::from(view.errors);
        self.rebuffers += u64::from(view.rebuffers);
        self.dropped_frames += u64::from(view.dropped_frames);
        self.switches += u64::from(view.switches);
        self.watched_secs += view.watched_secs;
        self.rebuffer_secs += view.rebuffer_secs;
        if let Some(secs) = view.startup_secs {
            self.startup.add(secs);
        }
        if let Some(bps) = view.mean_bps {
            self.bits += bps * view.watched_secs;
            self.bits_secs += view.watched_secs;
        }
    }

    /// The sum of both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            views: self.views + other.views,
            errors: self.errors + other.errors,
            rebuffers: self.rebuffers + other.rebuffers,
            dropped_frames: self.dropped_frames + other.dropped_frames,
            switches: self.switches + other.switches,
            watched_secs: self.watched_secs + other.watched_secs,
            rebuffer_secs: self.rebuffer_secs + other.rebuffer_secs,
            startup: self.startup.with(&other.startup),
            bits: self.bits + other.bits,
            bits_secs: self.bits_secs + other.bits_secs,
        }
    }

    /// Figures of the sum.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let quantiles = self.startup.quantile(0.5).zip(self.startup.quantile(0.95));
        Summary {
            views: self.views,
            errors: self.errors,
            startup_secs: quantiles.map(|(p50, p95)| Quantiles { p50, p95 }),
            rebuffer_ratio: ratio(self.rebuffer_secs, self.watched_secs + self.rebuffer_secs),
            mean_bps: ratio(self.bits, self.bits_secs),
            rebuffers: self.rebuffers,
            dropped_frames: self.dropped_frames,
            switches: self.switches,
        }
    }
}

/// Times in buckets, of which quantiles are read.
#[derive(Clone, Debug, PartialEq)]
struct Times([u64; BUCKETS]);

impl Default for Times {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Times {
    fn add(&mut self, secs: f64) {
        let bounds = std::iter::successors(Some(FIRST_SECS), |bound| Some(bound * RATIO));
        let at = bounds.take(BUCKETS - 1).take_while(|bound| secs > *bound).count();
        self.0[at] += 1;
    }

    fn with(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
        sum
    }

    /// The time in seconds that this share of all times does not exceed. `None` without a time.
    fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.0.iter().sum();
        let mut before = 0;
        let bounds = std::iter::successors(Some(FIRST_SECS), |bound| Some(bound * RATIO));
        for (count, bound) in self.0.iter().zip(bounds) {
            before += count;
            #[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
            let is_reached = before as f64 >= share * all as f64;
            if before > 0 && is_reached {
                // The middle of the bucket.
                return Some(bound / RATIO.sqrt());
            }
        }
        None
    }
}

/// Figures of many reports.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// Number of views.
    pub views: u64,
    /// Number of errors that ended playback.
    pub errors: u64,
    /// Seconds from the wish to play to the first frame; absent while no view has reported any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_secs: Option<Quantiles>,
    /// Share of the time of all views for which videos stood still, 0 to 1; absent while nothing has played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuffer_ratio: Option<f64>,
    /// Mean bitrate in bit/s, by the time for which each view played; absent while no view has reported any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_bps: Option<f64>,
    /// Number of times that videos stood still.
    pub rebuffers: u64,
    /// Frames that were decoded and not shown.
    pub dropped_frames: u64,
    /// Number of changes of the rendition.
    pub switches: u64,
}

/// Quantiles, each within 5 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Quantiles {
    /// Half of the values are not larger.
    pub p50: f64,
    /// 95 of 100 values are not larger.
    pub p95: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beacon(text: &str) -> Result<Beacon, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn is_near(found: f64, expected: f64) -> bool {
        (found / expected - 1.0).abs() < 0.05
    }

    #[test]
    fn values_are_bounded() {
        let huge = r#"{"player":"embed","startup_ms":1e300,"watched_ms":1e300,"rebuffer_ms":0.5,
            "rebuffers":4294967295,"errors":4294967295,"mean_bps":1e300,"dropped_frames":4294967295,
            "switches":4294967295}"#;
        let view = beacon(huge).unwrap().view();
        assert_eq!(
            view,
            View {
                startup_secs: Some(120.0),
                watched_secs: 86_400.0,
                rebuffer_secs: 0.0005,
                rebuffers: MAX_EVENTS,
                errors: MAX_EVENTS,
                mean_bps: Some(1e9),
                dropped_frames: MAX_EVENTS,
                switches: MAX_EVENTS,
            }
        );
        let least = r#"{"player":"page","watched_ms":0,"rebuffer_ms":0,"rebuffers":0,"errors":0}"#;
        assert_eq!(beacon(least).unwrap().view(), View::default());
        assert_eq!(View::default().rebuffer_ratio(), None);
        assert_eq!(beacon(least).unwrap().check(), Ok(()));
        let negative = beacon(&least.replace("\"watched_ms\":0", "\"watched_ms\":-1")).unwrap();
        assert_eq!(negative.check().unwrap_err(), "watched_ms: must be 0 or greater");
        for wrong in [
            r#"{"player":"page"}"#,
            r#"{"player":"tv","watched_ms":0,"rebuffer_ms":0,"rebuffers":0,"errors":0}"#,
            r#"{"player":"page","watched_ms":0,"rebuffer_ms":0,"rebuffers":-1,"errors":0}"#,
            r#"{"player":"page","watched_ms":0,"rebuffer_ms":0,"rebuffers":0,"errors":0,"video":"x"}"#,
        ] {
            assert!(beacon(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_sum_has_quantiles_and_means_by_time() {
        let mut page = Totals::default();
        assert_eq!(page.summary().startup_secs, None);
        assert_eq!(page.summary().rebuffer_ratio, None);
        for n in 1..=100 {
            page.add(&View { startup_secs: Some(f64::from(n) / 10.0), ..View::default() });
        }
        let quantiles = page.summary().startup_secs.unwrap();
        assert!(is_near(quantiles.p50, 5.0) && is_near(quantiles.p95, 9.5), "{quantiles:?}");
        let mut embed = Totals::default();
        let long = View {
            watched_secs: 90.0,
            rebuffer_secs: 10.0,
            rebuffers: 2,
            errors: 1,
            mean_bps: Some(1e6),
            dropped_frames: 3,
            switches: 4,
            ..View::default()
        };
        embed.add(&long);
        embed.add(&View { watched_secs: 10.0, mean_bps: Some(11e6), ..View::default() });
        // A view without a bitrate does not count for the mean.
        embed.add(&View { watched_secs: 90.0, ..View::default() });
        let both = page.with(&embed).summary();
        assert_eq!((both.views, both.errors, both.rebuffers), (103, 1, 2));
        assert_eq!((both.dropped_frames, both.switches), (3, 4));
        assert_eq!((both.rebuffer_ratio, both.mean_bps), (Some(0.05), Some(2e6)));
        assert_eq!(both.startup_secs, Some(quantiles));
    }

    #[test]
    fn the_buckets_span_all_times_that_count() {
        for secs in [0.0, 0.02, 1.0, MAX_STARTUP_MS / 1000.0] {
            let mut times = Times::default();
            times.add(secs);
            let found = times.quantile(0.95).unwrap();
            assert!(secs < FIRST_SECS || is_near(found, secs), "{found} instead of {secs}");
        }
    }
}
