//! Stages, texts and rates.

use bytes::BytesMut;
use serde_json::json;

use super::testing::*;
use super::*;
use crate::domain::download::Remux;
use crate::domain::encode::SegmentFormat;
use crate::domain::limits::Limits;
use crate::domain::plan_check;
use crate::domain::still::Still;
use crate::domain::thumbnail::Thumbnail;

#[test]
fn a_whole_job_passes() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    session.event(warning("the sandbox is incomplete")).unwrap();
    for rendition in 0..4 {
        session.event(codec(rendition, "avc1.640028")).unwrap();
    }
    session.event(codec(4, "mp4a.40.2")).unwrap();
    session.thumbnail(Thumbnail::Poster, JPEG).unwrap();
    for number in 0..5 {
        for rendition in 0..5 {
            session.whole_segment(rendition, number);
        }
        session.event(Event::Progress { position_ns: u64::from(number) }).unwrap();
        session.event(cue(0, u64::from(number), "text")).unwrap();
    }
    session.thumbnail(sheet(0, 25), JPEG).unwrap();
    session.thumbnail(sheet(1, 5), JPEG).unwrap();
    let done = session.event(Event::Done { duration_ns: u64::MAX }).unwrap();
    let Some(Checked::Done { duration_ns }) = done else { panic!("{done:?}") };
    assert_eq!(
        duration_ns,
        30 * SECOND_NS,
        "the end of the last segment, whatever the worker says"
    );
}

#[test]
fn a_worker_that_makes_a_poster_sends_one_and_nothing_else() {
    let still = Some(Still { offset_ns: 0 });
    let session = || Session(Checker::new(WorkerRequest { still, ..request(SegmentFormat::Ts) }));
    let mut whole = session();
    whole.event(warning("the sandbox is incomplete")).unwrap();
    whole.thumbnail(Thumbnail::Poster, JPEG).unwrap();
    let done = whole.event(Event::Done { duration_ns: 7 });
    assert!(matches!(done, Ok(Some(Checked::Done { duration_ns: 0 }))), "{done:?}");
    assert!(whole.thumbnail(Thumbnail::Poster, JPEG).is_err());
    let mut failing = session();
    failing.event(failed(FailureCode::NotMedia)).unwrap();

    let mut twice = session();
    twice.thumbnail(Thumbnail::Poster, JPEG).unwrap();
    assert!(twice.thumbnail(Thumbnail::Poster, JPEG).is_err());
    assert!(session().thumbnail(sheet(0, 1), JPEG).is_err());
    assert!(session().thumbnail(Thumbnail::Poster, b"GIF89a").is_err());
    let large = [JPEG, &vec![0; 1280 * 1280 * 3 + (64 << 10)][..]].concat();
    assert!(session().thumbnail(Thumbnail::Poster, &large).is_err());
    for event in
        [Event::Done { duration_ns: 1 }, Event::Probed { media: media() }, Event::Restarted]
    {
        assert!(session().event(event).is_err());
    }
    assert!(session().data(0, 0, b"bytes").is_err());
    assert!(session().init(0).is_err());
}

#[test]
fn a_worker_that_makes_a_file_sends_its_bytes_and_nothing_else() {
    let remux = Some(Remux { renditions: Vec::new() });
    let request = WorkerRequest { remux, source_bytes: 10, ..request(SegmentFormat::Ts) };
    let session = || Session(Checker::new(request.clone()));
    let mut whole = session();
    for bytes in [&b"head"[..], b"data"] {
        let frame = Frame::Data { rendition: 0, number: 0, bytes: BytesMut::from(bytes) };
        let Ok(Some(Checked::Output(Output::Piece(piece)))) = whole.frame(frame) else { panic!() };
        assert_eq!(piece, bytes);
    }
    let done = whole.event(Event::Done { duration_ns: 7 });
    assert!(matches!(done, Ok(Some(Checked::Done { duration_ns: 0 }))), "{done:?}");
    assert!(whole.data(0, 0, b"more").is_err());
    assert!(session().event(Event::Done { duration_ns: 1 }).is_err(), "an empty file");
    assert!(session().thumbnail(Thumbnail::Poster, JPEG).is_err());
    assert!(session().event(Event::Probed { media: media() }).is_err());
    let mut endless = session();
    let piece = vec![0; 16 << 20];
    assert!((0..4).all(|_| endless.data(0, 0, &piece).is_ok()));
    assert!(endless.data(0, 0, &piece).is_err(), "more than its source can make");
}

