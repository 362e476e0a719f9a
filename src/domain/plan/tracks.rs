//! Names of renditions that players let people choose from: sounds and subtitles.

/// The BCP 47 tag of a container's language: `und` where it is unknown or malformed. A region
/// (`pt-BR`) is left out: the tag is part of a folder's name.
pub(super) fn language_tag(code: Option<&str>) -> String {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let code = code.split(['-', '_']).next().unwrap_or_default();
    let is_tag = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    let code = if is_tag { code } else { "und" };
    let short = SHORT_TAGS.iter().find(|(_, longs)| longs.contains(&code));
    short.map_or(code, |(short, _)| short).to_owned()
}

/// Where a language has a code of two letters, BCP 47 takes that one (RFC 5646, 2.2.1). The most
/// used of them with their codes in ISO 639-2; any other language keeps the code that it has.
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

/// What a rendition is called.
pub(super) struct Named {
    /// Of its folder.
    pub(super) name: String,
    /// In the player's menu.
    pub(super) title: String,
}

/// Names of a rendition whose folder begins with the first of the words. The second stands where
/// neither title nor language is known. `others` are languages and titles of the renditions of its
/// group so far: names differ within a group (RFC 8216, 4.3.4.1.1).
pub(super) fn name<'a>(
    (kind, unknown): (&str, &str),
    language: &str,
    title: Option<&str>,
    others: impl Iterator<Item = (&'a str, &'a str)>,
) -> Named {
    let (languages, titles): (Vec<&str>, Vec<&str>) = others.unzip();
    let same = languages.iter().filter(|other| **other == language).count();
    let suffix = if same == 0 { String::new() } else { format!("-{}", same + 1) };
    // Neither may stand in a quoted string of a playlist.
    let title: String = title
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control() && *c != '"')
        .take(60)
        .collect();
    let base = match (title.trim(), language) {
        ("", "und") => unknown,
        ("", language) => language,
        (title, _) => title,
    };
    let numbered = (2..).map(|number: u32| format!("{base} ({number})"));
    let mut titles_of_it = std::iter::once(base.to_owned()).chain(numbered);
    let title = titles_of_it.find(|name| !titles.contains(&name.as_str())).unwrap_or_default();
    Named { name: format!("{kind}-{language}{suffix}"), title }
}
