//! The entries of a `CODECS` attribute (RFC 6381; ISO 14496-15, annex E).

use super::{Aac, Codec, Hevc};

/// Parses one entry. The error says why it cannot be compared.
pub(in super::super) fn parse(entry: &str) -> Result<Codec, String> {
    let mut parts = entry.trim().split('.');
    let code = parts.next().unwrap_or_default();
    let parts: Vec<&str> = parts.collect();
    let known = match code.to_ascii_lowercase().as_str() {
        "avc1" | "avc3" => h264(&parts),
        "hvc1" | "hev1" => hevc(&parts).map(Codec::Hevc),
        "dvh1" | "dvhe" | "dva1" | "dvav" | "dav1" => dolby_vision(&parts),
        "av01" => av1(&parts),
        "vp09" => vp9(&parts),
        "mp4a" => return mp4a(&parts).ok_or_else(|| unreadable(entry)),
        "mp3" => Some(Codec::Mp3),
        "ac-3" => Some(Codec::Ac3),
        "ec-3" => Some(Codec::EnhancedAc3),
        "flac" => Some(Codec::Flac),
        "opus" => Some(Codec::Opus),
        "alac" => Some(Codec::Alac),
        "wvtt" => Some(Codec::WebVtt),
        "stpp" => Some(Codec::Ttml),
        _ => <[u8; 4]>::try_from(code.as_bytes()).ok().map(Codec::Other),
    };
    known.ok_or_else(|| unreadable(entry))
}

fn unreadable(entry: &str) -> String {
    format!("{entry:?} is not in the form that RFC 6381 has for it")
}

fn h264(parts: &[&str]) -> Option<Codec> {
    match parts {
        [digits] if digits.len() == 6 => {
            let mut bytes = [0; 3];
            hex::decode_to_slice(digits, &mut bytes).ok()?;
            let [profile, constraints, level] = bytes;
            Some(Codec::H264 { profile, constraints: Some(constraints), level })
        }
        // The form of the first iPhones.
        [profile, level] => {
            let (profile, level) = (profile.parse().ok()?, level.parse().ok()?);
            Some(Codec::H264 { profile, constraints: None, level })
        }
        _ => None,
    }
}

fn hevc(parts: &[&str]) -> Option<Hevc> {
    let [profile, compatibility, level, constraints @ ..] = parts else { return None };
    let space = profile.chars().next()?.to_ascii_uppercase();
    let (profile_space, profile) = match space {
        'A' | 'B' | 'C' => (u8::try_from(u32::from(space) - 64).ok()?, profile.get(1..)?),
        _ => (0, *profile),
    };
    let (tier, level) = (level.chars().next()?.to_ascii_uppercase(), level.get(1..)?);
    if !matches!(tier, 'L' | 'H') || constraints.len() > 6 {
        return None;
    }
    let mut hevc = Hevc {
        profile_space,
        profile: profile.parse().ok()?,
        compatibility: u32::from_str_radix(compatibility, 16).ok()?.reverse_bits(),
        is_high_tier: tier == 'H',
        level: level.parse().ok()?,
        constraints: [0; 6],
    };
    for (byte, digits) in hevc.constraints.iter_mut().zip(constraints) {
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hevc)
}

fn dolby_vision(parts: &[&str]) -> Option<Codec> {
    let [profile, level] = parts else { return None };
    Some(Codec::DolbyVision { profile: profile.parse().ok()?, level: level.parse().ok()? })
}

fn av1(parts: &[&str]) -> Option<Codec> {
    let [profile, level, depth, ..] = parts else { return None };
    let (level, is_high_tier) = match level.to_ascii_uppercase() {
        tier if tier.ends_with('M') => (level.get(..level.len() - 1)?, false),
        tier if tier.ends_with('H') => (level.get(..level.len() - 1)?, true),
        _ => return None,
    };
    Some(Codec::Av1 {
        profile: profile.parse().ok()?,
        level: level.parse().ok()?,
        is_high_tier,
        bit_depth: depth.parse().ok()?,
    })
}

fn vp9(parts: &[&str]) -> Option<Codec> {
    let [profile, level, depth, ..] = parts else { return None };
    Some(Codec::Vp9 {
        profile: profile.parse().ok()?,
        level: level.parse().ok()?,
        bit_depth: depth.parse().ok()?,
    })
}

