//! Discovers the streams of the source with GStreamer's discoverer, and whether they can be
//! decoded.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_pbutils::prelude::*;
use gstreamer_pbutils::{
    Discoverer, DiscovererAudioInfo, DiscovererInfo, DiscovererResult, DiscovererSubtitleInfo,
    DiscovererVideoInfo,
};
use parking_lot::Mutex;

use crate::domain::codec_name::{self, Missing};
use crate::domain::colour::Stated;
use crate::domain::dead_stream::DeadStream;
use crate::domain::failure_code::FailureCode;
use crate::domain::limits::Limits;
use crate::domain::media::{
    AudioStream, Fraction, MediaInfo, Orientation, SubtitleStream, SubtitleText, Undecodable,
    VideoStream,
};
use crate::domain::plan;
use crate::domain::programs::{self, ListedStream};
use crate::worker::dead_streams::DeadStreams;
use crate::worker::elements::range_source::{Client, RangeSrc, is_transport_stream};
use crate::worker::fault;
use crate::worker::plugins;
use crate::worker::probe::audio_facts;
use crate::worker::probe::chapters;
use crate::worker::probe::matroska;
use crate::worker::probe::mp4;
use crate::worker::probe::reported::Reported;
use crate::worker::probe::statements::Statements;
use crate::worker::probe::track_limit::TrackLimit;
use crate::worker::probe::video_facts;
use crate::worker::programs as worker_programs;
use crate::worker::protocol::Failure;

/// Longest run of the discoverer. Intact files open within seconds over the local socket; damaged
/// ones make demuxers search.
const PROBE_TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);
/// Bytes in which the table of programmes is searched.
const TABLE_BYTES: usize = 256 << 10;
/// Most programmes that are discovered.
const MAX_PROGRAMS: usize = 4;

/// The streams of a source.
pub(crate) struct Discovered {
    /// The streams that can be used.
    pub(crate) media: MediaInfo,
    /// Streams that gave up.
    pub(crate) dead: Vec<DeadStream>,
}

/// Discovers the streams of the source: of several programmes, those of the one with the largest video.
///
/// # Errors
/// The source is encrypted, damaged, no media file or has too many tracks, or GStreamer does not work.
pub(crate) fn discover(client: &Client, limits: &Limits) -> Result<Discovered, Failure> {
    let mut bytes = vec![0; TABLE_BYTES];
    let len = client.read(0, &mut bytes).unwrap_or(0);
    bytes.truncate(len);
    let mut found = discover_best(client, limits, &programs::numbers(&bytes))?;
    found.media.undecodable.extend(unread(&found, &bytes));
    Ok(found)
}

/// Streams that the programme lists and no element reads: `tsdemux` passes over them without a word.
fn unread(found: &Discovered, bytes: &[u8]) -> Vec<Undecodable> {
    let media = &found.media;
    let ids = media.video.iter().map(|stream| &stream.stream_id);
    let ids = ids.chain(media.audio.iter().map(|stream| &stream.stream_id));
    let ids: Vec<&String> = ids.chain(found.dead.iter().map(|stream| &stream.stream_id)).collect();
    let known: Vec<u16> = ids.iter().filter_map(|id| programs::pid_of_stream_id(id)).collect();
    let program = ids.iter().find_map(|id| programs::of_stream_id(id));
    let listed = programs::streams(bytes, program).into_iter();
    let missing = listed.filter(|stream| !known.contains(&stream.pid));
    let unread = missing.filter_map(ListedStream::unread);
    let undecodable =
        |(name, is_video): (&str, bool)| Undecodable { description: name.to_owned(), is_video };
    unread.map(undecodable).collect()
}

