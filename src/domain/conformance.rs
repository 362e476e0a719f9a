//! Report of a stream check against Apple's HLS authoring specification and RFC 8216.

use serde::{Deserialize, Serialize};

/// Severity of a rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[schema(as = ConformanceLevel)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Binding: players may fail.
    Must,
    /// Advice: players play it, but worse.
    Should,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ConformanceFinding)]
pub struct Finding {
    /// Id of the rule: `7.4` of Apple's specification, `RFC 8216 4.3.3.1` of the RFC.
    pub rule: String,
    /// Severity of the rule.
    pub level: Level,
    /// Path of the playlist or segment, relative to the multivariant playlist.
    pub place: String,
    /// The fault in words, with the found and the expected values.
    pub message: String,
}

/// Measures of one media playlist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MeasuredPlaylist)]
pub struct Measured {
    /// URI of the playlist, relative to the multivariant playlist.
    pub uri: String,
    /// Number of segments.
    pub segments: usize,
    /// Total size of the segments.
    pub bytes: u64,
    /// Measured duration of all segments, in seconds.
    pub duration_secs: f64,
    /// Peak segment bit rate in bit/s (RFC 8216, 4.1).
    pub peak_bps: f64,
    /// Average segment bit rate in bit/s (RFC 8216, 4.1).
    pub average_bps: f64,
    /// Codec string of the segments (RFC 6381).
    pub codec: String,
}

/// Result of a check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ConformanceReport)]
pub struct Report {
    /// Broken rules, the binding ones first.
    pub findings: Vec<Finding>,
    /// Measures of every media playlist.
    pub measured: Vec<Measured>,
}

/// Findings of one rule that are kept for one folder: a fault of the first segment is often one of all
/// segments.
const MAX_PER_RULE: usize = 3;

impl Report {
    /// Adds a finding of a binding rule.
    pub fn must(&mut self, rule: &str, place: &str, message: impl Into<String>) {
        self.add(rule, Level::Must, place, message.into());
    }

    /// Adds a finding of a rule that is advice.
    pub fn should(&mut self, rule: &str, place: &str, message: impl Into<String>) {
        self.add(rule, Level::Should, place, message.into());
    }

    fn add(&mut self, rule: &str, level: Level, place: &str, message: String) {
        let folder = |place: &str| place.rsplit_once('/').map(|(f, _)| f.to_owned());
        let same = self.findings.iter().filter(|known| {
            known.rule == rule && known.level == level && folder(&known.place) == folder(place)
        });
        if same.count() < MAX_PER_RULE {
            let (rule, place) = (rule.to_owned(), place.to_owned());
            self.findings.push(Finding { rule, level, place, message });
        }
    }

    /// Adds the findings and measures of another report.
    pub fn append(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.measured.extend(other.measured);
    }

    /// Removes the queries of all URLs, which may hold tokens or signatures.
    pub fn hide_queries(&mut self) {
        let places = self.findings.iter_mut().map(|finding| &mut finding.place);
        let uris = self.measured.iter_mut().map(|measured| &mut measured.uri);
        for text in places.chain(uris) {
            text.truncate(text.find('?').unwrap_or(text.len()));
        }
    }

    /// The findings of binding rules.
    pub fn musts(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Must)
    }

    /// Sorts the binding findings to the front.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| finding.level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_left_out() {
        let mut report = Report::default();
        report.must("7.4", "https://s3.example/seg_0.ts?X-Amz-Signature=1", "no IDR");
        report
            .measured
            .push(Measured { uri: "a1/i.m3u8?token=1".to_owned(), ..Measured::default() });
        report.hide_queries();
        assert_eq!(report.findings[0].place, "https://s3.example/seg_0.ts");
        assert_eq!(report.measured[0].uri, "a1/i.m3u8");
    }

    #[test]
    fn binding_rules_come_first_and_a_fault_of_all_segments_counts_three_times() {
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
