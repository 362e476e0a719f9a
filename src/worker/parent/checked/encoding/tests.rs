//! Segments, thumbnails and cues.

use crate::domain::encode::SegmentFormat;
use crate::domain::thumbnail::Thumbnail;
use crate::worker::parent::checked::testing::*;
use crate::worker::parent::misbehaviour::Misbehaviour;
use crate::worker::protocol::Event;

#[test]
fn unfinished_segments_keep_little_memory() {
    const PIECE: usize = 64 << 10;
    let mut session = Session::encoding(SegmentFormat::Ts);
    let (piece, mut most) = (vec![0; PIECE], 0);
    for rendition in 0..5 {
        let refused = (0..100_000).find_map(|_| session.data(rendition, 0, &piece).err()).unwrap();
        assert_eq!(refused, Misbehaviour::TooMuch("bytes of a segment"));
        most = most.max(session.kept_bytes());
    }
    assert!((10 << 20..70 << 20).contains(&most), "{most} bytes");
    // Neither many small frames nor a second open segment get around it.
    let mut session = Session::encoding(SegmentFormat::Ts);
    let frames = (0..1_000_000).take_while(|_| session.data(0, 0, b"x").is_ok()).count();
    assert!(frames < 100, "{frames}");
    let mut session = Session::encoding(SegmentFormat::Ts);
    session.data(0, 0, b"x").unwrap();
    for number in [1, 2, u32::MAX] {
        let refused = session.data(0, number, b"x").unwrap_err();
        assert!(matches!(refused, Misbehaviour::Number { expected: 0, .. }), "{refused}");
    }
}

#[test]
fn segments_follow_each_other_within_the_plan() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    session.whole_segment(0, 0);
    session.data(0, 1, b"x").unwrap();
    let times = [
        (SECOND_NS, u64::MAX),
        (u64::MAX, 0),
        (u64::MAX, u64::MAX),
        // Ends before the segment that it follows.
        (0, SECOND_NS),
        (100 * 3600 * SECOND_NS, SECOND_NS),
    ];
    for (start_ns, duration_ns) in times {
        let event = Event::Segment { rendition: 0, number: 1, start_ns, duration_ns };
        let refused = session.event(event).unwrap_err();
        assert_eq!(refused, Misbehaviour::Wrong("time of a segment"), "{start_ns} {duration_ns}");
    }
    for (rendition, number) in [(0, 0), (0, 2), (0, u32::MAX), (1, 7)] {
        let refused = session.segment(rendition, number).unwrap_err();
        assert!(matches!(refused, Misbehaviour::Number { .. }), "{refused}");
    }
    assert_eq!(session.segment(1, 0).unwrap_err(), Misbehaviour::Wrong("segment without bytes"));
    for rendition in [5, u16::MAX] {
        let unknown = |refused| matches!(refused, Err(Misbehaviour::UnknownRendition { .. }));
        assert!(unknown(session.data(rendition, 0, b"x")), "{rendition}");
        assert!(unknown(session.segment(rendition, 0)), "{rendition}");
        assert!(unknown(session.event(codec(rendition, "avc1.640028")).map(drop)), "{rendition}");
        assert!(unknown(session.event(cue(rendition, 0, "x")).map(drop)), "{rendition}");
    }
}

#[test]
fn segments_are_as_many_and_as_large_as_their_time_allows() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    // All of them begin at the same time.
    let refused = (0..1_000_000).find_map(|number| {
        session.data(0, number, b"x").unwrap();
        let event = Event::Segment { rendition: 0, number, start_ns: 0, duration_ns: 0 };
        session.event(event).err().map(|refused| (number, refused))
    });
    assert_eq!(refused, Some((6, Misbehaviour::TooMuch("segments"))));
    let mut session = Session::encoding(SegmentFormat::Ts);
    let bytes = vec![0; 4 << 20];
    let refused = (0..1_000).find_map(|number| {
        session.data(3, number, &bytes).unwrap();
        session.segment(3, number).err()
    });
    assert_eq!(refused, Some(Misbehaviour::TooMuch("bytes of a rendition")));
}

