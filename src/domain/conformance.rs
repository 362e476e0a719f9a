//! What a check of a stream found: rules of Apple's HLS authoring specification and of RFC 8216.

use serde::{Deserialize, Serialize};

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Players may fail.
    Must,
    /// Players do worse.
    Should,
}

/// A rule that is broken somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Number of the rule: `7.4` of Apple's specification, `RFC 8216 4.3.3.1` of the RFC.
    pub rule: String,
    /// How binding it is.
    pub level: Level,
    /// The playlist or segment, relative to the multivariant playlist.
    pub place: String,
    /// What is wrong, with the values that were found and expected.
    pub message: String,
}

/// What was measured of one media playlist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The playlist, relative to the multivariant playlist.
    pub uri: String,
    /// Number of its segments.
    pub segments: usize,
    /// Bytes of its segments.
    pub bytes: u64,
    /// Length of the timeline of its segments, in seconds.
    pub duration_secs: f64,
    /// Peak segment bit rate in bit/s (RFC 8216, 4.1).
    pub peak_bps: f64,
    /// Average segment bit rate in bit/s (RFC 8216, 4.1).
    pub average_bps: f64,
    /// RFC 6381 name of what is in the segments.
    pub codec: String,
}

/// All that was found and measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Every broken rule, the binding ones first.
    pub findings: Vec<Finding>,
    /// Every media playlist.
    pub measured: Vec<Measured>,
}

/// The most findings of one rule in one place that are kept: a fault of the first segment is one of
/// all others, too.
const KEPT_PER_RULE: usize = 3;

impl Report {
    /// Notes a broken rule that is binding.
    pub fn must(&mut self, rule: &str, place: &str, message: impl Into<String>) {
        self.add(rule, Level::Must, place, message.into());
    }

    /// Notes a broken rule that is advice.
    pub fn should(&mut self, rule: &str, place: &str, message: impl Into<String>) {
        self.add(rule, Level::Should, place, message.into());
    }

    fn add(&mut self, rule: &str, level: Level, place: &str, message: String) {
        let folder = |place: &str| place.rsplit_once('/').map(|(f, _)| f.to_owned());
        let same = self.findings.iter().filter(|known| {
            known.rule == rule && known.level == level && folder(&known.place) == folder(place)
        });
        if same.count() < KEPT_PER_RULE {
            let (rule, place) = (rule.to_owned(), place.to_owned());
            self.findings.push(Finding { rule, level, place, message });
        }
    }

    /// Takes over what another check found.
    pub fn append(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.measured.extend(other.measured);
    }

    /// The findings that are binding.
    pub fn musts(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Must)
    }

    /// Puts the binding findings first.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| finding.level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binding_rules_come_first_and_a_fault_of_all_segments_is_told_three_times() {
        let mut report = Report::default();
        report.should("1.13", "720p/index.m3u8", "key frames are far apart");
        for number in 0..9 {
            report.must("7.4", &format!("720p/seg_{number}.ts"), "no IDR");
        }
        report.must("7.4", "360p/seg_0.ts", "no IDR");
        report.sort();
        assert_eq!(report.musts().count(), 4);
        assert_eq!(report.findings.last().unwrap().rule, "1.13");
        let text = serde_json::to_string(&report.findings[0]).unwrap();
        assert!(text.contains(r#""level":"MUST""#), "{text}");
    }
}
