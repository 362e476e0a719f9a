//! Tests of edit lists.

use proptest::prelude::*;

use super::*;

const SCALES: Scales = Scales { movie: 1000, media: 1000 };

/// An entry that shows the track from `begin_ms` on.
fn shows(begin_ms: u64, duration_ms: u64) -> Entry {
    Entry { duration: duration_ms, media_time: Some(begin_ms), rate: NORMAL_RATE }
}

fn empty(duration_ms: u64) -> Entry {
    Entry { duration: duration_ms, media_time: None, rate: NORMAL_RATE }
}

fn one_track(entries: &[Entry], shift: u64) -> TrackEdits {
    let list = EditList::new(entries, SCALES, shift, Some(10_000)).unwrap();
    let edits = Edits::new(HashMap::from([("001".to_owned(), list)]));
    edits.of_stream("abc/001").unwrap()
}

/// Milliseconds at which frames of 40 ms are shown.
fn shown(edits: &TrackEdits, times_ms: &[u64]) -> Vec<Option<u64>> {
    let place = |ms: &u64| edits.parts(ms * 1_000_000, 40_000_000).next();
    times_ms.iter().map(|ms| place(ms).map(|part| part.shown_ns / 1_000_000)).collect()
}

#[test]
fn each_part_is_shown_at_its_time() {
    let cut = one_track(&[shows(80, 80), shows(400, 0)], 0);
    assert_eq!(
        shown(&cut, &[0, 40, 80, 120, 160, 200, 360, 400, 440]),
        [None, None, Some(0), Some(40), None, None, None, Some(80), Some(120)]
    );
    // A frame that has begun before is shown for the rest of its time.
    assert_eq!(shown(&cut, &[60, 390]), [Some(0), Some(80)]);
    let gap = one_track(&[shows(0, 40), empty(1000), shows(40, 0)], 0);
    assert_eq!(shown(&gap, &[0, 40, 80]), [Some(0), Some(1040), Some(1080)]);
    // The only track begins at once.
    assert_eq!(shown(&one_track(&[empty(5000), shows(40, 0)], 0), &[40]), [Some(0)]);
    // Timestamps that were moved, because some were negative.
    assert_eq!(
        shown(&one_track(&[shows(40, 0)], 100), &[100, 140, 180]),
        [None, Some(0), Some(40)]
    );
}

#[test]
fn tracks_keep_their_distance() {
    let video = EditList::new(&[empty(500), shows(80, 0)], SCALES, 0, None).unwrap();
    let audio = EditList::new(&[empty(300), shows(20, 0)], SCALES, 0, None).unwrap();
    let edits = Edits::new(HashMap::from([("001".to_owned(), video), ("002".to_owned(), audio)]));
    assert_eq!(edits.start_ns(), 300_000_000);
    let first = |id| {
        let parts = edits.of_stream(id).unwrap().parts(0, 1_000_000_000).next().unwrap();
        [parts.skipped_ns, parts.shown_ns].map(|ns| ns / 1_000_000)
    };
    assert_eq!((first("x/001"), first("x/002")), ([80, 200], [20, 0]));
    assert!(edits.of_stream("x/003").is_none() && edits.of_stream("").is_none());
}

#[test]
fn negative_times_without_edits_are_shown() {
    let video = EditList::whole(SCALES, 100);
    let audio = EditList::whole(SCALES, 0);
    let edits = Edits::new(HashMap::from([("001".to_owned(), video), ("002".to_owned(), audio)]));
    assert_eq!(shown(&edits.of_stream("001").unwrap(), &[0, 100]), [Some(0), Some(100)]);
    assert_eq!(shown(&edits.of_stream("002").unwrap(), &[0, 100]), [Some(100), Some(200)]);
}

