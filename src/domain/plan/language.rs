//! Language tags of renditions.

/// Normalizes the language of a container to its shortest BCP 47 tag. Unknown and malformed languages
/// become `und`. A region (`pt-BR`) is dropped, because the tag is part of a folder name.
pub(super) fn tag(code: Option<&str>) -> String {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let code = code.split(['-', '_']).next().unwrap_or_default();
    let is_tag = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    shortest(if is_tag { code } else { "und" }).to_owned()
}

/// The two-letter code of the language with this code, if it has one and is among the most used.
#[must_use]
pub fn shortest(code: &str) -> &str {
    let short = SHORT_TAGS.iter().find(|(_, longs)| longs.contains(&code));
    short.map_or(code, |(short, _)| short)
}

/// Two-letter codes (ISO 639-1) with their three-letter codes (ISO 639-2), for the most used
/// languages. BCP 47 requires the short code where one exists (RFC 5646, 2.2.1). Every other language
/// keeps the code of its container.
const SHORT_TAGS: [(&str, &[&str]); 40] = [
    ("ar", &["ara"]),
    ("bg", &["bul"]),
    ("bn", &["ben"]),
    ("ca", &["cat"]),
    ("cs", &["cze", "ces"]),
    ("cy", &["wel", "cym"]),
    ("da", &["dan"]),
    ("de", &["ger", "deu"]),
    ("el", &["gre", "ell"]),
    ("en", &["eng"]),
    ("es", &["spa"]),
    ("et", &["est"]),
    ("eu", &["baq", "eus"]),
    ("fa", &["per", "fas"]),
    ("fi", &["fin"]),
    ("fr", &["fre", "fra"]),
    ("he", &["heb"]),
    ("hi", &["hin"]),
    ("hr", &["hrv"]),
    ("hu", &["hun"]),
    ("id", &["ind"]),
    ("is", &["ice", "isl"]),
    ("it", &["ita"]),
    ("ja", &["jpn"]),
    ("ko", &["kor"]),
    ("lt", &["lit"]),
    ("lv", &["lav"]),
    ("nl", &["dut", "nld"]),
    ("no", &["nor"]),
    ("pl", &["pol"]),
    ("pt", &["por"]),
    ("ro", &["rum", "ron"]),
    ("ru", &["rus"]),
    ("sk", &["slo", "slk"]),
    ("sv", &["swe"]),
    ("th", &["tha"]),
    ("tr", &["tur"]),
    ("uk", &["ukr"]),
    ("vi", &["vie"]),
    ("zh", &["chi", "zho"]),
];
