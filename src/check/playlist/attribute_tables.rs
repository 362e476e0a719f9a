//! The attributes of the known tags, with their types.

/// An attribute of a tag.
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) is_required: bool,
}

/// Type of a value.
#[derive(Clone, Copy)]
pub(super) enum Type {
    /// Verified elsewhere.
    Any,
    Quoted,
    /// Quoted and not empty.
    QuotedText,
    QuotedOrNone,
    Integer,
    Float,
    SignedFloat,
    Hex,
    Resolution,
    OneOf(&'static [&'static str]),
}

const fn may(name: &'static str, kind: Type) -> Attribute {
    Attribute { name, kind, is_required: false }
}

const fn needs(name: &'static str, kind: Type) -> Attribute {
    Attribute { name, kind, is_required: true }
}

const YES_NO: Type = Type::OneOf(&["YES", "NO"]);
const VIDEO_RANGES: Type = Type::OneOf(&["SDR", "HLG", "PQ"]);
const HDCP_LEVELS: Type = Type::OneOf(&["TYPE-0", "TYPE-1", "NONE"]);

const MEDIA: &[Attribute] = &[
    needs("TYPE", Type::OneOf(&["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"])),
    may("URI", Type::QuotedText),
    needs("GROUP-ID", Type::QuotedText),
    may("LANGUAGE", Type::Quoted),
    may("ASSOC-LANGUAGE", Type::Quoted),
    needs("NAME", Type::Quoted),
    may("STABLE-RENDITION-ID", Type::Quoted),
    may("DEFAULT", YES_NO),
    may("AUTOSELECT", YES_NO),
    may("FORCED", YES_NO),
    may("INSTREAM-ID", Type::Quoted),
    may("BIT-DEPTH", Type::Integer),
    may("SAMPLE-RATE", Type::Integer),
    may("CHARACTERISTICS", Type::Quoted),
    may("CHANNELS", Type::Quoted),
];
const STREAM_INF: &[Attribute] = &[
    needs("BANDWIDTH", Type::Integer),
    may("AVERAGE-BANDWIDTH", Type::Integer),
    may("SCORE", Type::Float),
    may("CODECS", Type::QuotedText),
    may("SUPPLEMENTAL-CODECS", Type::QuotedText),
    may("RESOLUTION", Type::Resolution),
    may("FRAME-RATE", Type::Float),
    may("HDCP-LEVEL", HDCP_LEVELS),
    may("ALLOWED-CPC", Type::Quoted),
    may("VIDEO-RANGE", VIDEO_RANGES),
    may("REQ-VIDEO-LAYOUT", Type::Quoted),
    may("STABLE-VARIANT-ID", Type::Quoted),
    may("AUDIO", Type::Quoted),
    may("VIDEO", Type::Quoted),
    may("SUBTITLES", Type::Quoted),
    may("CLOSED-CAPTIONS", Type::QuotedOrNone),
    may("PATHWAY-ID", Type::Quoted),
    may("NAME", Type::Any),
    may("PROGRAM-ID", Type::Any),
];
const I_FRAME_STREAM_INF: &[Attribute] = &[
    needs("BANDWIDTH", Type::Integer),
    may("AVERAGE-BANDWIDTH", Type::Integer),
    may("SCORE", Type::Float),
    may("CODECS", Type::QuotedText),
    may("SUPPLEMENTAL-CODECS", Type::QuotedText),
    may("RESOLUTION", Type::Resolution),
    may("HDCP-LEVEL", HDCP_LEVELS),
    may("ALLOWED-CPC", Type::Quoted),
    may("VIDEO-RANGE", VIDEO_RANGES),
    may("REQ-VIDEO-LAYOUT", Type::Quoted),
    may("STABLE-VARIANT-ID", Type::Quoted),
    may("VIDEO", Type::Quoted),
    may("PATHWAY-ID", Type::Quoted),
    needs("URI", Type::QuotedText),
];
/// The method, the URI and the vector are verified where segments are decrypted.
const KEY: &[Attribute] = &[
    may("METHOD", Type::Any),
    may("URI", Type::Any),
    may("IV", Type::Any),
    may("KEYFORMAT", Type::Quoted),
    may("KEYFORMATVERSIONS", Type::Quoted),
];
const SESSION_KEY: &[Attribute] = &[
    needs("METHOD", Type::OneOf(&["AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR"])),
    needs("URI", Type::QuotedText),
    may("IV", Type::Hex),
    may("KEYFORMAT", Type::Quoted),
    may("KEYFORMATVERSIONS", Type::Quoted),
];
const MAP: &[Attribute] = &[needs("URI", Type::QuotedText), may("BYTERANGE", Type::Quoted)];
const DATERANGE: &[Attribute] = &[
    needs("ID", Type::QuotedText),
    may("CLASS", Type::Quoted),
    needs("START-DATE", Type::QuotedText),
    may("CUE", Type::Quoted),
    may("END-DATE", Type::QuotedText),
    may("DURATION", Type::Float),
    may("PLANNED-DURATION", Type::Float),
    may("SCTE35-CMD", Type::Hex),
    may("SCTE35-OUT", Type::Hex),
    may("SCTE35-IN", Type::Hex),
    may("END-ON-NEXT", Type::OneOf(&["YES"])),
];
const SESSION_DATA: &[Attribute] = &[
    needs("DATA-ID", Type::QuotedText),
    may("VALUE", Type::Quoted),
    may("URI", Type::QuotedText),
    may("FORMAT", Type::OneOf(&["JSON", "RAW"])),
    may("LANGUAGE", Type::Quoted),
];
const START: &[Attribute] = &[needs("TIME-OFFSET", Type::SignedFloat), may("PRECISE", YES_NO)];
const DEFINE: &[Attribute] = &[
    may("NAME", Type::QuotedText),
    may("VALUE", Type::Quoted),
    may("IMPORT", Type::QuotedText),
    may("QUERYPARAM", Type::QuotedText),
];
const CONTENT_STEERING: &[Attribute] =
    &[needs("SERVER-URI", Type::QuotedText), may("PATHWAY-ID", Type::Quoted)];

/// The attributes of a known tag.
pub(super) fn attributes_of(tag: &str) -> &'static [Attribute] {
    match tag {
        "EXT-X-MEDIA" => MEDIA,
        "EXT-X-STREAM-INF" => STREAM_INF,
        "EXT-X-I-FRAME-STREAM-INF" => I_FRAME_STREAM_INF,
        "EXT-X-KEY" => KEY,
        "EXT-X-SESSION-KEY" => SESSION_KEY,
        "EXT-X-MAP" => MAP,
        "EXT-X-DATERANGE" => DATERANGE,
        "EXT-X-SESSION-DATA" => SESSION_DATA,
        "EXT-X-START" => START,
        "EXT-X-DEFINE" => DEFINE,
        "EXT-X-CONTENT-STEERING" => CONTENT_STEERING,
        _ => &[],
    }
}
