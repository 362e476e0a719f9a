//! Compares a `CODECS` attribute with the media.
//!
//! An attribute that promises more than the media need is sound: it covers all segments of a variant.

use super::{Aac, Codec, Hevc, Kind, StreamCodec, parse};

/// Differences between an attribute and the media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Comparison {
    /// Codecs of the media that no entry covers.
    pub(in super::super) missing: Vec<Codec>,
    /// Entries that belong to no stream.
    pub(in super::super) extra: Vec<String>,
    /// Reasons why entries cannot be compared.
    pub(in super::super) not_checked: Vec<String>,
}

/// Compares the entries of the attribute with all elementary streams of a variant.
pub(in super::super) fn compare(attribute: &str, media: &[StreamCodec]) -> Comparison {
    let mut result = Comparison::default();
    let mut stated = Vec::new();
    for entry in attribute.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        match parse(entry) {
            Ok(codec) => stated.push((entry, codec)),
            Err(reason) => result.not_checked.push(reason),
        }
    }
    let has_unreadable = !result.not_checked.is_empty();
    let is_uncertain = has_unreadable || stated.iter().any(|(_, c)| c.kind() == Kind::Unknown);
    for stream in media {
        let found = stated.iter().any(|(_, stated)| covers(stated, stream));
        // Stating a text format is optional.
        if found || stream.codec.kind() == Kind::Text || result.missing.contains(&stream.codec) {
            continue;
        }
        if let Codec::Other(_) = stream.codec {
            let text =
                format!("the codec {} of the media is not known to this check", stream.codec);
            result.not_checked.push(text);
        } else if !is_uncertain {
            result.missing.push(stream.codec);
        }
    }
    let has_unknown = media.iter().any(|stream| stream.codec.kind() == Kind::Unknown);
    for (entry, codec) in &stated {
        let found = media.iter().any(|stream| covers(codec, stream));
        match codec.kind() {
            Kind::Text => {}
            Kind::Unknown => {
                result.not_checked.push(format!("the parameters of {entry:?} are not compared"));
            }
            Kind::Video | Kind::Audio if found || has_unknown || media.is_empty() => {}
            Kind::Video | Kind::Audio => result.extra.push((*entry).to_owned()),
        }
    }
    result
}

fn covers(stated: &Codec, stream: &StreamCodec) -> bool {
    let is_enhanced = stream.enhancement.is_some_and(|enhancement| includes(stated, &enhancement));
    is_enhanced || includes(stated, &stream.codec)
}

/// Whether a decoder for `stated` decodes `real`.
fn includes(stated: &Codec, real: &Codec) -> bool {
    match (*stated, *real) {
        (Codec::H264 { profile, level, .. }, Codec::H264 { profile: p, constraints, level: l }) => {
            l <= level && h264_includes(profile, p, constraints.unwrap_or(0))
        }
        (Codec::Hevc(stated), Codec::Hevc(real)) => hevc_includes(&stated, &real),
        (Codec::DolbyVision { profile, level }, Codec::DolbyVision { profile: p, level: l }) => {
            p == profile && l <= level
        }
        (
            Codec::Av1 { profile, level, is_high_tier, bit_depth },
            Codec::Av1 { profile: p, level: l, is_high_tier: t, bit_depth: d },
        ) => p <= profile && l <= level && t <= is_high_tier && d == bit_depth,
        (
            Codec::Vp9 { profile, level, bit_depth },
            Codec::Vp9 { profile: p, level: l, bit_depth: d },
        ) => p == profile && l <= level && d == bit_depth,
        (Codec::Aac(stated), Codec::Aac(real)) => aac_includes(stated, real),
        (stated, real) => stated == real,
    }
}

/// Profiles of H.264 by what they add (ITU-T H.264, annex A).
fn h264_includes(stated: u8, real: u8, constraints: u8) -> bool {
    const HIGH: [u8; 4] = [100, 110, 122, 244];
    let rank = |profile| HIGH.iter().position(|high| *high == profile);
    // `constraint_set1_flag`: a decoder for Main decodes it.
    let is_main = real == 77 || real == 66 && constraints & 0x40 != 0;
    match (rank(stated), rank(real)) {
        _ if stated == real => true,
        (Some(stated), Some(real)) => real <= stated,
        (Some(_), None) => is_main,
        (None, _) => stated == 77 && is_main,
    }
}

fn hevc_includes(stated: &Hevc, real: &Hevc) -> bool {
    let is_compatible = stated.profile < 32 && real.compatibility << stated.profile & 1 << 31 != 0;
    let is_main_in_main10 = (stated.profile, real.profile) == (2, 1);
    real.profile_space == stated.profile_space
        && (real.profile == stated.profile || is_compatible || is_main_in_main10)
        && real.is_high_tier <= stated.is_high_tier
        && real.level <= stated.level
}

