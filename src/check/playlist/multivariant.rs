//! Multivariant playlists (RFC 8216, 4.3.4).

use super::attributes::{Attributes, resolution};
use super::faults::Faults;
use super::lines::{Content, Line, Tag};
use super::media::{integer, verify_version};
use super::tags;

/// A multivariant playlist, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Multivariant {
    pub(in super::super) version: Option<usize>,
    pub(in super::super) independent_segments: bool,
    pub(in super::super) variants: Vec<Variant>,
    pub(in super::super) media: Vec<MediaTag>,
}

/// `EXT-X-STREAM-INF` or `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Variant {
    /// Number of the line with the tag.
    pub(in super::super) line: usize,
    pub(in super::super) is_i_frame: bool,
    pub(in super::super) uri: String,
    pub(in super::super) bandwidth: Option<u64>,
    pub(in super::super) average_bandwidth: Option<u64>,
    pub(in super::super) codecs: Option<String>,
    pub(in super::super) supplemental_codecs: Option<String>,
    /// Width and height.
    pub(in super::super) resolution: Option<(u64, u64)>,
    pub(in super::super) frame_rate: Option<f64>,
    pub(in super::super) video_range: Option<String>,
    pub(in super::super) audio: Option<String>,
    pub(in super::super) video: Option<String>,
    pub(in super::super) subtitles: Option<String>,
    /// Group of closed captions; `None` also for `NONE`.
    pub(in super::super) closed_captions: Option<String>,
}

/// `EXT-X-MEDIA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct MediaTag {
    pub(in super::super) line: usize,
    pub(in super::super) kind: MediaKind,
    pub(in super::super) uri: Option<String>,
    pub(in super::super) group_id: String,
    pub(in super::super) name: String,
    pub(in super::super) language: Option<String>,
    pub(in super::super) channels: Option<String>,
}

/// `TYPE` of `EXT-X-MEDIA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum MediaKind {
    Audio,
    Video,
    Subtitles,
    ClosedCaptions,
}

/// Reads the lines of a multivariant playlist.
pub(super) fn read(lines: &[Line], faults: &mut Faults) -> Multivariant {
    let mut playlist = Multivariant::default();
    let mut pending: Option<Variant> = None;
    let mut needed = None;
    for line in lines {
        match &line.content {
            Content::Uri(uri) => {
                if let Some(variant) = pending.take() {
                    playlist.variants.push(Variant { uri: uri.clone(), ..variant });
                } else {
                    let text = format!("the URI {uri} has no EXT-X-STREAM-INF before it");
                    faults.must("RFC 8216 4.3.4.2", line.number, text);
                }
            }
            Content::Tag(tag) if tag.name == "EXT-X-STREAM-INF" => {
                if let Some(variant) = &pending {
                    no_uri(variant.line, faults);
                }
                pending = Some(Variant::of(tag, line.number, faults));
            }
            Content::Tag(tag) => {
                if tag.name == "EXT-X-DEFINE" {
                    needed = Some((8, line.number, "EXT-X-DEFINE".to_owned()));
                }
                playlist.take_tag(tag, line.number, faults);
            }
        }
    }
    if let Some(variant) = &pending {
        no_uri(variant.line, faults);
    }
    if !playlist.variants.iter().any(|variant| !variant.is_i_frame) {
        let text = "the playlist has no variant: EXT-X-STREAM-INF is missing";
        faults.must("RFC 8216 4.3.4.2", 1, text);
    }
    verify_version(playlist.version, needed.as_ref(), faults);
    playlist
}

fn no_uri(line: usize, faults: &mut Faults) {
    faults.must("RFC 8216 4.3.4.2", line, "EXT-X-STREAM-INF has no URI in the next line");
}