/// The object types of ISO 14496-1 (in hexadecimal), and those of MPEG-4 audio below 40.
fn mp4a(parts: &[&str]) -> Option<Codec> {
    let aac = |object_type| Codec::Aac(Aac { object_type, ..Aac::default() });
    match (u8::from_str_radix(parts.first()?, 16).ok()?, parts.get(1..)?) {
        (0x40, [object]) => Some(match object.parse().ok()? {
            32..=34 => Codec::Mp3,
            object => aac(object),
        }),
        (0x66, []) => Some(aac(1)),
        (0x67, []) => Some(aac(2)),
        (0x68, []) => Some(aac(3)),
        (0x69 | 0x6B, []) => Some(Codec::Mp3),
        (0xA5, []) => Some(Codec::Ac3),
        (0xA6, []) => Some(Codec::EnhancedAc3),
        (0xAD, []) => Some(Codec::Opus),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_parsed_in_every_form() {
        let aac = |object_type| Codec::Aac(Aac { object_type, ..Aac::default() });
        let h264 = |profile, constraints, level| Codec::H264 { profile, constraints, level };
        let main10 = Hevc {
            profile: 2,
            compatibility: 4_u32.reverse_bits(),
            level: 153,
            constraints: [0xB0, 0, 0, 0, 0, 0],
            ..Hevc::default()
        };
        let high = Hevc { profile_space: 1, is_high_tier: true, constraints: [0; 6], ..main10 };
        let table = [
            ("avc1.64001f", h264(100, Some(0), 31)),
            ("AVC3.4D401E", h264(77, Some(0x40), 30)),
            ("avc1.66.30", h264(66, None, 30)),
            ("hvc1.2.4.L153.B0", Codec::Hevc(main10)),
            ("hev1.2.4.L153.b0", Codec::Hevc(main10)),
            ("hvc1.A2.4.H153", Codec::Hevc(high)),
            ("dvh1.08.07", Codec::DolbyVision { profile: 8, level: 7 }),
            (
                "av01.0.04M.08",
                Codec::Av1 { profile: 0, level: 4, is_high_tier: false, bit_depth: 8 },
            ),
            (
                "av01.2.15H.12.0.000.09.16.09.0",
                Codec::Av1 { profile: 2, level: 15, is_high_tier: true, bit_depth: 12 },
            ),
            ("vp09.00.31.08", Codec::Vp9 { profile: 0, level: 31, bit_depth: 8 }),
            ("mp4a.40.2", aac(2)),
            ("mp4a.40.02", aac(2)),
            ("mp4a.40.5", aac(5)),
            ("mp4a.40.34", Codec::Mp3),
            ("mp4a.6B", Codec::Mp3),
            ("mp4a.69", Codec::Mp3),
            ("mp4a.a5", Codec::Ac3),
            (" ec-3", Codec::EnhancedAc3),
            ("fLaC", Codec::Flac),
            ("flac", Codec::Flac),
            ("opus", Codec::Opus),
            ("wvtt", Codec::WebVtt),
            ("stpp.ttml.im1t", Codec::Ttml),
            ("iamf.000.000.fLaC", Codec::Other(*b"iamf")),
        ];
        for (entry, expected) in table {
            assert_eq!(parse(entry), Ok(expected), "{entry}");
        }
        for entry in
            ["avc1", "avc1.64001", "avc1.é4001", "hvc1.2", "av01.0.04X.08", "mp4a", "h264", ""]
        {
            let parsed = parse(entry);
            assert!(parsed.is_err() || entry == "h264", "{entry}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn any_entry_is_read(entry in "(avc1|hvc1|av01|vp09|mp4a|dvh1|.{0,4})[.].{0,24}") {
            drop(parse(&entry));
        }

        #[test]
        fn codecs_are_written_as_they_are_parsed(
            profile in 0_u8..32, compatibility: u32, level: u8, constraints: [u8; 6], is_high_tier: bool,
        ) {
            let hevc = Hevc { profile_space: 0, profile, compatibility, is_high_tier, level, constraints };
            let codec = Codec::Hevc(hevc);
            prop_assert_eq!(parse(&codec.to_string()), Ok(codec));
        }
    }
}
