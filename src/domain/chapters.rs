//! Chapters: named parts of a video, which players list in a menu.

use serde::{Deserialize, Serialize};

use super::untrusted;

/// Most chapters of a video. `chpl` has 255 at most; an audio book of 40 hours has about a hundred.
pub const MAX_CHAPTERS: usize = 500;
/// Most characters of a title.
pub const TITLE_CHARS: usize = 200;
/// Nanoseconds in a millisecond, the unit of `WebVTT`.
const MS: u64 = 1_000_000;

/// One chapter. It ends where the next one begins, or with the video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// Start on the timeline of the stream, in nanoseconds.
    pub start_ns: u64,
    /// Title in plain text, on one line; may be empty.
    pub title: String,
}

/// The chapters as a container states them, with titles of limited length on one line each. At most one more than
/// [`MAX_CHAPTERS`], so that the plan can tell that there are too many.
#[must_use]
pub fn with_short_titles(mut chapters: Vec<Chapter>) -> Vec<Chapter> {
    chapters.truncate(MAX_CHAPTERS + 1);
    for chapter in &mut chapters {
        let title = untrusted::one_line(&chapter.title, TITLE_CHARS);
        title.trim().clone_into(&mut chapter.title);
    }
    chapters
}

/// The chapters to publish, by their start in whole milliseconds. Of several that begin at the same time, the last one counts. One
/// without a title gets its number. A single chapter without a title is none. Adds a note if some are left out.
#[must_use]
pub fn plan_chapters(stated: &[Chapter], notes: &mut Vec<String>) -> Vec<Chapter> {
    let mut chapters = with_short_titles(stated.to_vec());
    if chapters.len() > MAX_CHAPTERS {
        notes.push(format!("chapters after the first {MAX_CHAPTERS} left out"));
        chapters.truncate(MAX_CHAPTERS);
    }
    for chapter in &mut chapters {
        chapter.start_ns = chapter.start_ns.saturating_add(MS / 2) / MS * MS;
    }
    chapters.reverse();
    // Stable: the last one comes first.
    chapters.sort_by_key(|chapter| chapter.start_ns);
    chapters.dedup_by_key(|chapter| chapter.start_ns);
    if let [only] = &chapters[..]
        && only.title.is_empty()
    {
        return Vec::new();
    }
    for (number, chapter) in (1..).zip(&mut chapters) {
        if chapter.title.is_empty() {
            chapter.title = format!("Chapter {number}");
        }
    }
    chapters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chapter(start_ms: u64, title: &str) -> Chapter {
        Chapter { start_ns: start_ms * MS, title: title.to_owned() }
    }

    fn planned(stated: &[Chapter]) -> Vec<(u64, String)> {
        let chapters = plan_chapters(stated, &mut Vec::new());
        chapters.into_iter().map(|chapter| (chapter.start_ns / MS, chapter.title)).collect()
    }

    #[test]
    fn chapters_are_sorted_and_each_has_a_title_and_a_time_of_its_own() {
        let table = [
            (vec![chapter(5, "b"), chapter(0, "a")], vec![(0, "a"), (5, "b")]),
            (
                vec![chapter(0, "first"), chapter(0, "second"), chapter(9, "c")],
                vec![(0, "second"), (9, "c")],
            ),
            (
                vec![chapter(0, " \u{1b} "), chapter(7, "two\nlines")],
                vec![(0, "Chapter 1"), (7, "two lines")],
            ),
            (vec![chapter(3, "only")], vec![(3, "only")]),
            (vec![chapter(3, " ")], vec![]),
            (vec![], vec![]),
        ];
        for (stated, expected) in table {
            let expected: Vec<_> = expected.into_iter().map(|(ms, t)| (ms, t.to_owned())).collect();
            assert_eq!(planned(&stated), expected, "{stated:?}");
        }
    }

    #[test]
    fn too_many_chapters_are_left_out_with_a_note() {
        let many: Vec<Chapter> = (0..2000).map(|number| chapter(number, "x")).collect();
        let mut notes = Vec::new();
        assert_eq!(plan_chapters(&with_short_titles(many), &mut notes).len(), MAX_CHAPTERS);
        assert_eq!(notes, ["chapters after the first 500 left out"]);
        let long = planned(&[chapter(0, &"x".repeat(1000))]);
        assert_eq!(long[0].1.chars().count(), TITLE_CHARS);
    }

    proptest! {
        #[test]
        fn starts_rise_and_titles_are_one_line(
            stated in prop::collection::vec((any::<u64>(), "(\\PC|\n|\r){0,5}"), 0..20),
        ) {
            let stated: Vec<Chapter> =
                stated.into_iter().map(|(start_ns, title)| Chapter { start_ns, title }).collect();
            let chapters = plan_chapters(&stated, &mut Vec::new());
            prop_assert!(chapters.windows(2).all(|pair| pair[0].start_ns < pair[1].start_ns));
            prop_assert!(chapters.iter().all(|chapter| !chapter.title.is_empty()));
            prop_assert!(chapters.iter().all(|chapter| !chapter.title.contains(['\n', '\r'])));
        }
    }
}
