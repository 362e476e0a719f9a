//! Report of a stream check against Apple's HLS authoring specification and RFC 8216.

pub mod rules;

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
    /// Line of the playlist, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Time in the stream at which the segment begins, in milliseconds, as the playlist states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// The fault in words, with the found and the expected values.
    pub message: String,
}

/// A part of a stream that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = NotChecked)]
pub struct NotChecked {
    /// Path of the playlist or segment, relative to the multivariant playlist.
    pub place: String,
    /// Reason in words.
    pub reason: String,
}

/// Where a rule is broken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Path of the playlist or segment.
    pub path: &'a str,
    /// Line of the playlist.
    pub line: Option<usize>,
    /// Time in the stream in seconds.
    pub time_secs: Option<f64>,
}

impl<'a> Place<'a> {
    /// A line of a playlist.
    pub const fn line(path: &'a str, line: usize) -> Self {
        Self { path, line: Some(line), time_secs: None }
    }

    /// A segment that begins at this time, in seconds.
    pub const fn at(path: &'a str, time_secs: f64) -> Self {
        Self { path, line: None, time_secs: Some(time_secs) }
    }
}

impl<'a> From<&'a str> for Place<'a> {
    fn from(path: &'a str) -> Self {
        Self { path, ..Self::default() }
    }
}

impl<'a> From<&'a String> for Place<'a> {
    fn from(path: &'a String) -> Self {
        Self::from(path.as_str())
    }
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
    /// Reasons why parts of the rendition could not be checked; empty if all of it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
}

/// Result of a check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ConformanceReport)]
pub struct Report {
    /// Broken rules, the binding ones first.
    pub findings: Vec<Finding>,
    /// Measures of every media playlist.
    pub measured: Vec<Measured>,
    /// The parts that could not be checked: nothing is known about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<NotChecked>,
}

/// Id of the rule that every file must be there.
pub const UNREADABLE: &str = "RFC 8216 6.2.1";
/// Id of the rule of this project's own streams that every part can be checked.
pub const UNCHECKED: &str = "unchecked";

/// Findings of one rule that are kept for one folder: a fault of the first segment is often one of all
/// segments.
const MAX_PER_RULE: usize = 3;

