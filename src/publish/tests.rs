use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::*;
use crate::domain::chapters::Chapter;
use crate::domain::encode::{EncodeConfig, SegmentFormat};
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::key::{Key, StreamKey};
use crate::domain::hls::names::Layout;
use crate::domain::hls::webvtt::Cue;
use crate::domain::job::VideoId;
use crate::domain::ladder::Ladder;
use crate::domain::media::{AudioStream, MediaInfo, SubtitleStream, SubtitleText, VideoStream};
use crate::domain::outcome::{Fault, FaultClass};
use crate::domain::plan::{Plan, plan};
use crate::domain::segment::Segment;
use crate::domain::thumbnail::Thumbnail;

/// A target that records writes, lets a limited number through, and fails for a configured key.
struct Recorder {
    written: Mutex<Vec<(String, String)>>,
    permits: Semaphore,
    fails_on: Option<&'static str>,
}

impl Recorder {
    fn new(permits: usize, fails_on: Option<&'static str>) -> Arc<Self> {
        let permits = Semaphore::new(permits);
        Arc::new(Self { written: Mutex::default(), permits, fails_on })
    }

    fn keys(&self) -> Vec<String> {
        self.written.lock().iter().map(|(key, _)| key.clone()).collect()
    }

    fn last(&self, key: &str) -> String {
        let written = self.written.lock();
        written.iter().rev().find(|(written, _)| written == key).unwrap().1.clone()
    }
}

#[async_trait]
impl Target for Recorder {
    async fn put(&self, object: Object) -> Result<(), Error> {
        self.permits.acquire().await.unwrap().forget();
        if self.fails_on.is_some_and(|part| object.key.contains(part)) {
            let reason = "configured to fail".to_owned();
            return Err(Error::Target { key: object.key, reason, is_lasting: false });
        }
        let text = String::from_utf8_lossy(&object.body).into_owned();
        self.written.lock().push((object.key, text));
        Ok(())
    }
}

/// A 480p film with audio: renditions 480p, 360p and audio-en.
fn film() -> Plan {
    let (video, audio) = (VideoStream::plain(854, 480), AudioStream::plain(Some("en"), None));
    let media = MediaInfo { video: vec![video], audio: vec![audio], ..MediaInfo::default() };
    plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu").unwrap()
}

const RENDITIONS: u16 = 3;

fn begin(target: &Arc<Recorder>) -> (String, Publication) {
    begin_with(target, None)
}

fn begin_with(target: &Arc<Recorder>, key: Option<StreamKey>) -> (String, Publication) {
    begin_plan(target, &film(), key)
}

fn begin_plan(
    target: &Arc<Recorder>,
    plan: &Plan,
    key: Option<StreamKey>,
) -> (String, Publication) {
    let id = VideoId::of_source("uploads", "k");
    let layout = Layout::of_attempt(&id, "a1");
    let target = Arc::clone(target) as Arc<dyn Target>;
    let mut publication = Publication::start(target, layout, plan, key);
    for rendition in 0..RENDITIONS {
        publication.set_codec(rendition, format!("codec{rendition}")).unwrap();
    }
    (id.to_string(), publication)
}

fn segment(rendition: u16, number: u32) -> Segment {
    // Null packets: a transport stream without any elementary stream.
    let mut packet = [0xFF; 188];
    packet[..4].copy_from_slice(&[0x47, 0x1F, 0xFF, 0x10]);
    let bytes = Bytes::from(packet.repeat(3990));
    let start_ns = u64::from(number) * 6_000_000_000;
    Segment { rendition, number, start_ns, duration_ns: 6_000_000_000, bytes, init: None }
}

