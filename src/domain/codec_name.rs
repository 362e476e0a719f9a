//! Names of codecs and containers that cannot be read here, from what GStreamer says is missing.

/// Names of codecs by FourCC, for those that GStreamer cannot name.
const FOURCCS: &[(&[u8; 4], &str)] = &[
    (b"AVdh", "Avid DNxHR video"),
    (b"AVup", "Avid 1:1 video"),
    (b"CFHD", "GoPro CineForm video"),
    (b"CLLC", "Canopus Lossless video"),
    (b"CSCD", "CamStudio screen video"),
    (b"G2M2", "GoToMeeting video"),
    (b"G2M3", "GoToMeeting video"),
    (b"G2M4", "GoToMeeting video"),
    (b"G2M5", "GoToMeeting video"),
    (b"Hap1", "Hap video"),
    (b"Hap5", "Hap video"),
    (b"HapY", "Hap video"),
    (b"LAGS", "Lagarith video"),
    (b"M8Y0", "MagicYUV video"),
    (b"MAGY", "MagicYUV video"),
    (b"MSA1", "Microsoft Live Meeting video"),
    (b"MTS2", "Microsoft screen video"),
    (b"R210", "uncompressed 10-bit video"),
    (b"RV60", "RealVideo 11"),
    (b"SMV2", "SMV2 video"),
    (b"TSC2", "TechSmith screen video"),
    (b"ULH0", "Ut Video"),
    (b"ULRG", "Ut Video"),
    (b"ULY0", "Ut Video"),
    (b"VP40", "On2 VP4 video"),
    (b"VP70", "On2 VP7 video"),
    (b"WVP2", "Windows Media images"),
    (b"ac-4", "Dolby AC-4 audio"),
    (b"apac", "Apple Positional Audio"),
    (b"aprh", "Apple ProRes RAW video"),
    (b"aprn", "Apple ProRes RAW video"),
    (b"braw", "Blackmagic RAW video"),
    (b"brhq", "Blackmagic RAW video"),
    (b"brst", "Blackmagic RAW video"),
    (b"dva1", "Dolby Vision video"),
    (b"dvav", "Dolby Vision video"),
    (b"dvh1", "Dolby Vision video"),
    (b"dvhe", "Dolby Vision video"),
    (b"evc1", "EVC video"),
    (b"iamf", "IAMF audio"),
    (b"icod", "Apple Intermediate video"),
    (b"mha1", "MPEG-H audio"),
    (b"mhm1", "MPEG-H audio"),
    (b"pxlt", "Apple Pixlet video"),
    (b"vvc1", "H.266 (VVC) video"),
    (b"vvi1", "H.266 (VVC) video"),
];

/// A codec that has a decoder, under a FourCC that demuxers do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// FourCC.
    pub fourcc: &'static [u8; 4],
    /// Caps that the decoder takes.
    pub caps: &'static str,
}

/// Codecs whose FourCC demuxers of GStreamer 1.22 do not know, and for which it has a decoder.
pub const ALIASES: &[Alias] = &[
    Alias { fourcc: b"AVdh", caps: "video/x-dnxhd" },
    // Surveillance recorders.
    Alias { fourcc: b"SMV2", caps: "video/x-h264, stream-format=(string)byte-stream" },
];

/// Each FourCC of GoToMeeting, which `avdec_g2m` decodes.
pub const GOTOMEETING: [[u8; 4]; 4] = [*b"G2M2", *b"G2M3", *b"G2M4", *b"G2M5"];

/// Caps by which demuxers announce video with a FourCC that they do not know.
#[must_use]
pub fn announced_caps(fourcc: [u8; 4]) -> Vec<String> {
    let number = u32::from_le_bytes(fourcc);
    vec![
        format!("video/x-gst-fourcc-{}", String::from_utf8_lossy(&fourcc)),
        format!("video/x-avi-unknown, fourcc=(int){number}"),
        format!("video/x-asf-unknown, fourcc=(uint){number}"),
    ]
}

/// A missing decoder or demuxer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Name of the format for people, such as `GoToMeeting video [G2M2]`.
    pub name: String,
    /// Caps name of the format, such as `video/x-asf-unknown`.
    pub caps_name: String,
}

impl Missing {
    /// Parses an installer detail of GStreamer, such as
    /// `gstreamer|1.0|ladderd|Apple ProRes decoder|decoder-video/x-prores, variant=(string)hq`. `None` if it
    /// asks for anything else than a decoder or a demuxer.
    #[must_use]
    pub fn parse(installer_detail: &str) -> Option<Self> {
        let mut fields = installer_detail.splitn(5, '|').skip(3);
        let (description, requirement) = (fields.next()?, fields.next()?);
        Some(Self::of(description, requirement.strip_prefix("decoder-")?))
    }

