use proptest::prelude::*;

use super::*;
use crate::domain::media::Orientation;

fn stream(width: u32, height: u32) -> VideoStream {
    VideoStream::plain(width, height)
}

/// The rungs and the notes of a source on a ladder of these heights and caps.
fn planned_on(
    ladder: &[(u32, u32)],
    stream: &VideoStream,
    fps: Fraction,
) -> (Vec<PlannedRung>, Vec<String>) {
    let rung = |&(height, max_bitrate_kbps): &(u32, u32)| Rung { height, max_bitrate_kbps };
    let ladder = Ladder(ladder.iter().map(rung).collect());
    let mut notes = Vec::new();
    let rungs = rungs(stream, &ladder, fps, &mut notes).unwrap();
    (rungs, notes)
}

const DEFAULT: [(u32, u32); 4] = [(360, 780), (480, 1500), (720, 3000), (1080, 5350)];

fn planned(stream: &VideoStream) -> Vec<PlannedRung> {
    planned_on(&DEFAULT, stream, Fraction::new(30, 1)).0
}

/// Names and sizes in one line.
fn line(rungs: &[PlannedRung]) -> String {
    let texts = rungs.iter().map(|rung| format!("{} {}x{}", rung.name, rung.width, rung.height));
    texts.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_source_of_16_to_9_fills_the_boxes() {
    let table = [
        ((1920, 1080), "1080p 1920x1080, 720p 1280x720, 480p 854x480, 360p 640x360"),
        ((3840, 2160), "1080p 1920x1080, 720p 1280x720, 480p 854x480, 360p 640x360"),
        ((1280, 720), "720p 1280x720, 480p 854x480, 360p 640x360"),
        ((854, 480), "480p 854x480, 360p 640x360"),
        ((640, 360), "360p 640x360, 240p 426x240"),
        ((1080, 1920), "1080p 1080x1920, 720p 720x1280, 480p 480x854, 360p 360x640"),
    ];
    for ((width, height), expected) in table {
        assert_eq!(line(&planned(&stream(width, height))), expected);
    }
}

#[test]
fn the_top_rung_has_the_size_of_a_source_that_the_largest_box_holds() {
    let table = [
        ((1920, 800), "1080p 1920x800, 720p 1280x534, 480p 854x356, 360p 640x266"),
        ((1600, 900), "1080p 1600x900, 720p 1280x720, 480p 854x480, 360p 640x360"),
        ((1024, 576), "720p 1024x576, 480p 854x480, 360p 640x360"),
        ((576, 1024), "720p 576x1024, 480p 480x854, 360p 360x640"),
        ((1024, 436), "720p 1024x436, 480p 854x364, 360p 640x272"),
        ((1440, 1080), "1080p 1440x1080, 720p 960x720, 480p 640x480, 360p 480x360"),
        ((640, 480), "480p 640x480, 360p 480x360"),
        // Larger than the largest box.
        ((3026, 1386), "1080p 1920x880, 720p 1280x586, 480p 854x392, 360p 640x294"),
        ((1080, 2280), "1080p 910x1920, 720p 606x1280, 480p 404x854, 360p 304x640"),
        ((1440, 1440), "1080p 1080x1080, 720p 720x720, 480p 480x480, 360p 360x360"),
        ((3840, 1080), "1080p 1920x540, 720p 1280x360, 480p 854x240, 360p 640x180"),
        ((1081, 1919), "1080p 1080x1918, 720p 720x1278, 480p 480x852, 360p 360x640"),
        ((9841, 705), "1080p 1920x138, 720p 1280x92, 480p 854x62, 360p 640x46"),
        ((16, 4000), "1080p 8x1920, 720p 6x1280, 480p 4x854, 360p 2x640"),
        // Odd sides lose a pixel.
        ((853, 480), "480p 852x480, 360p 640x360"),
    ];
    for ((width, height), expected) in table {
        assert_eq!(line(&planned(&stream(width, height))), expected, "{width}x{height}");
    }
}

#[test]
fn a_source_smaller_than_all_boxes_keeps_its_size_and_gets_a_lower_rung() {
    let table = [
        ((320, 240), "240p 320x240, 160p 214x160"),
        ((600, 300), "336p 600x300, 224p 398x200"),
        ((161, 121), "120p 160x120, 80p 106x80"),
        ((46, 48), "46p 46x48, 30p 30x32"),
        ((16, 16), "16p 16x16, 10p 10x10"),
        ((2, 2), "2p 2x2"),
    ];
    for ((width, height), expected) in table {
        assert_eq!(line(&planned(&stream(width, height))), expected);
    }
}

#[test]
fn sizes_are_those_of_the_upright_frame_in_square_pixels() {
    let with = |width, height, num, den, orientation| VideoStream {
        pixel_aspect: Fraction::new(num, den),
        orientation,
        ..stream(width, height)
    };
    let (upright, turned) = (Orientation::Upright, Orientation::Rotate90);
    let table = [
        (
            with(1920, 1080, 1, 1, turned),
            "1080p 1080x1920, 720p 720x1280, 480p 480x854, 360p 360x640",
        ),
        (with(720, 576, 64, 45, upright), "720p 1024x576, 480p 854x480, 360p 640x360"),
        (with(720, 480, 32, 27, upright), "480p 854x480, 360p 640x360"),
        (with(864, 480, 80, 81, upright), "480p 854x480, 360p 640x360"),
        (with(160, 240, 1, 2, turned), "270p 480x160, 180p 320x106"),
        (
            with(1440, 1080, 4, 3, turned),
            "1080p 1080x1920, 720p 720x1280, 480p 480x854, 360p 360x640",
        ),
        (with(320, 180, 3, 4, upright), "180p 240x180, 120p 160x120"),
        (with(640, 360, 2, 1, upright), "720p 1280x360, 480p 854x240, 360p 640x180"),
        (with(1280, 720, 0, 0, upright), "720p 1280x720, 480p 854x480, 360p 640x360"),
    ];
    for (source, expected) in table {
        assert_eq!(line(&planned(&source)), expected, "{source:?}");
    }
}

#[test]
fn rungs_that_are_hardly_smaller_than_the_source_are_left_out() {
    let table = [
        (
            (1300, 730),
            "1080p 1300x730, 480p 854x480, 360p 640x360",
            vec![
                "the best rendition has the size of the source, 1300x730",
                "720p left out: it would have 97 % of the pixels of the best rendition",
            ],
        ),
        (
            (1600, 900),
            "1080p 1600x900, 720p 1280x720, 480p 854x480, 360p 640x360",
            vec!["the best rendition has the size of the source, 1600x900"],
        ),
        // The last rung but one goes, so a lower one comes.
        (
            (660, 370),
            "480p 660x370, 246p 438x246",
            vec![
                "the best rendition has the size of the source, 660x370",
                "360p left out: it would have 94 % of the pixels of the best rendition",
            ],
        ),
        ((1920, 800), "1080p 1920x800, 720p 1280x534, 480p 854x356, 360p 640x266", vec![]),
        ((320, 240), "240p 320x240, 160p 214x160", vec![]),
    ];
    for ((width, height), expected, notes) in table {
        let found = planned_on(&DEFAULT, &stream(width, height), Fraction::new(30, 1));
        assert_eq!((line(&found.0).as_str(), found.1), (expected, to_owned(&notes)));
    }
    // Rungs that the operator set close together stay if the source fills them.
    let close = [(1000, 4000), (1080, 5000)];
    let (rungs, notes) = planned_on(&close, &stream(1920, 1080), Fraction::new(30, 1));
    assert_eq!((line(&rungs).as_str(), notes), ("1080p 1920x1080, 1000p 1778x1000", vec![]));
}

fn to_owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn caps_are_the_configured_ones_in_16_to_9_and_scale_with_pixels_and_rate() {
    let caps = |width, height, fps| -> Vec<u32> {
        let (rungs, _) = planned_on(&DEFAULT, &stream(width, height), Fraction::new(fps, 1));
        rungs.iter().map(|rung| rung.max_bitrate_kbps).collect()
    };
    assert_eq!(caps(1920, 1080, 30), [5350, 3000, 1500, 780]);
    assert_eq!(caps(1920, 1080, 1), [5350, 3000, 1500, 780]);
    assert_eq!(caps(1080, 1920, 25), [5350, 3000, 1500, 780]);
    assert_eq!(caps(1920, 1080, 50), [7133, 4000, 2000, 1040]);
    assert_eq!(caps(1920, 1080, 60), [8025, 4500, 2250, 1170]);
    // 1,536,000 pixels: 53 % of the way from 720p to 1080p.
    assert_eq!(caps(1920, 800, 30)[0], 4253);
    assert_eq!(caps(320, 180, 30), [195, 100]);
}

#[test]
fn higher_rungs_can_be_configured() {
    let ladder = [(720, 3000), (1080, 5350), (1440, 9000), (2160, 16000)];
    let (rungs, _) = planned_on(&ladder, &stream(4096, 2160), Fraction::new(60, 1));
    assert_eq!(line(&rungs), "2160p 3840x2026, 1440p 2560x1350, 1080p 1920x1012, 720p 1280x676");
    let (rungs, _) = planned_on(&ladder, &stream(3840, 2160), Fraction::new(60, 1));
    assert_eq!(rungs[0].max_bitrate_kbps, 24_000);
    assert_eq!(rungs[0].label(), "2160p");
    assert_eq!(planned(&stream(1600, 900))[0].label(), "900p");
}

prop_compose! {
    /// Ladders with rising heights and caps.
    fn ladders()(
        heights in prop::collection::btree_set(8_u32..=1080, 1..7),
        first in 50_u32..2000,
        step in 1_u32..3000,
    ) -> Vec<(u32, u32)> {
        (0..).zip(heights).map(|(n, half)| (half * 2, first + n * step)).collect()
    }
}

#[test]
fn two_rungs_never_have_one_name() {
    let (rungs, _) = planned_on(&[(16, 50)], &stream(6, 2), Fraction::new(30, 1));
    assert_eq!(line(&rungs), "2p 6x2");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn rungs_fit_their_boxes_and_the_source_and_fall(
        ladder in ladders(),
        (width, height) in prop_oneof![(2_u32..5000, 2_u32..5000), (2_u32..10_000, 2_u32..64)],
        aspect in prop_oneof![Just((1, 1)), (1_u32..300, 1_u32..300)],
        is_turned: bool,
        fps in 1_u32..=60,
    ) {
        let orientation = if is_turned { Orientation::Rotate270 } else { Orientation::Upright };
        let pixel_aspect = Fraction::new(aspect.0, aspect.1);
        let stream = VideoStream { pixel_aspect, orientation, ..stream(width, height) };
        let source = Upright::of(&stream);
        prop_assume!(source.short() >= 2.0);
        let (rungs, notes) = planned_on(&ladder, &stream, Fraction::new(fps, 1));
        prop_assert!(!rungs.is_empty() && notes.len() <= ladder.len());
        for rung in &rungs {
            let (w, h) = (f64::from(rung.width), f64::from(rung.height));
            prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0 && w >= 2.0 && h >= 2.0);
            prop_assert!(w <= source.width.ceil() && h <= source.height.ceil(), "{rung:?}");
            let box_height: u32 = rung.name.trim_end_matches('p').parse().unwrap();
            let largest = ladder.last().unwrap().0;
            prop_assert!(box_height <= largest, "{rung:?}");
            if ladder.iter().any(|(height, _)| *height == box_height) {
                prop_assert!(w.min(h) <= f64::from(box_height), "{rung:?}");
                prop_assert!(w.max(h) <= f64::from(long_side(box_height)), "{rung:?}");
            }
            // Each side is within a pixel of the source's shape.
            let is_scaled_by = |scale: f64| {
                [(w, source.width), (h, source.height)]
                    .into_iter()
                    .all(|(side, whole)| side <= 2.0 || (side - whole * scale).abs() <= 1.0)
            };
            let (short, long) = (f64::from(box_height), f64::from(long_side(box_height)));
            let scale = (short / source.short()).min(long / source.long()).min(1.0);
            prop_assert!(is_scaled_by(scale) || is_scaled_by(1.0), "{rung:?} of {width}x{height}");
            prop_assert!(rung.max_bitrate_kbps >= MIN_KBPS);
        }
        for pair in rungs.windows(2) {
            prop_assert!(pair[1].width <= pair[0].width && pair[1].height <= pair[0].height);
            prop_assert!(pair[1].pixels() < pair[0].pixels(), "{rungs:?}");
            prop_assert!(pair[1].max_bitrate_kbps <= pair[0].max_bitrate_kbps, "{rungs:?}");
            prop_assert!(pair[1].name != pair[0].name);
        }
    }
}