/// Announces until the publication is playable, as the progress events of a job do.
async fn until_playable(publication: &mut Publication) {
    while !*publication.playable().borrow() {
        publication.announce().await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn playlists_name_only_uploaded_objects_and_main_comes_when_all_renditions_can_play() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let (id, mut publication) = begin(&target);
    publication.add_segment(segment(0, 0)).await.unwrap();
    publication.add_segment(segment(1, 0)).await.unwrap();
    publication.announce().await.unwrap();
    assert!(!*publication.playable().borrow(), "the audio has no segment yet");
    publication.add_segment(segment(2, 0)).await.unwrap();
    until_playable(&mut publication).await;
    assert_eq!(publication.published(), [1, 1, 1]);
    let main = target.last(&format!("{id}/main.m3u8"));
    assert!(main.contains("a1/480p/event.m3u8") && !main.contains("index.m3u8"), "{main}");

    for rendition in 0..RENDITIONS {
        publication.add_segment(segment(rendition, 1)).await.unwrap();
    }
    let finished = publication.finish().await.unwrap();
    assert_eq!(target.last(&format!("{id}/main.m3u8")), main, "finish must not flip");
    drop(finished.flip().await.unwrap());
    let main = target.last(&format!("{id}/main.m3u8"));
    assert!(main.contains("a1/480p/index.m3u8") && !main.contains("event.m3u8"), "{main}");
    assert!(main.contains("BANDWIDTH=2000320"), "two times 750,120 bytes in 6 s: {main}");
    let event = target.last(&format!("{id}/a1/480p/event.m3u8"));
    assert!(event.ends_with("#EXT-X-ENDLIST\n"), "{event}");

    let keys = target.keys();
    let at = |key: &str| keys.iter().position(|k| *k == format!("{id}/a1/{key}")).unwrap();
    for rendition in ["480p", "360p", "audio-en"] {
        let segment = at(&format!("{rendition}/seg_00000.ts"));
        assert!(segment < at(&format!("{rendition}/event.m3u8")), "{keys:?}");
        assert!(at(&format!("{rendition}/seg_00001.ts")) < at(&format!("{rendition}/index.m3u8")));
    }
    assert_eq!(keys.last(), Some(&format!("{id}/main.m3u8")), "the flip is last");
}

#[tokio::test]
async fn a_storyboard_names_only_sheets_that_are_there() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let (id, mut publication) = begin(&target);
    let sheet = |number, tiles| Thumbnail::StoryboardSheet { number, tiles };
    publication.add_thumbnail(Thumbnail::Poster, Bytes::from_static(b"poster")).await.unwrap();
    assert_eq!(publication.thumbnails().poster.as_deref(), Some("a1/poster.jpg"));
    assert_eq!(target.last(&format!("{id}/a1/poster.jpg")), "poster");
    publication.add_thumbnail(sheet(0, 25), Bytes::from_static(b"first")).await.unwrap();
    publication.add_thumbnail(sheet(1, 3), Bytes::from_static(b"second")).await.unwrap();
    for rendition in 0..RENDITIONS {
        publication.add_segment(segment(rendition, 0)).await.unwrap();
    }
    assert_eq!(publication.thumbnails().storyboard, None);
    let finished = publication.finish().await.unwrap();
    assert_eq!(finished.thumbnails().storyboard.as_deref(), Some("a1/storyboard.vtt"));
    let text = target.last(&format!("{id}/a1/storyboard.vtt"));
    assert_eq!(text.matches(" --> ").count(), 28, "{text}");
    let keys = target.keys();
    let at = |name: &str| keys.iter().position(|k| *k == format!("{id}/a1/{name}")).unwrap();
    assert!(at("storyboard_000.jpg") < at("storyboard.vtt"), "{keys:?}");
    assert!(at("storyboard_001.jpg") < at("storyboard.vtt"), "{keys:?}");
}

