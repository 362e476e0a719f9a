//! Micro-benchmarks of the pure code and of the parsers: `cargo bench --bench micro`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use gstreamer as gst;
use gstreamer::prelude::*;
use ladderd::domain::colour::{Colour, Range, Stated};
use ladderd::domain::encode::EncodeConfig;
use ladderd::domain::hls::media_playlist::{Header, PlaylistKind};
use ladderd::domain::hls::webvtt::Cue;
use ladderd::domain::hls::{key_frames, media_playlist, webvtt};
use ladderd::domain::ladder::Ladder;
use ladderd::domain::media::{Fraction, MediaInfo, Orientation, VideoStream};
use ladderd::domain::recipe::{Source as RecipeSource, render};
use ladderd::domain::tone;
use ladderd::domain::{message, plan, sources};
use ladderd_pixels::scale::{PlaneScaler, Scratch, Siting};
use ladderd_pixels::tone_map::map_frame;
use ladderd_pixels::{Plane, PlaneMut, poster};

fn main() {
    divan::main();
}

/// Scaling of the luma of a frame, from rung to rung.
#[divan::bench(args = [(1920, 1080, 1280, 720), (1280, 720, 854, 480), (854, 480, 640, 360), (3840, 2160, 1920, 1080)])]
fn scale_luma(
    bencher: Bencher,
    (width, height, to_width, to_height): (usize, usize, usize, usize),
) {
    let plane: Vec<u8> = (0..width * height).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect();
    let centre = (Siting::Centre, Siting::Centre);
    let scaler = PlaneScaler::new((width, height), (to_width, to_height), centre);
    let (mut out, mut scratch) = (vec![0; to_width * to_height], Scratch::default());
    bencher.counter(BytesCount::from(plane.len())).bench_local(|| {
        let input = Plane { bytes: &plane, stride: width };
        let output = PlaneMut { bytes: black_box(&mut out), stride: to_width };
        scaler.scale_band((input, None), output, 0, &mut scratch);
    });
}

/// Tone mapping of a 1080p frame from HLG to BT.709, on one thread.
#[divan::bench]
fn tone_map(bencher: Bencher) {
    let (width, height) = (1920, 1080);
    let hlg = Colour { range: Range::Limited, primaries: 9, transfer: 18, matrix: 9 };
    let lut = tone::lut(hlg, tone::ASSUMED_PEAK_NIT);
    let plane = |samples: usize| 500_u16.to_le_bytes().repeat(samples);
    let planes = [plane(width * height), plane(width * height / 4), plane(width * height / 4)];
    let strides = [width, width / 2, width / 2];
    let input = [0, 1, 2].map(|n: usize| Plane { bytes: &planes[n], stride: strides[n] * 2 });
    let mut out = planes.clone().map(|plane| vec![0; plane.len() / 2]);
    bencher.counter(ItemsCount::new(width * height)).bench_local(|| {
        let [luma, cb, cr] = &mut out;
        let output = [
            PlaneMut { bytes: luma, stride: strides[0] },
            PlaneMut { bytes: cb, stride: strides[1] },
            PlaneMut { bytes: cr, stride: strides[2] },
        ];
        map_frame(&lut, &input, output, (width, height));
    });
}

/// Score of a poster candidate of 720p.
#[divan::bench]
fn score_poster(bencher: Bencher) {
    let rgb: Vec<u8> = (0..1280 * 720 * 3).map(|at: u32| (at * 7 % 251).to_le_bytes()[0]).collect();
    bencher.counter(BytesCount::from(rgb.len())).bench(|| poster::score(black_box(&rgb), 1280 * 3));
}

/// Search for key frames in a transport stream segment of six seconds of 1080p.
#[divan::bench]
fn find_key_frames(bencher: Bencher) {
    let segment = segment();
    bencher
        .counter(BytesCount::from(segment.len()))
        .bench(|| key_frames::find(None, black_box(&segment)).unwrap());
}

fn segment() -> Vec<u8> {
    gst::init().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=144 pattern=snow ! video/x-raw,width=1920,height=1080,framerate=24/1
         ! x264enc speed-preset=ultrafast key-int-max=48 bitrate=5000 ! mpegtsmux ! filesink location={}",
        file.path().display()
    ))
    .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let ended = [gst::MessageType::Eos, gst::MessageType::Error];
    pipeline.bus().unwrap().timed_pop_filtered(None, &ended).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    std::fs::read(file.path()).unwrap()
}

/// The playlist of a film of two hours, which is written anew after each segment.
#[divan::bench(args = [PlaylistKind::Event, PlaylistKind::Vod])]
fn render_playlist(bencher: Bencher, kind: PlaylistKind) {
    let durations = vec![6_006_000_000; 1200];
    let header = Header { target_duration_secs: 6, ..Header::default() };
    let name = |number| format!("segment_{number:05}.ts");
    bencher.bench(|| media_playlist::render(kind, header, black_box(&durations), name));
}

/// Segmentation of the subtitles of a two-hour film with a cue every three seconds.
#[divan::bench]
fn cut_subtitles(bencher: Bencher) {
    let cue = |number: u64| Cue {
        start_ns: number * 3_000_000_000,
        duration_ns: Some(2_500_000_000),
        settings: String::new(),
        text: "What would you have me say to them, then?".to_owned(),
    };
    let (cues, durations): (Vec<Cue>, _) =
        ((0..2400).map(cue).collect(), vec![6_000_000_000; 1200]);
    bencher.bench(|| webvtt::segments(black_box(&cues), &durations, 126_000));
}

/// Parsing of one S3 event notification.
#[divan::bench]
fn parse_event(bencher: Bencher) {
    let body = r#"{"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put", "eventTime": "2026-01-01T00:00:00.000Z", "s3": {
        "bucket": {"name": "uploads"}, "object": {"key": "in/a+film.mp4", "size": 1000,
        "eTag": "0123456789abcdef0123456789abcdef", "sequencer": "0A1B2C3D4E5F678901"}}}]}"#;
    let filter = sources::SourceFilter { prefix: "in/".to_owned(), suffixes: Vec::new() };
    bencher.bench(|| message::parse(black_box(body), "uploads", &filter).unwrap());
}

/// Planning and rendering of a pipeline from the result of the probe.
#[divan::bench]
fn plan_and_render(bencher: Bencher) {
    let (ladder, encode) = (Ladder::default(), EncodeConfig::default());
    let film = VideoStream {
        stream_id: "film/001".to_owned(),
        codec: "video/x-h264".to_owned(),
        caps: "video/x-h264, profile=(string)high".to_owned(),
        width: 1920,
        height: 1080,
        fps: Fraction::new(24_000, 1001),
        frame_times: None,
        pixel_aspect: Fraction::new(1, 1),
        orientation: Orientation::Upright,
        crop: None,
        interlaced: false,
        is_telecined: false,
        bit_depth: 8,
        replaces_aspect: false,
        container_colour: Stated::default(),
        bitstream_colour: Stated::default(),
        is_image: false,
        is_disabled: false,
        frames: None,
    };
    let media = MediaInfo { video: vec![film], ..MediaInfo::default() };
    let recipes = ladderd::backend::recipes().unwrap();
    let cpu = recipes.iter().find(|recipe| recipe.name == "cpu").unwrap();
    bencher.bench(|| {
        let plan = plan::plan(black_box(&media), &ladder, &encode, "cpu").unwrap();
        render(cpu, &plan, &encode, 1, RecipeSource::default())
    });
}