/// AAC-LC may carry the tools of HE-AAC without saying so (ISO 14496-3, 1.6.5).
fn aac_includes(stated: Aac, real: Aac) -> bool {
    match (stated.object_type, real.object_type) {
        (stated, found) if stated == found => true,
        (5, 2) => real.may_have_sbr,
        (29, 2 | 5) => real.may_have_stereo,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codecs of an attribute, as if the media had them.
    fn media(attribute: &str) -> Vec<StreamCodec> {
        attribute.split(',').filter_map(|entry| parse(entry).ok()).map(StreamCodec::from).collect()
    }

    #[test]
    fn attributes_may_promise_more_than_the_media_need() {
        let table = [
            ("avc1.64001f,mp4a.40.2", "avc1.64001f,mp4a.40.2", true),
            ("AVC3.64001F, mp4a.40.2", "avc1.64001f,mp4a.40.2", true),
            ("avc1.640028", "avc1.64001f", true),
            ("avc1.64001e", "avc1.64001f", false),
            ("avc1.64001f", "avc1.4d401f", true),
            ("avc1.64001f", "avc1.42c01f", true),
            ("avc1.64001f", "avc1.42001f", false),
            ("avc1.4d001f", "avc1.64001f", false),
            ("avc1.66.31", "avc1.42c01f", true),
            ("hev1.1.6.L93.B0", "hvc1.1.6.L93.B0", true),
            ("hvc1.2.4.L93.B0", "hvc1.1.6.L93.90", true),
            ("hvc1.1.6.L93.B0", "hvc1.2.4.L93.B0", false),
            ("hvc1.1.6.L90.B0", "hvc1.1.6.L93.B0", false),
            ("hvc1.1.6.H93.B0", "hvc1.1.6.L93.B0", true),
            ("av01.0.08M.08", "av01.0.04M.08.0.110.01.01.01.0", true),
            ("av01.0.04M.10", "av01.0.04M.08", false),
            ("vp09.02.10.10", "vp09.00.10.08", false),
            ("mp4a.40.5", "mp4a.40.2", false),
            ("mp4a.40.2", "mp4a.40.5", false),
            ("mp4a.6B", "mp4a.40.34", true),
            ("ac-3", "ec-3", false),
            ("avc1.64001f", "avc1.64001f,mp4a.40.2", false),
            ("avc1.64001f,mp4a.40.2", "avc1.64001f", false),
            ("avc1.64001f,wvtt,stpp.ttml.im1t", "avc1.64001f", true),
            ("avc1.64001f", "avc1.64001f,wvtt", true),
            ("", "avc1.64001f", false),
            ("avc1.64001f", "", true),
        ];
        for (stated, real, expected) in table {
            let found = compare(stated, &media(real));
            let is_equal = found.missing.is_empty() && found.extra.is_empty();
            assert_eq!(is_equal, expected, "{stated} of {real}: {found:?}");
            assert_eq!(found.not_checked, Vec::<String>::new(), "{stated} of {real}");
        }
    }

    #[test]
    fn unknown_codecs_are_not_checked_and_never_wrong() {
        let table = [
            ("iamf.000.000.fLaC", "iamf.000.000.fLaC"),
            ("avc1.x", "avc1.64001f"),
            ("avc1.64001f,ac-4.02.01.00", "avc1.64001f,mp4a.40.2"),
            ("avc1.64001f,mp4a.40.2", "avc1.64001f,dtsc"),
        ];
        for (stated, real) in table {
            let found = compare(stated, &media(real));
            assert!(found.missing.is_empty() && found.extra.is_empty(), "{stated}: {found:?}");
            assert!(!found.not_checked.is_empty(), "{stated}");
        }
    }

    #[test]
    fn tools_without_signals_and_dolby_vision_are_covered() {
        let core = Aac { object_type: 2, may_have_sbr: true, may_have_stereo: true };
        let sound = |stated: &str, stream: StreamCodec| {
            let found = compare(stated, &[stream]);
            found.missing.is_empty() && found.extra.is_empty()
        };
        for (stated, expected) in
            [("mp4a.40.2", true), ("mp4a.40.5", true), ("mp4a.40.29", true), ("ac-3", false)]
        {
            assert_eq!(sound(stated, Codec::Aac(core).into()), expected, "{stated}");
        }
        let enhancement = Some(Codec::DolbyVision { profile: 8, level: 7 });
        let base = parse("hvc1.2.4.L153.B0").unwrap();
        let stream = StreamCodec { codec: base, enhancement };
        for (stated, expected) in
            [("hvc1.2.4.L153.B0", true), ("dvh1.08.07", true), ("dvh1.05.07", false)]
        {
            assert_eq!(sound(stated, stream), expected, "{stated}");
        }
    }
}
