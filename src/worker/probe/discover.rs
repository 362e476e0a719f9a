//! Looks at the source: which streams there are, and whether they can be decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_pbutils::prelude::*;
use gstreamer_pbutils::{
    Discoverer, DiscovererAudioInfo, DiscovererInfo, DiscovererResult, DiscovererSubtitleInfo,
    DiscovererVideoInfo,
};

use gstreamer_video::{VideoColorPrimaries, VideoTransferFunction};

use crate::domain::media::{
    AudioStream, DynamicRange, Fraction, MediaInfo, Orientation, SubtitleStream, SubtitleText,
    Undecodable, VideoStream,
};
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::fault;
use crate::worker::plugins;
use crate::worker::probe::matroska;
use crate::worker::probe::mp4;
use crate::worker::protocol::Failure;

/// How long the probe may take. A source that cannot be opened within this time over a local
/// socket is broken in a way that makes demuxers search.
const PROBE_TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// What is in the source.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
pub(crate) fn probe(client: &Client) -> Result<MediaInfo, Failure> {
    let discoverer = Discoverer::new(PROBE_TIMEOUT)
        .map_err(|e| Failure::retryable("gstreamer-init", format!("no discoverer: {e}")))?;
    let source = client.clone();
    let is_protected = Arc::new(AtomicBool::new(false));
    let found = Arc::clone(&is_protected);
    discoverer.connect_source_setup(move |_, element| {
        if let Some(element) = element.downcast_ref::<RangeSrc>() {
            element.set_client(&source);
            watch_protection(element.upcast_ref(), &found);
            // The bin that will decode it.
            if let Some(bin) = element.parent().and_downcast::<gst::Element>() {
                plugins::copy_pictures(&bin);
            }
        }
    });
    let info = discoverer.discover_uri(RangeSrc::URI).map_err(|error| {
        let is_protected = is_protected.load(Ordering::Acquire);
        if is_protected { fault::encrypted() } else { fault::of_error(&error, true) }
    })?;
    match info.result() {
        DiscovererResult::Ok | DiscovererResult::MissingPlugins => Ok(describe(&info, client)),
        DiscovererResult::Timeout => Err(Failure::permanent(
            "probe-timeout",
            format!("The file could not be understood within {PROBE_TIMEOUT:.0}: it is damaged."),
        )),
        DiscovererResult::Busy => Err(Failure::retryable("probe-busy", "the probe is busy")),
        // An invalid URI or an error that came without its reason.
        _ => Err(fault::damaged("it could not be read")),
    }
}

/// Notes whether a demuxer asks for a way to decrypt: what it says afterwards, in want of one, sounds
/// like damage. The bus is that of the discoverer's pipeline, which the element has become part of.
fn watch_protection(source: &gst::Element, found: &Arc<AtomicBool>) {
    let mut top = source.clone().upcast::<gst::Object>();
    while let Some(parent) = top.parent() {
        top = parent;
    }
    let Some(bus) = top.downcast_ref::<gst::Element>().and_then(ElementExt::bus) else { return };
    let found = Arc::clone(found);
    bus.enable_sync_message_emission();
    bus.connect_sync_message(Some("need-context"), move |_, message| {
        if let gst::MessageView::NeedContext(context) = message.view()
            && context.context_type() == "drm-preferred-decryption-system-id"
        {
            found.store(true, Ordering::Release);
        }
    });
}

fn describe(info: &DiscovererInfo, client: &Client) -> MediaInfo {
    let subtitles: Vec<SubtitleStream> = info.subtitle_streams().iter().map(subtitle).collect();
    let is_subtitle = |detail: &str| {
        let mut codecs = subtitles.iter().map(|stream| stream.codec.as_str());
        codecs.any(|codec| !codec.is_empty() && detail.contains(&format!("|decoder-{codec}")))
    };
    let undecodable: Vec<Undecodable> = info
        .missing_elements_installer_details()
        .iter()
        .filter(|detail| !is_subtitle(detail))
        .filter_map(|detail| missing(detail))
        .collect();
    let lacks_decoder = |codec: &str| {
        info.missing_elements_installer_details()
            .iter()
            .any(|detail| detail.contains(&format!("|decoder-{codec}")))
    };
    MediaInfo {
        container: container(info),
        subtitles: known(subtitles, info, client),
        duration_ns: info.duration().map(gst::ClockTime::nseconds).filter(|ns| *ns > 0),
        video: info
            .video_streams()
            .iter()
            .map(video)
            .filter(|stream| !lacks_decoder(&stream.codec))
            .collect(),
        audio: info
            .audio_streams()
            .iter()
            .map(audio)
            .filter(|stream| !lacks_decoder(&stream.codec))
            .collect(),
        undecodable,
    }
}

