//! File names in object keys.

use crate::domain::job::VideoId;
use crate::http::idempotency::Seed;
use crate::http::state::AppState;

/// Longest name that is kept, in bytes. A whole S3 key may have 1,024.
const MAX_BYTES: usize = 200;

/// Makes the last segment of an object key out of a file name: without folders, with letters,
/// digits, `.`, `_` and `-` only, at most [`MAX_BYTES`] long, never hidden, never empty.
pub(in crate::http) fn to_key_segment(filename: &str) -> String {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or(filename).trim();
    let mut name = String::new();
    for c in base.chars() {
        let kept = if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
        if name.len() + kept.len_utf8() > MAX_BYTES {
            break;
        }
        name.push(kept);
    }
    let name = name.trim_start_matches('.');
    if name.is_empty() { "video".to_owned() } else { name.to_owned() }
}

/// A key for a file with this name that nobody else uses, and the id of its video. Both follow from `seed`, if the
/// request has one.
pub(in crate::http) fn issued_key(
    state: &AppState,
    name: &str,
    seed: Option<Seed>,
) -> (String, VideoId) {
    let prefix = hex::encode(seed.map_or_else(rand::random, |Seed(seed)| seed));
    let key = format!("{}{prefix}/{name}", state.sources.prefix);
    let id = VideoId::of_source(state.private.name(), &key);
    (key, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_and_stay_readable() {
        let long = "a".repeat(300);
        let table = [
            ("film.mp4", "film.mp4"),
            ("My Holiday (1).MOV", "My_Holiday__1_.MOV"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\clip.avi", "clip.avi"),
            ("übung ä.mkv", "übung_ä.mkv"),
            ("...", "video"),
            ("", "video"),
            (".hidden", "hidden"),
            ("a\u{0}b\nc", "a_b_c"),
            (long.as_str(), &long[..200]),
        ];
        for (given, expected) in table {
            assert_eq!(to_key_segment(given), expected, "{given:?}");
        }
    }
}