/// Discovers the streams of the programme with the largest video.
fn discover_best(client: &Client, limits: &Limits, numbers: &[u16]) -> Result<Discovered, Failure> {
    let mut best = discover_program(client, limits, None);
    if numbers.len() < 2 {
        return best;
    }
    let pixels = |media: &MediaInfo| {
        let stream = plan::main_video(media);
        stream.map_or(0, |stream| u64::from(stream.width) * u64::from(stream.height))
    };
    for number in numbers.iter().take(MAX_PROGRAMS) {
        let found = discover_program(client, limits, Some(*number));
        let is_better = match (&found, &best) {
            (Ok(found), Ok(best)) => pixels(&found.media) > pixels(&best.media),
            (Ok(_), Err(_)) => true,
            (Err(_), _) => false,
        };
        if is_better {
            best = found;
        }
    }
    let skipped = u32::try_from(numbers.len() - 1).unwrap_or(u32::MAX);
    best.map(|mut best| {
        best.media.skipped_programs = skipped;
        best
    })
}

/// Discovers the streams of a programme; without a number, of the first, or of a source without programmes.
#[expect(clippy::wildcard_enum_match_arm, reason = "GStreamer's enum may grow")]
fn discover_program(
    client: &Client,
    limits: &Limits,
    program: Option<u16>,
) -> Result<Discovered, Failure> {
    let discoverer = Discoverer::new(PROBE_TIMEOUT)
        .map_err(|e| Failure::new(FailureCode::GstreamerInit, format!("no discoverer: {e}")))?;
    let source = client.clone();
    let reported = Reported::default();
    let messages = reported.clone();
    let tracks = TrackLimit::new(limits);
    let statements = Statements::default();
    let (watched, collected) = (tracks.clone(), statements.clone());
    let dead = Arc::<Mutex<Vec<DeadStream>>>::default();
    let died = Arc::clone(&dead);
    // The plan knows which streams are needed.
    let guard = DeadStreams::new(|_| false, move |stream| died.lock().push(stream));
    // Runs on the thread that calls `discover_uri`, before the elements stream.
    discoverer.connect_source_setup(move |_, element| {
        if let Some(element) = element.downcast_ref::<RangeSrc>() {
            element.set_client(&source);
            messages.watch(element.upcast_ref());
            // The parent is the bin that decodes the source.
            if let Some(bin) = element.parent().and_downcast::<gst::Bin>() {
                plugins::set_up_elements(&bin);
                worker_programs::select(&bin, program);
                watched.watch(&bin);
                guard.watch(&bin);
                collected.watch(&bin);
            }
        }
    });
    let discovered = discoverer.discover_uri(RangeSrc::URI);
    tracks.check()?;
    let info = discovered.map_err(|error| reported.failure(&error))?;
    match info.result() {
        DiscovererResult::Ok | DiscovererResult::MissingPlugins => {
            let dead = std::mem::take(&mut *dead.lock());
            let mut media = media_info(&info, client);
            let is_alive = |id: &str| dead.iter().all(|stream| stream.stream_id != id);
            media.video.retain(|stream| is_alive(&stream.stream_id));
            media.audio.retain(|stream| is_alive(&stream.stream_id));
            video_facts::add(&mut media, &statements, client);
            audio_facts::add(&mut media, client);
            chapters::add(&mut media, client);
            Ok(Discovered { media, dead })
        }
        DiscovererResult::Timeout => Err(Failure::new(
            FailureCode::ProbeTimeout,
            format!("The file could not be understood within {PROBE_TIMEOUT:.0}: it is damaged."),
        )),
        DiscovererResult::Busy => Err(Failure::new(FailureCode::ProbeBusy, "the probe is busy")),
        // The remaining results are an invalid URI, and errors without a reason.
        _ => Err(fault::damaged("it could not be read")),
    }
}

