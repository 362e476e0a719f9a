//! A session with a checker, for the tests.

use bytes::BytesMut;

use super::*;
use crate::domain::backend::{Backend, Sizes};
use crate::domain::encode::{EncodeConfig, SegmentFormat};
use crate::domain::hls::webvtt::Cue;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::media::{AudioStream, SubtitleStream, SubtitleText, VideoStream};
use crate::domain::plan;
use crate::domain::recipe::Recipe;
use crate::domain::thumbnail::Thumbnail;

pub(super) const SECOND_NS: u64 = 1_000_000_000;
pub(super) const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0];

pub(super) fn request(segment: SegmentFormat) -> WorkerRequest {
    let text = include_str!("../../../../pipelines/cpu.toml");
    let recipe = Recipe::parse_all(&[("cpu.toml", text)]).unwrap().remove(0);
    let (device, sizes) = (String::new(), Sizes::default());
    WorkerRequest {
        source_bytes: 1,
        ladder: Ladder::default(),
        encode: EncodeConfig { segment, ..EncodeConfig::default() },
        backends: vec![Backend { recipe, device, sizes, pixels_per_sec: 1e9 }],
        plan_only: false,
        still: None,
        remux: None,
        limits: Limits::default(),
        memory_bytes: 0,
        sandbox: crate::domain::sandbox::Mode::default(),
        program: None,
    }
}

pub(super) fn media() -> MediaInfo {
    let text = Some(SubtitleText::Raw);
    let subtitles = SubtitleStream { stream_id: "s".to_owned(), text, ..SubtitleStream::default() };
    MediaInfo {
        duration_ns: Some(30 * SECOND_NS),
        video: vec![VideoStream::plain(1920, 1080)],
        audio: vec![AudioStream::plain(Some("eng"), None)],
        subtitles: vec![subtitles],
        ..MediaInfo::default()
    }
}

pub(super) fn planned(request: &WorkerRequest) -> Event {
    let label = request.backends[0].label();
    let plan = plan::plan(&media(), &request.ladder, &request.encode, &label).unwrap();
    Event::Planned { plan }
}

/// A checker, and the names of what it has passed on.
pub(super) struct Session(pub(super) Checker);

impl Session {
    pub(super) fn new() -> Self {
        Self(Checker::new(request(SegmentFormat::Ts)))
    }

    /// A session whose plan is made.
    pub(super) fn encoding(segment: SegmentFormat) -> Self {
        let request = request(segment);
        let mut session = Self(Checker::new(request.clone()));
        session.event(Event::Probed { media: media() }).unwrap();
        session.event(planned(&request)).unwrap();
        session
    }

    pub(super) fn frame(&mut self, frame: Frame) -> Result<Option<Checked>, Misbehaviour> {
        self.0.frame(frame, Duration::ZERO)
    }

    pub(super) fn event(&mut self, event: Event) -> Result<Option<Checked>, Misbehaviour> {
        self.frame(Frame::Event(Box::new(event)))
    }

    pub(super) fn data(
        &mut self,
        rendition: u16,
        number: u32,
        bytes: &[u8],
    ) -> Result<(), Misbehaviour> {
        let bytes = BytesMut::from(bytes);
        self.frame(Frame::Data { rendition, number, bytes }).map(drop)
    }

    pub(super) fn init(&mut self, rendition: u16) -> Result<(), Misbehaviour> {
        self.frame(Frame::Init { rendition, bytes: BytesMut::from(&b"init"[..]) }).map(drop)
    }

    /// Ends a segment of six seconds.
    pub(super) fn segment(&mut self, rendition: u16, number: u32) -> Result<(), Misbehaviour> {
        let start_ns = u64::from(number).saturating_mul(6 * SECOND_NS);
        let duration_ns = 6 * SECOND_NS;
        self.event(Event::Segment { rendition, number, start_ns, duration_ns }).map(drop)
    }

    pub(super) fn whole_segment(&mut self, rendition: u16, number: u32) {
        self.data(rendition, number, b"bytes").unwrap();
        self.segment(rendition, number).unwrap();
    }

    pub(super) fn thumbnail(
        &mut self,
        thumbnail: Thumbnail,
        jpeg: &[u8],
    ) -> Result<(), Misbehaviour> {
        self.frame(Frame::Thumbnail(thumbnail, BytesMut::from(jpeg))).map(drop)
    }

    pub(super) fn kept_bytes(&self) -> usize {
        match &self.0.stage {
            Stage::Encoding(_, encoding) => encoding.kept_bytes(),
            Stage::Still { .. }
            | Stage::Remux { .. }
            | Stage::Probing
            | Stage::Planning(_)
            | Stage::Ended => 0,
        }
    }
}

pub(super) fn warning(message: &str) -> Event {
    Event::warning(None, message)
}

pub(super) fn failed(code: FailureCode) -> Event {
    Event::Failed(Failure::new(code, "no"))
}

pub(super) fn codec(rendition: u16, codec: &str) -> Event {
    Event::Rendition { rendition, codec: codec.to_owned() }
}

pub(super) fn cue(subtitles: u16, start_ns: u64, text: &str) -> Event {
    let text = text.to_owned();
    let (duration_ns, settings) = (Some(SECOND_NS), String::new());
    Event::Cue { subtitles, cue: Cue { start_ns, duration_ns, text, settings } }
}

pub(super) fn sheet(number: u32, tiles: u32) -> Thumbnail {
    Thumbnail::StoryboardSheet { number, tiles }
}