#[test]
fn codecs_and_initialization_sections_come_once() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    for wrong in ["mp4a.40.2", "avc1.64002G", "avc1.640028\"\n#EXT-X-ENDLIST", ""] {
        let refused = session.event(codec(0, wrong)).unwrap_err();
        assert_eq!(refused, Misbehaviour::Wrong("codec string"), "{wrong:?}");
    }
    session.event(codec(0, "avc1.640028")).unwrap();
    let again = session.event(codec(0, "avc1.640028")).unwrap_err();
    assert_eq!(again, Misbehaviour::TooMuch("codec strings"));
    // Transport streams have none.
    assert_eq!(session.init(0).unwrap_err(), Misbehaviour::Wrong("initialization section"));
    let mut session = Session::encoding(SegmentFormat::Cmaf);
    assert!(session.data(0, 0, b"x").is_err(), "no initialization section was sent");
    session.init(0).unwrap();
    assert_eq!(session.init(0).unwrap_err(), Misbehaviour::TooMuch("initialization sections"));
    session.whole_segment(0, 0);
    session.whole_segment(0, 1);
    assert_eq!(session.init(0).unwrap_err(), Misbehaviour::TooMuch("initialization sections"));
}

#[test]
fn thumbnails_are_those_of_the_plan() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    session.thumbnail(Thumbnail::Poster, JPEG).unwrap();
    assert_eq!(
        session.thumbnail(Thumbnail::Poster, JPEG).unwrap_err(),
        Misbehaviour::TooMuch("posters")
    );
    let huge = [JPEG, &vec![0; 8 << 20]].concat();
    let table: [(Thumbnail, &[u8], Misbehaviour); 5] = [
        (sheet(1, 25), JPEG, Misbehaviour::Number { what: "a sheet", found: 1, expected: 0 }),
        (sheet(0, 0), JPEG, Misbehaviour::Wrong("number of tiles")),
        (sheet(0, 26), JPEG, Misbehaviour::Wrong("number of tiles")),
        (sheet(0, 25), b"<html>", Misbehaviour::Wrong("thumbnail")),
        (sheet(0, 25), &huge, Misbehaviour::TooMuch("bytes of a thumbnail")),
    ];
    for (thumbnail, jpeg, expected) in table {
        let mut session = Session::encoding(SegmentFormat::Ts);
        assert_eq!(session.thumbnail(thumbnail, jpeg).unwrap_err(), expected, "{thumbnail:?}");
    }
    session.thumbnail(sheet(0, 3), JPEG).unwrap();
    let after_last = session.thumbnail(sheet(1, 25), JPEG).unwrap_err();
    assert_eq!(after_last, Misbehaviour::TooMuch("sheets"));
    let mut session = Session::encoding(SegmentFormat::Ts);
    let sheets = (0..1_000_000).take_while(|n| session.thumbnail(sheet(*n, 25), JPEG).is_ok());
    assert!(sheets.count() < 3_000);
}

#[test]
fn cues_are_limited_and_end_with_the_longest_video() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    for text in ["", "a\n\n00:00.000 --> 00:01.000\nb", "a --> b", &"x".repeat(100_000)] {
        let refused = session.event(cue(0, 0, text)).unwrap_err();
        assert_eq!(refused, Misbehaviour::Wrong("cue"), "{text:.40}");
    }
    assert!(session.event(cue(0, u64::MAX, "behind the end")).unwrap().is_none());
    let text = "x".repeat(1_000);
    let cues = (0..1_000_000).take_while(|n| session.event(cue(0, *n, &text)).is_ok()).count();
    assert!(cues < 100_000, "{cues}");
}

#[test]
fn a_pipeline_starts_again_once_and_before_its_first_segment() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    let prelude = |session: &mut Session| {
        session.event(codec(0, "avc1.640028")).unwrap();
        session.thumbnail(Thumbnail::Poster, JPEG).unwrap();
        session.thumbnail(sheet(0, 3), JPEG).unwrap();
    };
    prelude(&mut session);
    session.event(Event::Restarted).unwrap();
    prelude(&mut session);
    let again = session.event(Event::Restarted).unwrap_err();
    assert_eq!(again, Misbehaviour::TooMuch("restarts"));
    let mut session = Session::encoding(SegmentFormat::Ts);
    session.data(0, 0, b"x").unwrap();
    assert_eq!(session.event(Event::Restarted).unwrap_err(), Misbehaviour::TooMuch("restarts"));
}

#[test]
fn a_worker_is_done_after_the_last_segment_of_every_rendition() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    let done = || Event::Done { duration_ns: 1 };
    let early = Misbehaviour::Wrong("end, before its last segment");
    for rendition in 0..4 {
        session.whole_segment(rendition, 0);
    }
    assert_eq!(session.event(done()).unwrap_err(), early, "rendition 4 has no segment");
    session.whole_segment(4, 0);
    session.data(0, 1, b"x").unwrap();
    assert_eq!(session.event(done()).unwrap_err(), early, "rendition 0 has an unfinished segment");
    session.segment(0, 1).unwrap();
    assert!(session.event(done()).is_ok());
}