/// Converts the discoverer's result. Streams without a decoder are listed as undecodable; subtitles
/// are not, because this project parses them itself.
fn media_info(info: &DiscovererInfo, client: &Client) -> MediaInfo {
    let subtitles: Vec<SubtitleStream> =
        info.subtitle_streams().iter().map(subtitle_stream).collect();
    let is_subtitle = |detail: &str| {
        let mut codecs = subtitles.iter().map(|stream| stream.codec.as_str());
        codecs.any(|codec| !codec.is_empty() && detail.contains(&format!("|decoder-{codec}")))
    };
    let undecodable: Vec<Undecodable> = info
        .missing_elements_installer_details()
        .iter()
        .filter(|detail| !is_subtitle(detail))
        .filter_map(|detail| undecodable(detail))
        .collect();
    let lacks_decoder = |codec: &str| {
        info.missing_elements_installer_details()
            .iter()
            .any(|detail| detail.contains(&format!("|decoder-{codec}")))
    };
    let layout = mp4::layout(client);
    MediaInfo {
        container: container(info),
        is_duration_estimated: layout.is_some_and(|layout| layout.is_fragmented)
            || is_transport_stream(client),
        is_cut: layout.is_some_and(|layout| layout.is_fragmented && layout.is_cut),
        subtitles: with_container_metadata(subtitles, info, client),
        duration_ns: info.duration().map(gst::ClockTime::nseconds).filter(|ns| *ns > 0),
        video: info
            .video_streams()
            .iter()
            .map(video_stream)
            .filter(|stream| !lacks_decoder(&stream.codec) && !is_renamed(stream))
            .collect(),
        audio: info
            .audio_streams()
            .iter()
            .map(audio_stream)
            .filter(|stream| !lacks_decoder(&stream.codec))
            .collect(),
        undecodable,
        chapters: Vec::new(),
        skipped_programs: 0,
    }
}

/// Whether this is a stream under its first name, before `ladderdcodecalias` renamed it: the discoverer lists
/// both, this one without an id.
fn is_renamed(stream: &VideoStream) -> bool {
    let fourcc = codec_name::fourcc(&stream.caps).filter(|_| stream.stream_id.is_empty());
    fourcc.is_some_and(|fourcc| codec_name::ALIASES.iter().any(|alias| *alias.fourcc == fourcc))
}

/// Parses the installer detail of a missing decoder.
fn undecodable(detail: &str) -> Option<Undecodable> {
    let missing = Missing::parse(detail)?;
    Some(Undecodable { is_video: missing.is_video(), description: missing.name })
}

/// Name of the container for people; empty if there is none.
fn container(info: &DiscovererInfo) -> String {
    info.container_streams()
        .first()
        .and_then(DiscovererStreamInfoExt::caps)
        .map(|caps| gstreamer_pbutils::functions::pb_utils_get_codec_description(&caps).to_string())
        .unwrap_or_default()
}

fn video_stream(stream: &DiscovererVideoInfo) -> VideoStream {
    let tags = stream.tags();
    VideoStream {
        stream_id: stream_id(stream),
        codec: codec(stream),
        caps: coded_caps(stream),
        width: stream.width(),
        height: stream.height(),
        fps: fraction(stream.framerate()),
        frame_times: None,
        pixel_aspect: fraction(stream.par()),
        orientation: tags.as_ref().map(orientation).unwrap_or_default(),
        crop: None,
        interlaced: stream.is_interlaced(),
        is_telecined: false,
        bit_depth: bit_depth(stream),
        replaces_aspect: false,
        container_colour: Stated::default(),
        bitstream_colour: Stated::default(),
        is_image: stream.is_image(),
        is_disabled: false,
        frames: None,
    }
}

/// Caps that tell whether a decoder takes the stream, without the long codec headers.
fn coded_caps(stream: &DiscovererVideoInfo) -> String {
    let Some(caps) = stream.caps() else { return String::new() };
    let Some(structure) = caps.structure(0) else { return String::new() };
    let mut short = structure.to_owned();
    short.remove_field("codec_data");
    short.remove_field("streamheader");
    gst::Caps::builder_full().structure(short).build().to_string()
}

fn audio_stream(stream: &DiscovererAudioInfo) -> AudioStream {
    AudioStream {
        stream_id: stream_id(stream),
        codec: codec(stream),
        channels: stream.channels(),
        is_ambisonic: is_ambisonic(stream),
        sample_rate_hz: stream.sample_rate(),
        language: stream.language().map(Into::into),
        title: title(stream),
        is_disabled: false,
        speaker: None,
    }
}