impl Multivariant {
    fn take_tag(&mut self, tag: &Tag, line: usize, faults: &mut Faults) {
        match tag.name.as_str() {
            "EXT-X-VERSION" => {
                self.version =
                    integer(tag, line, faults).and_then(|version| version.try_into().ok());
            }
            "EXT-X-INDEPENDENT-SEGMENTS" => self.independent_segments = true,
            "EXT-X-I-FRAME-STREAM-INF" => {
                let variant = Variant::of(tag, line, faults);
                if !variant.uri.is_empty() {
                    self.variants.push(variant);
                }
            }
            "EXT-X-MEDIA" => {
                let attributes = Attributes::read(tag, line, faults);
                verify_media(&attributes, line, faults);
                self.media.extend(MediaTag::of(&attributes, line));
            }
            "EXT-X-SESSION-DATA" => {
                let attributes = Attributes::read(tag, line, faults);
                if attributes.get("VALUE").is_some() == attributes.get("URI").is_some() {
                    let text = "EXT-X-SESSION-DATA has both or none of VALUE and URI, expected one";
                    faults.must(tags::rule(&tag.name), line, text);
                }
            }
            "EXT-X-SESSION-KEY" | "EXT-X-START" | "EXT-X-CONTENT-STEERING" => {
                Attributes::read(tag, line, faults);
            }
            _ => {}
        }
    }
}

/// Attributes of `EXT-X-MEDIA` that depend on each other.
fn verify_media(attributes: &Attributes, line: usize, faults: &mut Faults) {
    const RULE: &str = "RFC 8216 4.3.4.1";
    let has = |name: &str| attributes.get(name).is_some();
    let kind = attributes.get("TYPE").unwrap_or_default();
    if attributes.is_yes("DEFAULT") && attributes.get("AUTOSELECT") == Some("NO") {
        faults.must(RULE, line, "AUTOSELECT is NO, but DEFAULT is YES");
    }
    if has("FORCED") && kind != "SUBTITLES" {
        faults.must(RULE, line, format!("FORCED is for subtitles, the TYPE is {kind}"));
    }
    if kind == "CLOSED-CAPTIONS" {
        if !has("INSTREAM-ID") {
            faults.must(RULE, line, "closed captions have no INSTREAM-ID");
        }
        if has("URI") {
            faults.must(RULE, line, "closed captions have a URI, but are part of the video");
        }
    }
}

impl Variant {
    fn of(tag: &Tag, line: usize, faults: &mut Faults) -> Self {
        let attributes = Attributes::read(tag, line, faults);
        let captions = attributes.text("CLOSED-CAPTIONS").filter(|group| group != "NONE");
        Self {
            line,
            is_i_frame: tag.name == "EXT-X-I-FRAME-STREAM-INF",
            uri: attributes.text("URI").unwrap_or_default(),
            bandwidth: attributes.integer("BANDWIDTH"),
            average_bandwidth: attributes.integer("AVERAGE-BANDWIDTH"),
            codecs: attributes.text("CODECS"),
            supplemental_codecs: attributes.text("SUPPLEMENTAL-CODECS"),
            resolution: attributes.get("RESOLUTION").and_then(resolution),
            frame_rate: attributes.float("FRAME-RATE"),
            video_range: attributes.text("VIDEO-RANGE"),
            audio: attributes.text("AUDIO"),
            video: attributes.text("VIDEO"),
            subtitles: attributes.text("SUBTITLES"),
            closed_captions: captions,
        }
    }
}

impl MediaTag {
    /// `None` if the type cannot be read; a fault says so.
    fn of(attributes: &Attributes, line: usize) -> Option<Self> {
        let kind = match attributes.get("TYPE")? {
            "AUDIO" => MediaKind::Audio,
            "VIDEO" => MediaKind::Video,
            "SUBTITLES" => MediaKind::Subtitles,
            "CLOSED-CAPTIONS" => MediaKind::ClosedCaptions,
            _ => return None,
        };
        Some(Self {
            line,
            kind,
            uri: attributes.text("URI"),
            group_id: attributes.text("GROUP-ID").unwrap_or_default(),
            name: attributes.text("NAME").unwrap_or_default(),
            language: attributes.text("LANGUAGE"),
            channels: attributes.text("CHANNELS"),
        })
    }
}