    /// A missing format with GStreamer's description of the element, and its caps as text.
    #[must_use]
    pub fn of(description: &str, caps: &str) -> Self {
        let caps_name = caps.split([',', ' ', '|']).next().unwrap_or(caps).to_owned();
        let plain = [" decoder", " demuxer"]
            .into_iter()
            .find_map(|ending| description.strip_suffix(ending))
            .unwrap_or(description);
        let name = match fourcc(caps) {
            Some(fourcc) => name_of(fourcc),
            // GStreamer repeats the caps where it knows no name.
            None if plain.is_empty() || plain.starts_with(&caps_name) => of_caps(&caps_name),
            None => plain.to_owned(),
        };
        Self { name, caps_name }
    }

    /// Whether it is video.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.caps_name.starts_with("video/") || self.caps_name.starts_with("image/")
    }
}

/// FourCC in caps as demuxers write it: part of the name (`video/x-gst-fourcc-AVdh`), or a field
/// (`video/x-asf-unknown, fourcc=(uint)843919943`).
#[must_use]
pub fn fourcc(caps: &str) -> Option<[u8; 4]> {
    if let Some((_, code)) = caps.split_once("x-gst-fourcc-") {
        return code.as_bytes().first_chunk().copied();
    }
    let (_, field) = caps.split_once("fourcc=(")?;
    let (_, number) = field.split_once(')')?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(digits.parse::<u32>().ok()?.to_le_bytes())
}

/// Name of a codec, with its FourCC.
fn name_of(fourcc: [u8; 4]) -> String {
    let is_printable = fourcc.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let code = if is_printable {
        String::from_utf8_lossy(&fourcc).trim().to_owned()
    } else {
        format!("0x{:08x}", u32::from_le_bytes(fourcc))
    };
    let same = |known: &&(&[u8; 4], &str)| known.0.eq_ignore_ascii_case(&fourcc);
    FOURCCS
        .iter()
        .find(same)
        .map_or_else(|| format!("unknown codec [{code}]"), |(_, name)| format!("{name} [{code}]"))
}

/// Name of a format that GStreamer knows by its caps only.
fn of_caps(caps_name: &str) -> String {
    let (kind, format) = caps_name.split_once('/').unwrap_or(("", caps_name));
    let format = format.trim_start_matches("x-").trim_start_matches("vnd.");
    match kind {
        "audio" => format!("{format} audio"),
        "video" | "image" => format!("{format} {kind}"),
        _ => format.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_caps_have_their_fourcc() {
        for expected in ALIASES.iter().map(|alias| *alias.fourcc).chain(GOTOMEETING) {
            for caps in announced_caps(expected) {
                assert_eq!(fourcc(&caps), Some(expected), "{caps}");
            }
        }
        assert_eq!(fourcc("video/x-h264, width=(int)640"), None);
    }

    #[test]
    fn missing_formats_have_names_for_people() {
        let table = [
            ("Apple ProRes decoder|decoder-video/x-prores", "Apple ProRes", true),
            (
                "video/x-gst-fourcc-AVdh decoder|decoder-video/x-gst-fourcc-AVdh",
                "Avid DNxHR video [AVdh]",
                true,
            ),
            (
                "video/x-asf-unknown decoder|decoder-video/x-asf-unknown, fourcc=(uint)843919943",
                "GoToMeeting video [G2M2]",
                true,
            ),
            (
                "video/x-avi-unknown decoder|decoder-video/x-avi-unknown, fourcc=(int)2020635256",
                "unknown codec [xrpx]",
                true,
            ),
            (
                "video/x-avi-unknown decoder|decoder-video/x-avi-unknown, fourcc=(uint)1",
                "unknown codec [0x00000001]",
                true,
            ),
            (
                "audio/x-gst-fourcc-apac decoder|decoder-audio/x-gst-fourcc-apac",
                "Apple Positional Audio [apac]",
                false,
            ),
            ("audio/x-foo decoder|decoder-audio/x-foo", "foo audio", false),
            ("GXF demuxer|decoder-application/gxf", "GXF", false),
            ("Nullsoft Video demuxer|decoder-video/x-nsv", "Nullsoft Video", true),
        ];
        for (fields, name, is_video) in table {
            let missing = Missing::parse(&format!("gstreamer|1.0|ladderd|{fields}")).unwrap();
            assert_eq!((missing.name.as_str(), missing.is_video()), (name, is_video), "{fields}");
        }
        for none in ["", "gstreamer|1.0|x|y", "gstreamer|1.0|x|H.264 encoder|encoder-video/x-h264"]
        {
            assert_eq!(Missing::parse(none), None, "{none}");
        }
    }
}