#[test]
fn each_frame_belongs_to_a_stage() {
    let request = request(SegmentFormat::Ts);
    let out_of_turn = |result: Result<Option<Checked>, Misbehaviour>| {
        assert!(matches!(result, Err(Misbehaviour::OutOfTurn { .. })), "{result:?}");
    };
    let of_encode = || {
        [
            codec(0, "avc1.640028"),
            Event::Progress { position_ns: 1 },
            Event::Segment { rendition: 0, number: 0, start_ns: 0, duration_ns: 1 },
            cue(0, 0, "text"),
            Event::Restarted,
            Event::Done { duration_ns: 1 },
        ]
    };
    for event in of_encode().into_iter().chain([planned(&request)]) {
        out_of_turn(Session::new().event(event));
    }
    for event in of_encode().into_iter().chain([Event::Probed { media: media() }]) {
        let mut session = Session::new();
        session.event(Event::Probed { media: media() }).unwrap();
        out_of_turn(session.event(event));
    }
    let mut session = Session::encoding(SegmentFormat::Ts);
    out_of_turn(session.event(Event::Probed { media: media() }));
    out_of_turn(session.event(planned(&request)));
    for rendition in 0..5 {
        session.whole_segment(rendition, 0);
    }
    session.event(Event::Done { duration_ns: 1 }).unwrap();
    let after_end = [warning("x"), failed(FailureCode::SourceDamaged), planned(&request)];
    for event in of_encode().into_iter().chain(after_end) {
        out_of_turn(session.event(event));
    }
    out_of_turn(session.frame(Frame::Data { rendition: 0, number: 1, bytes: BytesMut::new() }));
    out_of_turn(session.frame(Frame::Thumbnail(Thumbnail::Poster, BytesMut::from(JPEG))));
}

#[test]
fn a_plan_that_is_not_ours_is_refused() {
    let Event::Planned { mut plan } = planned(&request(SegmentFormat::Ts)) else {
        panic!("a plan")
    };
    plan.video.rungs[0].name = "../../evil".to_owned();
    let mut session = Session::new();
    session.event(Event::Probed { media: media() }).unwrap();
    let refused = session.event(Event::Planned { plan }).unwrap_err();
    assert_eq!(refused, Misbehaviour::Plan(plan_check::Error::Other));
}

#[test]
fn texts_become_one_line_of_limited_length() {
    let evil = format!("done\n2026-01-01 ERROR forged\u{1b}[2J{}", "x".repeat(100_000));
    let is_clean =
        |text: &str| !text.chars().any(char::is_control) && text.chars().count() <= 1_000;
    let mut session = Session::new();
    let Some(Checked::Output(Output::Report(Report::Warning { message, .. }))) =
        session.event(warning(&evil)).unwrap()
    else {
        panic!("a warning")
    };
    assert!(is_clean(&message), "{message}");
    let mut evil_media = media();
    evil_media.container.clone_from(&evil);
    evil_media.audio[0].title = Some(evil.clone());
    let Some(Checked::Output(Output::Report(Report::Probed { media }))) =
        session.event(Event::Probed { media: evil_media }).unwrap()
    else {
        panic!("a probe")
    };
    assert!(is_clean(&media.container) && is_clean(media.audio[0].title.as_ref().unwrap()));
    let failure = Failure {
        element: Some(evil.clone()),
        debug: Some(evil.clone()),
        ..Failure::new(FailureCode::SourceDamaged, evil)
    };
    let Some(Checked::Failed(failure)) = session.event(Event::Failed(failure)).unwrap() else {
        panic!("a failure")
    };
    assert!(is_clean(&failure.message) && is_clean(&failure.element.unwrap()));
    assert!(failure.debug.unwrap().chars().count() <= 4_000);
}

#[test]
fn a_worker_gives_only_reasons_that_it_can_know() {
    for code in FailureCode::ALL {
        let mut session = Session::new();
        let result = session.event(failed(*code));
        assert_eq!(result.is_ok(), code.may_come_from_worker(), "{code}");
    }
    // These do not count against a video, so they are believed only before the source is read.
    for code in
        [FailureCode::GstreamerInit, FailureCode::SandboxIncomplete, FailureCode::WorkerOrder]
    {
        let mut session = Session::encoding(SegmentFormat::Ts);
        assert_eq!(session.event(failed(code)).unwrap_err(), Misbehaviour::Reason(code));
    }
}

#[test]
fn warnings_and_progress_are_limited() {
    let mut session = Session::new();
    let taken = (0..1_000_000).take_while(|_| session.event(warning("x")).is_ok()).count();
    assert_eq!(taken, MAX_WARNINGS as usize);
    let mut session = Session::encoding(SegmentFormat::Ts);
    let progress = || Event::Progress { position_ns: 1 };
    let taken = (0..1_000_000).take_while(|_| session.event(progress()).is_ok()).count();
    assert!(taken < 10_000, "{taken}");
}

#[test]
fn progress_never_falls_and_ends_with_the_longest_video() {
    let mut session = Session::encoding(SegmentFormat::Ts);
    let mut position = |position_ns| {
        let Some(Checked::Output(Output::Report(Report::Progress { position_ns }))) =
            session.event(Event::Progress { position_ns }).unwrap()
        else {
            panic!("progress")
        };
        position_ns
    };
    assert_eq!([position(7), position(3), position(9)], [7, 7, 9]);
    assert!(position(u64::MAX) < 2 * Limits::default().duration_secs * SECOND_NS);
}

#[test]
fn reports_have_the_names_of_events() {
    let report = Report::Progress { position_ns: 7 };
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value, json!({ "event": "progress", "position_ns": 7 }));
}
