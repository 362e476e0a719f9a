//! Rules for the multivariant playlist: its attributes must match the measured renditions.

use super::codec::{self, StreamCodec};
use super::iframes::IFrames;
use super::media_tags;
use super::origin::Origin;
use super::playlist::{MediaKind, MediaTag, Multivariant, Variant};
use super::rendition::Rendition;
use super::segment::VideoFormat;
use crate::domain::conformance::{Level, Place, Report};

/// Relative tolerance between stated and measured bit rates (rules 1.26 and 1.27).
const BIT_RATE_TOLERANCE: f64 = 0.1;

/// Relative tolerance of frame rates: FRAME-RATE has three decimals, and times are ticks of 90 kHz.
/// 29.97 and 30 differ by twice as much.
const FRAME_RATE_TOLERANCE: f64 = 0.000_5;

/// Verifies the playlist `main`.
pub(super) fn verify(
    (main, origin): (&str, Origin),
    master: &Multivariant,
    renditions: &[Rendition],
    iframes: &[IFrames],
    report: &mut Report,
) {
    let (i_frame, plain): (Vec<_>, Vec<_>) = master.variants.iter().partition(|v| v.is_i_frame);
    for variant in &plain {
        if let Some(video) = renditions.iter().find(|rendition| rendition.uri == variant.uri) {
            let audio = audio_of(master, variant, renditions);
            verify_variant(main, variant, video, &audio, report);
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
    verify_groups(main, master, &plain, report);
    verify_audio((main, origin), master, renditions, report);
}

/// Segments must be independent, as this playlist or all playlists of video state.
fn verify_independence(
    main: &str,
    master: &Multivariant,
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
fn verify_first(main: &str, variants: &[&Variant], report: &mut Report) {
    let Some(first) = variants.first() else { return };
    let average = |v: &Variant| v.average_bandwidth.or(v.bandwidth).unwrap_or(0);
    let distance = |v: &&&Variant| average(v).abs_diff(2_000_000);
    if variants.iter().min_by_key(distance).is_some_and(|best| best.uri != first.uri) {
        report.should("1.32", main, "the first variant is not the one nearest to 2 Mbit/s");
    }
}

/// The audio renditions in the group of a variant; `None` for each that could not be read.
fn audio_of<'a>(
    master: &Multivariant,
    variant: &Variant,
    renditions: &'a [Rendition],
) -> Vec<Option<&'a Rendition>> {
    let in_group = |media: &&MediaTag| variant.audio.as_ref() == Some(&media.group_id);
    let uris = master.media.iter().filter(in_group).filter_map(|media| media.uri.as_ref());
    uris.map(|uri| renditions.iter().find(|rendition| rendition.uri == *uri)).collect()
}

fn verify_variant(
    main: &str,
    variant: &Variant,
    video: &Rendition,
    audio: &[Option<&Rendition>],
    report: &mut Report,
) {
    let is_read = audio.iter().all(Option::is_some);
    let audio: Vec<&Rendition> = audio.iter().copied().flatten().collect();
    verify_codecs(main, variant, (video, &audio, is_read), report);
    if let Some(format) = video.format {
        verify_resolution("9.2", main, variant, &format, report);
    }
    verify_range(main, variant, video, report);
    verify_frame_rate(main, variant, video, report);
    if is_read && video.is_whole() && audio.iter().all(|rendition| rendition.is_whole()) {
        verify_bandwidths(main, variant, video, &audio, report);
    } else {
        let text = "the bit rates are not known, as segments could not be read";
        report.unchecked(&variant.uri, text);
    }
}

/// `CODECS` must cover all streams, and name no other. `is_read` if no audio rendition is left out.
fn verify_codecs(
    main: &str,
    variant: &Variant,
    (video, audio, is_read): (&Rendition, &[&Rendition], bool),
    report: &mut Report,
) {
    let place = Place::line(main, variant.line);
    let Some(stated) = &variant.codecs else {
        report.must("9.1", place, "CODECS is missing");
        return;
    };
    let renditions = || [video].into_iter().chain(audio.iter().copied());
    let codecs: Vec<StreamCodec> = renditions().flat_map(|r| r.codecs.iter().copied()).collect();
    let found = codec::compare(stated, &codecs);
    for missing in &found.missing {
        let text = format!("CODECS is {stated}, which does not cover {missing} of the segments");
        report.must("9.1", place, text);
    }
    if !is_read || !renditions().all(Rendition::is_read) {
        let text = format!("CODECS {stated} is not compared with all segments");
        report.unchecked(&variant.uri, text);
    } else if found.missing.is_empty() {
        for extra in &found.extra {
            let text = format!("CODECS has {extra}, which the segments do not need");
            report.must("9.1", place, text);
        }
    }
    for reason in &found.not_checked {
        report.unchecked(&variant.uri, reason);
    }
}

fn verify_resolution(
    rule: &str,
    main: &str,
    variant: &Variant,
    format: &VideoFormat,
    report: &mut Report,
) {
    let place = Place::line(main, variant.line);
    match variant.resolution {
        None => report.must(rule, place, "RESOLUTION is missing"),
        Some((w, h)) if !format.is_shown_at(w, h) => {
            let (width, height) = format.display_size();
            let text = format!("RESOLUTION is {w}x{h}, the frames are shown at {width}x{height}");
            report.must(rule, place, text);
        }
        Some(_) => {}
    }
}

/// `FRAME-RATE` is the highest rate of the video (RFC 8216, 4.3.4.2).
fn verify_frame_rate(main: &str, variant: &Variant, video: &Rendition, report: &mut Report) {
    let place = Place::line(main, variant.line);
    match (variant.frame_rate, video.fps) {
        (None, _) if video.format.is_none() => {}
        (None, _) => report.must("9.15", place, "FRAME-RATE is missing"),
        (Some(stated), Some(fps)) => {
            let is_average = (stated - fps).abs() <= FRAME_RATE_TOLERANCE * fps;
            let rates = video.frame_rates;
            let is_highest = rates.is_some_and(|r| r.may_be(stated, FRAME_RATE_TOLERANCE));
            if !is_average && !is_highest {
                report.must("9.15", place, format!("FRAME-RATE is {stated}, measured {fps:.3}"));
            }
        }
        // A single frame has no rate.
        (Some(_), None) => {}
    }
}

fn verify_bandwidths(
    main: &str,
    variant: &Variant,
    video: &Rendition,
    audio: &[&Rendition],
    report: &mut Report,
) {
    let place = Place::line(main, variant.line);
    let largest = |rate: fn(&Rendition) -> f64| {
        audio.iter().map(|rendition| rate(rendition)).fold(0.0, f64::max)
    };
    // An audio rendition plays together with video, or in place of other audio.
    let combined =
        |own: f64, other: f64| if video.format.is_some() { own + other } else { own.max(other) };
    let peak = combined(video.rates().0, largest(|rendition| rendition.rates().0));
    let average = combined(video.rates().1, largest(|rendition| rendition.rates().1));
    // BANDWIDTH is representative only until all segments exist (RFC 8216, 4.3.4.2).
    if video.is_ended {
        // The rates of gaps are not known, and the duration of gaps may count or not.
        let has_gaps = video.filled() < 1.0;
        let most = |measured| if has_gaps { f64::INFINITY } else { measured };
        verify_rate("1.27", "BANDWIDTH", place, variant.bandwidth, (peak, most(peak)), report);
        let averages = (average * video.filled(), most(average));
        let stated = variant.average_bandwidth;
        verify_rate("1.26", "AVERAGE-BANDWIDTH", place, stated, averages, report);
    }
    if variant.average_bandwidth.is_none() {
        report.must("9.14", place, "AVERAGE-BANDWIDTH is missing");
    }
    if peak > 2.0 * average {
        let text =
            format!("the peak of {peak:.0} bit/s exceeds 200 % of the average {average:.0} bit/s");
        report.should("1.30", place, text);
    }
}

/// `VIDEO-RANGE` must state the transfer function of the video (rule 9.16).
fn verify_range(main: &str, variant: &Variant, video: &Rendition, report: &mut Report) {
    /// Codes of PQ and HLG (ITU-T H.273, table 3).
    const HDR: [(u8, &str); 2] = [(16, "PQ"), (18, "HLG")];
    let Some(format) = video.format else { return };
    let stated = variant.video_range.as_deref().unwrap_or("SDR");
    if format.transfer.is_none() && stated != "SDR" {
        let text =
            format!("VIDEO-RANGE {stated} is not compared: the video states no transfer function");
        report.unchecked(&variant.uri, text);
        return;
    }
    let real = HDR.iter().find(|(code, _)| Some(*code) == format.transfer);
    let real = real.map_or("SDR", |(_, name)| *name);
    if stated != real {
        let text = format!("VIDEO-RANGE is {stated}, the video is {real}");
        report.must("9.16", Place::line(main, variant.line), text);
    }
}

/// All variants must have the same aspect ratio (rule 1.33).
fn verify_shapes(variants: &[&Variant], report: &mut Report) {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let size = |v: &Variant| v.resolution.map(|(width, height)| (width as f64, height as f64));
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

/// A stated rate must be within 10 % of the measured ones, the least and the most.
#[expect(clippy::cast_precision_loss, reason = "bit rates")]
fn verify_rate(
    rule: &str,
    name: &str,
    place: Place<'_>,
    stated: Option<u64>,
    (least, most): (f64, f64),
    report: &mut Report,
) {
    // A missing attribute is another rule.
    let Some(stated) = stated.map(|stated| stated as f64) else { return };
    if stated < (1.0 - BIT_RATE_TOLERANCE) * least || stated > (1.0 + BIT_RATE_TOLERANCE) * most {
        let measured = if stated < least { least } else { most };
        let text = format!("{name} is {stated:.0}, measured {measured:.0} bit/s");
        report.must(rule, place, text);
    }
}

fn verify_iframes(main: &str, variant: &Variant, playlist: &IFrames, report: &mut Report) {
    let place = Place::line(main, variant.line);
    let Some(format) = playlist.format() else { return };
    if let Some(stated) = &variant.codecs {
        let found = codec::compare(stated, &[format.codec.into()]);
        if !found.missing.is_empty() {
            let text = format!("CODECS is {stated}, the frames are {}", format.codec());
            report.must("9.3", place, text);
        }
        for reason in &found.not_checked {
            report.unchecked(&variant.uri, reason);
        }
    } else {
        report.must("9.3", place, "CODECS is missing");
    }
    verify_resolution("9.4", main, variant, &format, report);
    if let Some((peak, average)) = playlist.rates() {
        // A limit for single entries is a limit for runs of them, too.
        let peaks = (peak, playlist.largest_rate().max(peak));
        verify_rate("1.27", "BANDWIDTH", place, variant.bandwidth, peaks, report);
        let averages = (average, average);
        let stated = variant.average_bandwidth;
        verify_rate("1.26", "AVERAGE-BANDWIDTH", place, stated, averages, report);
    }
}

/// The groups that variants name must exist.
fn verify_groups(main: &str, master: &Multivariant, variants: &[&Variant], report: &mut Report) {
    let exists = |kind: MediaKind, group: &str| {
        master.media.iter().any(|media| media.kind == kind && media.group_id == group)
    };
    for variant in variants {
        let named = [
            ("8.9", "AUDIO", MediaKind::Audio, &variant.audio),
            ("RFC 8216 4.3.4.2", "VIDEO", MediaKind::Video, &variant.video),
            (
                "RFC 8216 4.3.4.2",
                "CLOSED-CAPTIONS",
                MediaKind::ClosedCaptions,
                &variant.closed_captions,
            ),
        ];
        for (rule, name, kind, group) in named {
            if let Some(group) = group
                && !exists(kind, group)
            {
                let text = format!("{name} group {group:?} does not exist");
                report.must(rule, Place::line(main, variant.line), text);
            }
        }
    }
}

fn verify_audio(
    (main, origin): (&str, Origin),
    master: &Multivariant,
    renditions: &[Rendition],
    report: &mut Report,
) {
    let is_audio = |media: &&MediaTag| media.kind == MediaKind::Audio;
    let audio: Vec<_> = master.media.iter().filter(is_audio).collect();
    media_tags::verify(main, "audio", "8.10", &audio, report);
    for media in &audio {
        let place = Place::line(main, media.line);
        let found = renditions.iter().find(|r| Some(&r.uri) == media.uri.as_ref());
        let Some(measured) = found.and_then(|rendition| rendition.audio) else { continue };
        let Some(stated) = &media.channels else {
            let severity = if origin == Origin::Own { Level::Must } else { Level::Should };
            report.add("2.3", severity, place, "CHANNELS is missing");
            continue;
        };
        // More parameters follow behind slashes, such as those of spatial audio.
        let count = stated.split('/').next().and_then(|count| count.parse().ok());
        if !count.is_some_and(|count| measured.may_have_channels(count)) {
            let text = format!("CHANNELS is {stated}, the audio has {}", measured.channels);
            report.must("2.3", place, text);
        }
    }
}
