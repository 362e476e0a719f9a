//! The list of videos: its places, filters and pages.

mod cursor;
mod sort;
mod terms;

use jiff::Timestamp;

pub use self::cursor::Cursor;
pub use self::sort::Sort;
pub use self::terms::match_all;
use super::failure_code::FailureCode;
use super::job::VideoId;
use super::video::VideoState;

/// Bits of a place that tell videos of the same millisecond apart.
const SPREAD_BITS: u32 = 20;

/// Place of a video in the order of creation: larger is newer. Videos of the same millisecond differ by their ids.
#[must_use]
pub fn place(created_ms: i64, id: &VideoId) -> i64 {
    let digits = id.as_str().get(..5).unwrap_or_default();
    let spread = i64::from_str_radix(digits, 16).unwrap_or_default();
    first_place(created_ms) | spread
}

/// The first place of a millisecond.
#[must_use]
pub fn first_place(created_ms: i64) -> i64 {
    created_ms.clamp(0, i64::MAX >> SPREAD_BITS) << SPREAD_BITS
}

/// The millisecond of a place.
#[must_use]
pub fn created_ms(place: i64) -> i64 {
    place >> SPREAD_BITS
}

/// The videos of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that title, file name, description or tags have, as people type them.
    pub text: Option<String>,
    /// States; none for all.
    pub states: Vec<VideoState>,
    /// A tag.
    pub tag: Option<String>,
    /// Name that an uploader made from the content of the file.
    pub fingerprint: Option<String>,
    /// Failure code of the error that the videos show.
    pub code: Option<FailureCode>,
    /// Created at or after this time.
    pub created_after: Option<Timestamp>,
    /// Created before this time.
    pub created_before: Option<Timestamp>,
    /// Order.
    pub sort: Sort,
    /// Where the previous page ended.
    pub cursor: Option<Cursor>,
    /// Most videos of the page.
    pub limit: usize,
}

/// The text by which a video is sorted: its title, or its file name, without regard to case.
#[must_use]
pub fn sort_title(title: Option<&str>, filename: &str) -> String {
    title.unwrap_or(filename).trim().to_lowercase().chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_creation() {
        let id = |n: i64| VideoId::of_source("uploads", &n.to_string());
        for n in 0..200 {
            let (early, late) = (place(n, &id(n)), place(n + 1, &id(200 - n)));
            assert!(early < late && first_place(n) <= early && early < first_place(n + 1), "{n}");
        }
        assert_eq!(created_ms(place(-1, &id(1))), 0);
        assert_eq!(created_ms(place(77, &id(1))), 77);
        assert!(place(i64::MAX, &id(1)) > 0);
    }

    #[test]
    fn titles_sort_without_regard_to_case() {
        assert_eq!(sort_title(Some(" Über uns "), "x.mp4"), "über uns");
        assert_eq!(sort_title(None, "B.MP4"), "b.mp4");
        assert_eq!(sort_title(Some(&"x".repeat(200)), "").len(), 100);
    }
}
