//! Rules for the multivariant playlist: its attributes must match the measured renditions.

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, VariantStream};

use super::iframes::IFrames;
use super::media_tags;
use super::rendition::Rendition;
use super::segment::VideoFormat;
use crate::domain::conformance::Report;

/// Relative tolerance between stated and measured bit rates (rules 1.26 and 1.27).
const BIT_RATE_TOLERANCE: f64 = 0.1;

/// Relative tolerance of frame rates: FRAME-RATE has three decimals, and times are ticks of 90 kHz.
/// 29.97 and 30 differ by twice as much.
const FRAME_RATE_TOLERANCE: f64 = 0.000_5;

/// Verifies the playlist `main` with this text.
pub(super) fn verify(
    main: &str,
    text: &str,
    master: &MasterPlaylist,
    renditions: &[Rendition],
    iframes: &[IFrames],
    report: &mut Report,
) {
    let (i_frame, plain): (Vec<_>, Vec<_>) = master.variants.iter().partition(|v| v.is_i_frame);
    for variant in &plain {
        if let Some(video) = renditions.iter().find(|rendition| rendition.uri == variant.uri) {
            verify_variant(main, variant, video, &audio_of(master, variant, renditions), report);
        }
    }
    verify_shapes(&plain, report);
    verify_independence(main, master, renditions, report);
    let has_video = renditions.iter().any(|rendition| rendition.format.is_some());
    if plain.len() < 2 && has_video {
        let text = format!("the playlist has {} variants, expected 2 or more", plain.len());
        report.must("9.9", main, text);
    }
    verify_first(main, &plain, report);
    if i_frame.is_empty() && has_video {
        report.must("6.1", main, "EXT-X-I-FRAME-STREAM-INF is missing");
    }
    for variant in i_frame {
        if let Some(playlist) = iframes.iter().find(|playlist| playlist.uri == variant.uri) {
            verify_iframes(main, variant, playlist, report);
        }
    }
    verify_audio(main, master, &plain, renditions, report);
    // The parser accepts a playlist without it.
    if !text.starts_with("#EXTM3U") {
        report.must("RFC 8216 4.3.1.1", main, "the first line is not #EXTM3U");
    }
}

/// Segments must be independent, as this playlist or all playlists of video state.
fn verify_independence(
    main: &str,
    master: &MasterPlaylist,
    renditions: &[Rendition],
    report: &mut Report,
) {
    if master.independent_segments {
        return;
    }
    if renditions.iter().filter(|r| r.format.is_some()).all(|r| r.is_independent) {
        report.should("9.11", main, "EXT-X-INDEPENDENT-SEGMENTS is missing in this playlist");
    } else {
        report.must("9.12", main, "EXT-X-INDEPENDENT-SEGMENTS is missing");
    }
}

/// The first variant should be the one whose average rate is nearest to 2 Mbit/s.
fn verify_first(main: &str, variants: &[&VariantStream], report: &mut Report) {
    let Some(first) = variants.first() else { return };
    let average = |v: &VariantStream| v.average_bandwidth.unwrap_or(v.bandwidth);
    let distance = |v: &&&VariantStream| average(v).abs_diff(2_000_000);
    if variants.iter().min_by_key(distance).is_some_and(|best| best.uri != first.uri) {
        report.should("1.32", main, "the first variant is not the one nearest to 2 Mbit/s");
    }
}

/// The audio renditions in the group of a variant.
fn audio_of<'a>(
    master: &MasterPlaylist,
    variant: &VariantStream,
    renditions: &'a [Rendition],
) -> Vec<&'a Rendition> {
    let in_group = |media: &&AlternativeMedia| variant.audio.as_ref() == Some(&media.group_id);
    let uris = master.alternatives.iter().filter(in_group).filter_map(|media| media.uri.as_ref());
    uris.filter_map(|uri| renditions.iter().find(|rendition| rendition.uri == *uri)).collect()
}

fn verify_variant(
    main: &str,
    variant: &VariantStream,
    video: &Rendition,
    audio: &[&Rendition],
    report: &mut Report,
) {
    verify_codecs(main, variant, video, audio, report);
    if let Some(format) = video.format {
        verify_resolution("9.2", variant, &format, report);
    }
    verify_range(variant, video, report);
    verify_frame_rate(variant, video, report);
    verify_bandwidths(variant, video, audio, report);
}

fn verify_codecs(
    main: &str,
    variant: &VariantStream,
    video: &Rendition,
    audio: &[&Rendition],
    report: &mut Report,
) {
    let mut codecs = vec![video.codec()];
    codecs.extend(audio.iter().map(|rendition| rendition.codec()));
    let stated = variant.codecs.as_deref().unwrap_or_default();
    let mut stated: Vec<&str> =
        stated.split(',').map(str::trim).filter(|c| !c.is_empty()).collect();
    if variant.subtitles.is_some() {
        // Stating it is optional (rule 5.10).
        stated.retain(|codec| *codec != "wvtt");
    }
    let is_missing = codecs.iter().any(|codec| !stated.contains(&codec.as_str()));
    if is_missing || stated.iter().any(|codec| !codecs.iter().any(|real| real == codec)) {
        let text = format!("CODECS in {main} is {stated:?}, the segments have {codecs:?}");
        report.must("9.1", &variant.uri, text);
    }
}

fn verify_resolution(
    rule: &str,
    variant: &VariantStream,
    format: &VideoFormat,
    report: &mut Report,
) {
    let real = (u64::from(format.width), u64::from(format.height));
    let stated = variant.resolution.map(|size| (size.width, size.height));
    if stated != Some(real) {
        let text = format!("RESOLUTION is {stated:?}, the frames are {real:?}");
        report.must(rule, &variant.uri, text);
    }
}

