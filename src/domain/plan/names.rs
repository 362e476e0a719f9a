//! Names of audio and subtitle renditions.

/// Names of one rendition.
pub(super) struct RenditionName {
    /// Name of the rendition and its folder, such as `audio-en-2`.
    pub(super) name: String,
    /// Name in the player's menu.
    pub(super) title: String,
}

/// Names a rendition so that name and title are unique within its group (RFC 8216, 4.3.4.1.1).
///
/// `prefix` begins the name; `untitled` is the title if neither title nor language is known. `others`
/// are the languages and titles of the renditions of the group so far.
pub(super) fn unique<'a>(
    (prefix, untitled): (&str, &str),
    language: &str,
    title: Option<&str>,
    others: impl Iterator<Item = (&'a str, &'a str)>,
) -> RenditionName {
    let (languages, titles): (Vec<&str>, Vec<&str>) = others.unzip();
    let same = languages.iter().filter(|other| **other == language).count();
    let suffix = if same == 0 { String::new() } else { format!("-{}", same + 1) };
    // A quoted string of a playlist can hold neither.
    let title: String = title
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control() && *c != '"')
        .take(60)
        .collect();
    let base = match (title.trim(), language) {
        ("", "und") => untitled,
        ("", language) => language,
        (title, _) => title,
    };
    let numbered = (2..).map(|number: u32| format!("{base} ({number})"));
    let mut candidates = std::iter::once(base.to_owned()).chain(numbered);
    let title = candidates.find(|name| !titles.contains(&name.as_str())).unwrap_or_default();
    RenditionName { name: format!("{prefix}-{language}{suffix}"), title }
}