/// Reads an installer detail: `gstreamer|1.0|ladderd|Apple ProRes decoder|decoder-video/x-prores`.
fn missing(detail: &str) -> Option<Undecodable> {
    let mut fields = detail.split('|').skip(3);
    let (description, what) = (fields.next()?, fields.next()?);
    let codec = what.strip_prefix("decoder-")?;
    Some(Undecodable {
        description: description.trim_end_matches(" decoder").to_owned(),
        is_video: codec.starts_with("video/") || codec.starts_with("image/"),
    })
}

fn container(info: &DiscovererInfo) -> String {
    info.container_streams()
        .first()
        .and_then(DiscovererStreamInfoExt::caps)
        .map(|caps| gstreamer_pbutils::functions::pb_utils_get_codec_description(&caps).to_string())
        .unwrap_or_default()
}

fn video(stream: &DiscovererVideoInfo) -> VideoStream {
    let tags = stream.tags();
    VideoStream {
        stream_id: stream_id(stream),
        codec: codec(stream),
        caps: coded_caps(stream),
        width: stream.width(),
        height: stream.height(),
        fps: fraction(stream.framerate()),
        pace: None,
        pixel_aspect: fraction(stream.par()),
        orientation: tags.as_ref().map(orientation).unwrap_or_default(),
        interlaced: stream.is_interlaced(),
        bit_depth: bit_depth(stream),
        dynamic_range: dynamic_range(stream),
        is_image: stream.is_image(),
    }
}

/// What tells whether a decoder takes the stream. Headers of the codec are left out: they are long.
fn coded_caps(stream: &DiscovererVideoInfo) -> String {
    let Some(caps) = stream.caps() else { return String::new() };
    let Some(structure) = caps.structure(0) else { return String::new() };
    let mut short = structure.to_owned();
    short.remove_field("codec_data");
    short.remove_field("streamheader");
    gst::Caps::builder_full().structure(short).build().to_string()
}

fn audio(stream: &DiscovererAudioInfo) -> AudioStream {
    AudioStream {
        stream_id: stream_id(stream),
        codec: codec(stream),
        channels: stream.channels(),
        sample_rate_hz: stream.sample_rate(),
        language: stream.language().map(Into::into),
        title: title(stream),
    }
}

fn subtitle(stream: &DiscovererSubtitleInfo) -> SubtitleStream {
    let codec = codec(stream);
    SubtitleStream {
        stream_id: stream_id(stream),
        // Others are text for a parser of GStreamer.
        text: (codec == "text/x-raw" || codec == "application/x-subtitle-vtt")
            .then_some(SubtitleText::Raw),
        codec,
        language: stream.language().map(Into::into),
        title: title(stream),
    }
}

/// The subtitles with what the discoverer does not know of them and the file says.
fn known(
    mut streams: Vec<SubtitleStream>,
    info: &DiscovererInfo,
    client: &Client,
) -> Vec<SubtitleStream> {
    if streams.is_empty() {
        return streams;
    }
    let first = info.video_streams().first().map(stream_id).unwrap_or_default();
    let prefix = first.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    for described in matroska::subtitles(client, prefix) {
        let same = streams.iter().position(|stream| stream.stream_id == described.stream_id);
        let nameless = streams.iter().position(|stream| stream.stream_id.is_empty());
        if let Some(stream) = same.and_then(|at| streams.get_mut(at)) {
            stream.language = stream.language.take().or(described.language);
            stream.title = stream.title.take().or(described.title);
        } else if let Some(stream) = nameless.and_then(|at| streams.get_mut(at)) {
            // Both lists are in the order of the file.
            *stream = described;
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

/// As the codec or the container says. With eight bits there is no high dynamic range, whatever
/// they say: nobody could have seen it.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
fn dynamic_range(stream: &DiscovererVideoInfo) -> DynamicRange {
    let colorimetry = stream.caps().and_then(|caps| {
        let text = caps.structure(0)?.get::<String>("colorimetry").ok()?;
        text.parse::<gstreamer_video::VideoColorimetry>().ok()
    });
    match colorimetry {
        Some(_) | None if bit_depth(stream) < 10 => DynamicRange::Standard,
        None => DynamicRange::Standard,
        Some(colour) => match colour.transfer() {
            VideoTransferFunction::Smpte2084 => DynamicRange::Pq,
            VideoTransferFunction::AribStdB67 => DynamicRange::Hlg,
            _ if colour.primaries() == VideoColorPrimaries::Bt2020 => DynamicRange::WideGamut,
            _ => DynamicRange::Standard,
        },
    }
}

fn fraction(value: gst::Fraction) -> Fraction {
    match (u32::try_from(value.numer()), u32::try_from(value.denom())) {
        (Ok(num), Ok(den)) => Fraction::new(num, den),
        (Err(_), _) | (_, Err(_)) => Fraction::new(0, 1),
    }
}

/// The tag names how the picture is to be turned, in degrees clockwise.
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
