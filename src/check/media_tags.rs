//! Rules for `EXT-X-MEDIA` that audio and subtitle renditions share.

use m3u8_rs::AlternativeMedia;

use crate::domain::conformance::Report;

/// Rule for `EXT-X-MEDIA`.
pub(super) const RULE: &str = "RFC 8216 4.3.4.1";

/// Every rendition must have a LANGUAGE, and a NAME that is unique in its group. `kind` is a word for
/// messages, `language_rule` the id of the rule for LANGUAGE.
pub(super) fn verify(
    main: &str,
    kind: &str,
    language_rule: &str,
    renditions: &[&AlternativeMedia],
    report: &mut Report,
) {
    for (at, media) in renditions.iter().enumerate() {
        let name = &media.name;
        if media.language.as_deref().unwrap_or_default().is_empty() {
            let text = format!("{kind} rendition {name:?} has no LANGUAGE");
            report.must(language_rule, main, text);
        }
        let is_same = |other: &&AlternativeMedia| {
            other.group_id == media.group_id && other.name == media.name
        };
        if name.is_empty() || renditions[..at].iter().any(is_same) {
            let text = format!("NAME {name:?} is empty or not unique in its group");
            report.must(RULE, main, text);
        }
    }
}
