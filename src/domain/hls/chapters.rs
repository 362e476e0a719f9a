//! Chapters as `WebVTT`: a cue for each chapter, whose text is the title. Players read it as a text track of the
//! kind `chapters`.

use super::text::push_line;
use super::webvtt::{markup, timestamp};
use crate::domain::chapters::Chapter;

/// Shortest chapter in nanoseconds: the unit of `WebVTT`'s times.
const MIN_NS: u64 = 1_000_000;

/// Renders planned chapters of a video of this duration. Those that begin at its end or behind it are left out.
/// `None` if no chapter is left.
#[must_use]
pub fn render(chapters: &[Chapter], duration_ns: u64) -> Option<String> {
    let is_within = |chapter: &&Chapter| chapter.start_ns.saturating_add(MIN_NS) <= duration_ns;
    let within: Vec<&Chapter> = chapters.iter().take_while(is_within).collect();
    let ends = within.iter().skip(1).map(|next| next.start_ns).chain([duration_ns]);
    let mut text = String::from("WEBVTT\n");
    for (chapter, end_ns) in within.iter().zip(ends) {
        let (start, end) = (timestamp(chapter.start_ns), timestamp(end_ns));
        let title = markup::of_plain(&chapter.title);
        push_line(&mut text, format_args!("\n{start} --> {end}\n{title}"));
    }
    (!within.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::chapters::plan_chapters;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_chapter_ends_with_the_next_one_or_with_the_video() {
        let chapters = [(0, "Intro"), (12_500, "R&D --> <b>Ärger</b>"), (61_000, "Behind the end")];
        let chapters = chapters
            .map(|(start_ms, title)| Chapter { start_ns: start_ms * MS, title: title.to_owned() });
        insta::assert_snapshot!(render(&chapters, 60_040 * MS).unwrap(), @"
        WEBVTT

        00:00:00.000 --> 00:00:12.500
        Intro

        00:00:12.500 --> 00:01:00.040
        R&amp;D --&gt; &lt;b&gt;Ärger&lt;/b&gt;
        ");
        assert_eq!(render(&chapters, 0), None);
        assert_eq!(render(&[], 60_000 * MS), None);
    }

    proptest! {
        #[test]
        fn each_chapter_is_one_cue(
            stated in prop::collection::vec((0_u64..90_000, "[-> &<a\n]{0,9}"), 0..12),
            duration_ms in 0_u64..100_000,
        ) {
            let stated: Vec<Chapter> = stated
                .into_iter()
                .map(|(start_ms, title)| Chapter { start_ns: start_ms * MS, title })
                .collect();
            let planned = plan_chapters(&stated, &mut Vec::new());
            let within = planned.iter().filter(|chapter| chapter.start_ns < duration_ms * MS).count();
            let text = render(&planned, duration_ms * MS).unwrap_or_default();
            let blocks: Vec<&str> = text.trim_end().split("\n\n").skip(1).collect();
            prop_assert_eq!(blocks.len(), within, "{}", text);
            for block in blocks {
                prop_assert_eq!(block.matches("-->").count(), 1, "{}", text);
                prop_assert_eq!(block.lines().count(), 2, "{}", text);
            }
        }
    }
}