#[test]
fn the_timeline_begins_with_the_first_frame() {
    let firsts = |video: u64, audio: u64| {
        let ns = |ms: u64| ms * 1_000_000;
        HashMap::from([("x/video".to_owned(), ns(video)), ("x/audio".to_owned(), ns(audio))])
    };
    let shown_at = |edits: &Edits, id, ms| shown(&edits.of_stream(id).unwrap(), &[ms])[0];
    let edits = Edits::none().starting_with(&firsts(3_600_067, 3_600_000));
    assert_eq!(shown_at(&edits, "x/video", 3_600_067), Some(67));
    assert_eq!(shown_at(&edits, "x/audio", 3_600_000), Some(0));
    assert_eq!(shown_at(&edits, "x/later", 3_601_000), Some(1000));
    // Silence that fills the time before the first sample of a track.
    assert_eq!(edits.of_stream("x/audio").unwrap().parts(0, 3_599_000_000_000).count(), 0);
    // A fragmented file whose list skips the first frame.
    let list = EditList::new(&[shows(40, 0)], SCALES, 0, None).unwrap();
    let edits = Edits::new(HashMap::from([("video".to_owned(), list)]));
    assert_eq!(shown_at(&edits.clone().starting_with(&firsts(0, 9)), "x/video", 40), Some(0));
    let later = edits.starting_with(&firsts(5040, 9));
    assert_eq!((shown_at(&later, "x/video", 5040), later.start_ns()), (Some(0), 5_000_000_000));
}

#[test]
fn a_run_of_samples_falls_into_parts() {
    let edits = one_track(&[shows(100, 200), shows(600, 0)], 0);
    let parts = |begin: u64, length: u64| -> Vec<[u64; 3]> {
        let parts = edits.parts(begin * 1_000_000, length * 1_000_000);
        parts.map(|p| [p.skipped_ns, p.length_ns, p.shown_ns].map(|n| n / 1_000_000)).collect()
    };
    assert_eq!(parts(0, 1000), [[100, 200, 0], [600, 400, 200]]);
    assert_eq!(parts(250, 100), [[0, 50, 150]]);
    assert!(parts(300, 300).is_empty());
    assert_eq!(edits.shown_end_ns(1_000_000_000), 600_000_000);
    assert_eq!(edits.shown_end_ns(500_000_000), 200_000_000);
    assert_eq!(edits.shown_end_ns(0), 0);
}

#[test]
fn lists_that_no_player_can_follow_in_order_are_left_to_the_demuxer() {
    let new = |entries: &[Entry]| EditList::new(entries, SCALES, 0, Some(10_000));
    assert!(new(&[shows(0, 500), shows(200, 500)]).is_none(), "twice");
    assert!(new(&[shows(500, 500), shows(0, 500)]).is_none(), "backwards");
    assert!(new(&[Entry { rate: NORMAL_RATE * 2, ..shows(0, 500) }]).is_none(), "faster");
    assert!(new(&vec![shows(0, 1); MAX_EDITS + 1]).is_none(), "too many");
    assert!(new(&[empty(u64::MAX), empty(u64::MAX), shows(0, 500)]).is_none(), "for years");
    // One unit too long.
    assert!(new(&[shows(0, 501), shows(500, 500)]).is_some());
    // Nothing of the track would be left.
    for none in [&[shows(10_000, 500)][..], &[empty(500)], &[]] {
        assert_eq!(new(none), Some(EditList::whole(SCALES, 0)));
    }
    let identity = new(&[shows(0, 0)]).unwrap();
    assert!(Edits::new(HashMap::from([("001".to_owned(), identity)])).is_empty());
}

proptest! {
    #[test]
    fn hostile_lists_break_nothing(
        entries in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<i32>()), 0..6),
        (movie, media, shift) in (any::<u32>(), any::<u32>(), any::<u64>()),
        (time, duration) in (any::<u64>(), any::<u64>()),
        is_normal in any::<bool>(),
    ) {
        let entry = |(duration, media_time, rate): &(u64, Option<u64>, i32)| Entry {
            duration: *duration,
            media_time: *media_time,
            rate: if is_normal { NORMAL_RATE } else { *rate },
        };
        let entries: Vec<Entry> = entries.iter().map(entry).collect();
        let scales = Scales { movie, media };
        if let Some(list) = EditList::new(&entries, scales, shift, None) {
            let whole = EditList::whole(scales, shift);
            let lists = HashMap::from([("1".to_owned(), list), ("2".to_owned(), whole)]);
            let edits = Edits::new(lists);
            for track in ["1", "2"].iter().filter_map(|id| edits.of_stream(id)) {
                let parts: Vec<Part> = track.parts(time, duration).collect();
                for pair in parts.windows(2) {
                    prop_assert!(pair[0].shown_ns + pair[0].length_ns <= pair[1].shown_ns + 20_000_000);
                }
                prop_assert!(track.shown_end_ns(time) >= track.shown_end_ns(0));
            }
        }
    }
}