impl Report {
    /// Adds a finding of a binding rule.
    pub fn must<'a>(
        &mut self,
        rule: &str,
        place: impl Into<Place<'a>>,
        message: impl Into<String>,
    ) {
        self.add(rule, Level::Must, place, message);
    }

    /// Adds a finding of a rule that is advice.
    pub fn should<'a>(
        &mut self,
        rule: &str,
        place: impl Into<Place<'a>>,
        message: impl Into<String>,
    ) {
        self.add(rule, Level::Should, place, message);
    }

    /// Adds a finding, unless it is there already or the rule has enough of them.
    pub fn add<'a>(
        &mut self,
        rule: &str,
        level: Level,
        place: impl Into<Place<'a>>,
        message: impl Into<String>,
    ) {
        let (place, message) = (place.into(), message.into());
        let folder = |path: &str| path.rsplit_once('/').map(|(f, _)| f.to_owned());
        let mut same = 0;
        for known in self.findings.iter().filter(|known| known.rule == rule && known.level == level)
        {
            if known.place == place.path && known.line == place.line && known.message == message {
                return;
            }
            same += usize::from(folder(&known.place) == folder(place.path));
        }
        if same < MAX_PER_RULE {
            self.findings.push(Finding {
                rule: rule.to_owned(),
                level,
                place: place.path.to_owned(),
                line: place.line,
                time_ms: place.time_secs.map(milliseconds),
                message,
            });
        }
    }

    /// Notes that a part of the stream could not be checked.
    pub fn unchecked(&mut self, place: &str, reason: impl Into<String>) {
        let note = NotChecked { place: place.to_owned(), reason: reason.into() };
        if !self.not_checked.contains(&note) {
            self.not_checked.push(note);
        }
    }

    /// Makes a broken binding rule of each part that could not be checked.
    pub fn require_checked(&mut self) {
        let of_renditions = self.measured.iter().flat_map(|measured| {
            let uri = &measured.uri;
            measured
                .not_checked
                .iter()
                .map(move |reason| NotChecked { place: uri.clone(), reason: reason.clone() })
        });
        let notes: Vec<_> = self.not_checked.iter().cloned().chain(of_renditions).collect();
        for note in notes {
            self.must(
                UNCHECKED,
                &note.place,
                format!("this could not be checked: {}", note.reason),
            );
        }
    }

    /// Copies the notes about parts that could not be checked to the measures of their renditions.
    pub fn assign_unchecked(&mut self) {
        for note in &self.not_checked {
            let same =
                self.measured.iter_mut().find(|measured| note.place.ends_with(&measured.uri));
            if let Some(measured) = same
                && !measured.not_checked.contains(&note.reason)
            {
                measured.not_checked.push(note.reason.clone());
            }
        }
    }

    /// Removes the findings of these rules.
    pub fn ignore(&mut self, rules: &[String]) {
        self.findings.retain(|finding| !rules.contains(&finding.rule));
    }

    /// Whether every part of the stream was checked.
    pub fn is_complete(&self) -> bool {
        self.not_checked.is_empty()
            && self.measured.iter().all(|measured| measured.not_checked.is_empty())
    }

    /// Adds the findings and measures of another report.
    pub fn append(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.measured.extend(other.measured);
        self.not_checked.extend(other.not_checked);
    }

    /// Removes the queries of all URLs, which may hold tokens or signatures.
    pub fn hide_queries(&mut self) {
        let places = self.findings.iter_mut().map(|finding| &mut finding.place);
        let uris = self.measured.iter_mut().map(|measured| &mut measured.uri);
        let notes = self.not_checked.iter_mut().map(|note| &mut note.place);
        for text in places.chain(uris).chain(notes) {
            text.truncate(text.find('?').unwrap_or(text.len()));
        }
    }

    /// The findings of binding rules.
    pub fn musts(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Must)
    }

    /// Sorts the binding findings to the front, and among them the causes before what may follow from them: faults
    /// of playlists as such, then missing files, then everything else.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| (finding.level, rank(&finding.rule)));
    }
}

/// Order of the rules of one level.
fn rank(rule: &str) -> u8 {
    match rule {
        UNREADABLE => 1,
        UNCHECKED => 3,
        _ if rule.starts_with("RFC 8216") => 0,
        _ => 2,
    }
}

/// Whole milliseconds of a time that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast to u64 saturates"
)]
fn milliseconds(secs: f64) -> u64 {
    (secs * 1000.0).round() as u64
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
    fn a_finding_is_kept_once_and_a_missing_file_comes_before_its_consequences() {
        let mut report = Report::default();
        report.must("8.3", "360p/i.m3u8", "the duration is 6 s");
        report.must(UNREADABLE, Place::at("360p/seg_1.ts", 6.006), "HTTP status 404");
        report.must(UNREADABLE, Place::at("360p/seg_1.ts", 6.006), "HTTP status 404");
        report.must("RFC 8216 4.3.3.1", Place::line("360p/i.m3u8", 3), "no target duration");
        report.sort();
        let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, ["RFC 8216 4.3.3.1", UNREADABLE, "8.3"]);
        assert_eq!((report.findings[0].line, report.findings[1].time_ms), (Some(3), Some(6006)));
    }

    #[test]
    fn parts_that_could_not_be_checked_are_required_of_our_own_streams() {
        let mut report = Report::default();
        report.unchecked("360p/i.m3u8?token=1", "no key");
        report.unchecked("360p/i.m3u8?token=1", "no key");
        assert_eq!((report.musts().count(), report.not_checked.len()), (0, 1));
        report.require_checked();
        report.hide_queries();
        assert_eq!(report.musts().count(), 1);
        assert_eq!(report.not_checked[0].place, "360p/i.m3u8");
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
