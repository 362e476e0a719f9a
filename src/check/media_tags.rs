//! Rules for `EXT-X-MEDIA` that audio and subtitle renditions share.

use super::playlist::MediaTag;
use crate::domain::conformance::{Place, Report};

/// Rule for `EXT-X-MEDIA`.
pub(super) const RULE: &str = "RFC 8216 4.3.4.1";

/// Every rendition must have a LANGUAGE, and a NAME that is unique in its group. `kind` is a word for
/// messages, `language_rule` the id of the rule for LANGUAGE.
pub(super) fn verify(
    main: &str,
    kind: &str,
    language_rule: &str,
    renditions: &[&MediaTag],
    report: &mut Report,
) {
    for (at, media) in renditions.iter().enumerate() {
        let (name, place) = (&media.name, Place::line(main, media.line));
        if media.language.as_deref().unwrap_or_default().is_empty() {
            let text = format!("{kind} rendition {name:?} has no LANGUAGE");
            report.must(language_rule, place, text);
        }
        let is_same =
            |other: &&MediaTag| other.group_id == media.group_id && other.name == media.name;
        if name.is_empty() || renditions[..at].iter().any(is_same) {
            let text = format!("NAME {name:?} is empty or not unique in its group");
            report.must(RULE, place, text);
        }
    }
}