/// Whether Opus says so (RFC 8486: mapping families 2 and 3).
fn is_ambisonic(stream: &DiscovererAudioInfo) -> bool {
    let caps = stream.caps();
    let structure = caps.as_ref().and_then(|caps| caps.structure(0));
    let family = structure.and_then(|caps| caps.get::<i32>("channel-mapping-family").ok());
    matches!(family, Some(2 | 3))
}

fn subtitle_stream(stream: &DiscovererSubtitleInfo) -> SubtitleStream {
    let codec = codec(stream);
    SubtitleStream {
        stream_id: stream_id(stream),
        // Parsers of GStreamer convert the other text formats.
        text: (codec == "text/x-raw" || codec == "application/x-subtitle-vtt")
            .then_some(SubtitleText::Raw),
        codec,
        language: stream.language().map(Into::into),
        title: title(stream),
    }
}

/// Adds languages, titles and formats that the discoverer misses and the container states.
fn with_container_metadata(
    mut streams: Vec<SubtitleStream>,
    info: &DiscovererInfo,
    client: &Client,
) -> Vec<SubtitleStream> {
    if streams.is_empty() {
        return streams;
    }
    let first = info.video_streams().first().map(stream_id).unwrap_or_default();
    let prefix = first.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    for track in matroska::subtitles(client, prefix) {
        let same = streams.iter().position(|stream| stream.stream_id == track.stream_id);
        let unknown = streams.iter().position(|stream| stream.stream_id.is_empty());
        if let Some(stream) = same.and_then(|at| streams.get_mut(at)) {
            stream.language = stream.language.take().or(track.language);
            stream.title = stream.title.take().or(track.title);
        } else if let Some(stream) = unknown.and_then(|at| streams.get_mut(at)) {
            // Both lists are in the order of the file, so the first unknown stream is this track.
            *stream = track;
        }
    }
    for (id, language) in mp4::languages(client, prefix) {
        if let Some(stream) = streams.iter_mut().find(|stream| stream.stream_id == id) {
            stream.language = Some(language);
        }
    }
    streams
}

fn title(stream: &impl IsA<gstreamer_pbutils::DiscovererStreamInfo>) -> Option<String> {
    stream.tags()?.get::<gst::tags::Title>().map(|title| title.get().to_owned())
}

fn stream_id(stream: &impl IsA<gstreamer_pbutils::DiscovererStreamInfo>) -> String {
    stream.stream_id().map(Into::into).unwrap_or_default()
}

fn codec(stream: &impl IsA<gstreamer_pbutils::DiscovererStreamInfo>) -> String {
    stream
        .caps()
        .and_then(|caps| caps.structure(0).map(|s| s.name().to_string()))
        .unwrap_or_default()
}

fn bit_depth(stream: &DiscovererVideoInfo) -> u32 {
    stream.caps().and_then(|caps| caps.structure(0)?.get::<u32>("bit-depth-luma").ok()).unwrap_or(8)
}

fn fraction(value: gst::Fraction) -> Fraction {
    match (u32::try_from(value.numer()), u32::try_from(value.denom())) {
        (Ok(num), Ok(den)) => Fraction::new(num, den),
        (Err(_), _) | (_, Err(_)) => Fraction::new(0, 1),
    }
}

/// Reads the `image-orientation` tag, whose values name a rotation in degrees clockwise.
fn orientation(tags: &gst::TagList) -> Orientation {
    let Some(tag) = tags.get::<gst::tags::ImageOrientation>() else { return Orientation::Upright };
    match tag.get() {
        "rotate-90" => Orientation::Rotate90,
        "rotate-180" => Orientation::Rotate180,
        "rotate-270" => Orientation::Rotate270,
        "flip-rotate-0" => Orientation::FlipRotate0,
        "flip-rotate-90" => Orientation::FlipRotate90,
        "flip-rotate-180" => Orientation::FlipRotate180,
        "flip-rotate-270" => Orientation::FlipRotate270,
        _ => Orientation::Upright,
    }
}