#[tokio::test]
async fn chapters_are_published_before_the_flip() {
    let chapter = |start_ns, title: &str| Chapter { start_ns, title: title.to_owned() };
    let chapters = vec![chapter(0, "one"), chapter(2_000_000_000, "two")];
    for (chapters, path) in [(chapters, Some("a1/chapters.vtt")), (Vec::new(), None)] {
        let target = Recorder::new(Semaphore::MAX_PERMITS, None);
        let (id, mut publication) = begin_plan(&target, &Plan { chapters, ..film() }, None);
        for rendition in 0..RENDITIONS {
            publication.add_segment(segment(rendition, 0)).await.unwrap();
        }
        let finished = publication.finish().await.unwrap();
        assert_eq!(finished.chapters(), path);
        let key = path.map(|path| format!("{id}/{path}"));
        assert_eq!(target.keys().iter().find(|key| key.contains("chapters")), key.as_ref());
        if let Some(key) = key {
            assert!(
                target.last(&key).ends_with("--> 00:00:06.000\ntwo\n"),
                "{}",
                target.last(&key)
            );
        }
    }
}

#[tokio::test]
async fn an_initialization_section_is_uploaded_before_its_segments() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let id = VideoId::of_source("uploads", "k");
    let plan = Plan { segment: SegmentFormat::Cmaf, ..film() };
    let to = Arc::clone(&target) as Arc<dyn Target>;
    let mut publication = Publication::start(to, Layout::of_attempt(&id, "a1"), &plan, None);
    let audio = RENDITIONS - 1;
    let init = Some(Bytes::from_static(b"init"));
    publication.add_segment(Segment { init, ..segment(audio, 0) }).await.unwrap();
    publication.add_segment(segment(audio, 1)).await.unwrap();
    while publication.published()[usize::from(audio)] < 2 {
        tokio::task::yield_now().await;
    }
    let folder = format!("{id}/a1/audio-en");
    let expected = ["init.mp4", "seg_00000.m4s", "event.m3u8", "seg_00001.m4s", "event.m3u8"];
    assert_eq!(target.keys(), expected.map(|file| format!("{folder}/{file}")));
    let event = target.last(&format!("{folder}/event.m3u8"));
    assert!(event.contains("#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:"), "{event}");
}

#[tokio::test]
async fn a_stalled_bucket_slows_the_pipeline() {
    let target = Recorder::new(0, None);
    let (_, mut publication) = begin(&target);
    let taken = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&taken);
    let pushing = tokio::spawn(async move {
        for number in 0..10 {
            publication.add_segment(segment(0, number)).await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    // One segment is being uploaded and two wait in the queue; the fourth blocks.
    while taken.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(taken.load(Ordering::SeqCst), 3, "segments in memory");
    target.permits.add_permits(1000);
    pushing.await.unwrap();
}

#[tokio::test]
async fn a_failed_upload_fails_the_publication_and_nothing_is_flipped() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, Some("360p/seg_00001"));
    let (id, mut publication) = begin(&target);
    for rendition in 0..RENDITIONS {
        publication.add_segment(segment(rendition, 0)).await.unwrap();
    }
    until_playable(&mut publication).await;
    let main = target.last(&format!("{id}/main.m3u8"));
    for rendition in 0..RENDITIONS {
        publication.add_segment(segment(rendition, 1)).await.unwrap();
    }
    let error = publication.finish().await.map(drop).unwrap_err();
    assert_eq!((error.code(), error.class()), (FailureCode::PublishFailed, FaultClass::Retryable));
    assert_eq!(target.last(&format!("{id}/main.m3u8")), main);
}

#[tokio::test]
async fn a_gap_or_a_missing_rendition_fails_the_publication() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let (_, mut publication) = begin(&target);
    publication.add_segment(segment(0, 0)).await.unwrap();
    publication.add_segment(segment(0, 2)).await.unwrap();
    assert_eq!(
        publication.finish().await.map(drop).unwrap_err().code(),
        FailureCode::StreamIncomplete
    );

    let (_, mut publication) = begin(&target);
    publication.add_segment(segment(0, 0)).await.unwrap();
    assert_eq!(
        publication.finish().await.map(drop).unwrap_err().code(),
        FailureCode::StreamIncomplete
    );
    let (_, mut publication) = begin(&target);
    assert!(publication.add_segment(segment(7, 0)).await.is_err());
}