fn verify_frame_rate(variant: &VariantStream, video: &Rendition, report: &mut Report) {
    match (variant.frame_rate, video.fps) {
        (None, _) if video.format.is_none() => {}
        (None, _) => report.must("9.15", &variant.uri, "FRAME-RATE is missing"),
        (Some(stated), Some(fps)) if (stated - fps).abs() > FRAME_RATE_TOLERANCE * fps => {
            let text = format!("FRAME-RATE is {stated}, measured {fps:.3}");
            report.must("9.15", &variant.uri, text);
        }
        // A single frame has no rate.
        (Some(_), _) => {}
    }
}

fn verify_bandwidths(
    variant: &VariantStream,
    video: &Rendition,
    audio: &[&Rendition],
    report: &mut Report,
) {
    let place = &variant.uri;
    let largest = |rate: fn(&Rendition) -> f64| {
        audio.iter().map(|rendition| rate(rendition)).fold(0.0, f64::max)
    };
    // An audio rendition plays together with video, or in place of other audio.
    let combined =
        |own: f64, other: f64| if video.format.is_some() { own + other } else { own.max(other) };
    let peak = combined(video.rates().0, largest(|rendition| rendition.rates().0));
    let average = combined(video.rates().1, largest(|rendition| rendition.rates().1));
    verify_rate("1.27", "BANDWIDTH", place, Some(variant.bandwidth), peak, report);
    if variant.average_bandwidth.is_none() {
        report.must("9.14", place, "AVERAGE-BANDWIDTH is missing");
    } else {
        verify_rate("1.26", "AVERAGE-BANDWIDTH", place, variant.average_bandwidth, average, report);
    }
    if peak > 2.0 * average {
        let text =
            format!("the peak of {peak:.0} bit/s exceeds 200 % of the average {average:.0} bit/s");
        report.should("1.30", place, text);
    }
}

/// `VIDEO-RANGE` must state the transfer function of the video (rule 9.16).
fn verify_range(variant: &VariantStream, video: &Rendition, report: &mut Report) {
    /// Codes of PQ and HLG (ITU-T H.273, table 3).
    const HDR: [(u8, &str); 2] = [(16, "PQ"), (18, "HLG")];
    let transfer = video.format.and_then(|format| format.transfer);
    let real = HDR.iter().find(|(code, _)| Some(*code) == transfer);
    let real = real.map_or("SDR", |(_, name)| *name);
    let stated = variant.other_attributes.as_ref().and_then(|all| all.get("VIDEO-RANGE"));
    let stated = stated.map_or("SDR", |value| value.as_str());
    if stated != real {
        report.must("9.16", &variant.uri, format!("VIDEO-RANGE is {stated}, the video is {real}"));
    }
}

/// All variants must have the same aspect ratio (rule 1.33).
fn verify_shapes(variants: &[&VariantStream], report: &mut Report) {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let size = |v: &VariantStream| v.resolution.map(|r| (r.width as f64, r.height as f64));
    let Some((width, height)) = variants.first().and_then(|first| size(first)) else { return };
    for variant in &variants[1..] {
        let Some((w, h)) = size(variant) else { continue };
        // Sides are even numbers, so each may be off by a pixel.
        let slack = 1.0 / w + 1.0 / h + 1.0 / width + 1.0 / height;
        if ((w / h) / (width / height) - 1.0).abs() > slack {
            let text = format!("{w} x {h} has another aspect ratio than {width} x {height}");
            report.should("1.33", &variant.uri, text);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bit rates")]
fn verify_rate(
    rule: &str,
    name: &str,
    place: &str,
    stated: Option<u64>,
    measured: f64,
    report: &mut Report,
) {
    let stated = stated.unwrap_or_default() as f64;
    if (stated - measured).abs() > BIT_RATE_TOLERANCE * measured {
        let text = format!("{name} is {stated:.0}, measured {measured:.0} bit/s");
        report.must(rule, place, text);
    }
}

fn verify_iframes(main: &str, variant: &VariantStream, playlist: &IFrames, report: &mut Report) {
    let place = &variant.uri;
    let Some(format) = playlist.format() else { return };
    let real = format.codec();
    if variant.codecs.as_ref() != Some(&real) {
        let text = format!("CODECS in {main} is {:?}, the frames are {real}", variant.codecs);
        report.must("9.3", place, text);
    }
    verify_resolution("9.4", variant, &format, report);
    let (peak, _) = playlist.rates();
    verify_rate("1.27", "BANDWIDTH", place, Some(variant.bandwidth), peak, report);
}

fn verify_audio(
    main: &str,
    master: &MasterPlaylist,
    variants: &[&VariantStream],
    renditions: &[Rendition],
    report: &mut Report,
) {
    let is_audio = |media: &&AlternativeMedia| media.media_type == AlternativeMediaType::Audio;
    let audio: Vec<_> = master.alternatives.iter().filter(is_audio).collect();
    for variant in variants {
        if let Some(group) = &variant.audio
            && !audio.iter().any(|media| media.group_id == *group)
        {
            report.must("8.9", &variant.uri, format!("AUDIO group {group:?} does not exist"));
        }
    }
    media_tags::verify(main, "audio", "8.10", &audio, report);
    for media in &audio {
        let found = renditions.iter().find(|r| Some(&r.uri) == media.uri.as_ref());
        if let Some(measured) = found.and_then(|rendition| rendition.audio)
            && media.channels.as_deref() != Some(measured.channels.to_string().as_str())
        {
            let (stated, real) = (&media.channels, measured.channels);
            report.must("2.3", main, format!("CHANNELS is {stated:?}, the audio has {real}"));
        }
    }
}