#[tokio::test]
async fn encrypted_playlists_have_key_tags_and_rates_include_padding() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let key = StreamKey { key: Key([7; 16]), uri: "https://k.example/0a".to_owned() };
    let (id, mut publication) = begin_with(&target, Some(key));
    for number in 0..3 {
        for rendition in 0..RENDITIONS {
            publication.add_segment(segment(rendition, number)).await.unwrap();
        }
    }
    drop(publication.finish().await.unwrap().flip().await.unwrap());
    let main = target.last(&format!("{id}/main.m3u8"));
    assert!(main.contains("BANDWIDTH=2000342"), "two times 750,128 bytes in 6 s: {main}");
    let written = target.written.lock();
    let of = |file: &str| {
        let key = format!("{id}/a1/480p/{file}");
        written.iter().filter(|(k, _)| *k == key).map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    let (events, index) = (of("event.m3u8"), of("index.m3u8"));
    assert_eq!(events.len(), 4, "one for each segment, and the end");
    for pair in events.windows(2) {
        assert!(pair[1].starts_with(&pair[0]), "{pair:?}");
    }
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("#EXT-X-KEY")).map(str::to_owned).collect()
    };
    assert_eq!(lines(&index[0]), lines(&events[3]));
    assert_eq!(lines(&index[0]).len(), 3);
    assert!(lines(&index[0])[0].contains("URI=\"https://k.example/0a\",IV=0x"), "{index:?}");
    let plain = segment(0, 0).bytes;
    assert_ne!(of("seg_00000.ts")[0], String::from_utf8_lossy(&plain));
}

#[tokio::test]
async fn subtitles_appear_with_the_flip() {
    let target = Recorder::new(Semaphore::MAX_PERMITS, None);
    let id = VideoId::of_source("uploads", "k");
    let mut planned = film();
    let subtitles = SubtitleStream {
        stream_id: "s".to_owned(),
        text: Some(SubtitleText::Raw),
        language: Some("en".to_owned()),
        ..SubtitleStream::default()
    };
    let media = MediaInfo {
        video: vec![VideoStream::plain(854, 480)],
        subtitles: vec![subtitles],
        ..MediaInfo::default()
    };
    planned.subtitles =
        plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu").unwrap().subtitles;
    let layout = Layout::of_attempt(&id, "a1");
    let mut publication = Publication::start(Arc::clone(&target) as _, layout, &planned, None);
    let cue = |start_ns| Cue {
        start_ns,
        duration_ns: Some(4_000_000_000),
        text: "Hi".to_owned(),
        settings: String::new(),
    };
    publication.add_cue(0, cue(4_000_000_000)).unwrap();
    assert!(publication.add_cue(1, cue(0)).is_err());
    for rendition in 0..RENDITIONS {
        publication.set_codec(rendition, format!("codec{rendition}")).unwrap();
        for number in 0..2 {
            publication.add_segment(segment(rendition, number)).await.unwrap();
        }
    }
    while publication.published().contains(&0) {
        tokio::task::yield_now().await;
    }
    publication.announce().await.unwrap();
    let main = format!("{id}/main.m3u8");
    let finished = publication.finish().await.unwrap();
    assert!(!target.last(&main).contains("SUBTITLES"), "the event playlists have no subtitles");
    assert_eq!(finished.renditions()[3].segments, 2);
    drop(finished.flip().await.unwrap());
    let shown = target.last(&main);
    assert!(shown.contains("FORCED=NO,URI=\"a1/subtitles-en/index.m3u8\""), "{shown}");
    let index = target.last(&format!("{id}/a1/subtitles-en/index.m3u8"));
    assert!(index.contains("seg_00001.vtt\n#EXT-X-ENDLIST"), "{index}");
    for number in 0..2 {
        let text = target.last(&format!("{id}/a1/subtitles-en/seg_0000{number}.vtt"));
        assert!(text.contains("00:00:04.000 --> 00:00:08.000\nHi\n"), "{text}");
    }
}
