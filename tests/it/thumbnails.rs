//! Poster and storyboard, compared with the frames of the source.

use super::support::stream::transcode;
use super::support::{corpus, has_ffmpeg, media};

/// One cue of the storyboard.
#[derive(Debug)]
struct Cue {
    begin: f64,
    end: f64,
    sheet: String,
    /// x, y, width and height in pixels.
    place: Vec<u32>,
}

/// The cues of a storyboard's `WebVTT`.
fn cues(text: &str) -> Vec<Cue> {
    let mut blocks = text.trim_end().split("\n\n");
    assert_eq!(blocks.next(), Some("WEBVTT"));
    let time = |text: &str| {
        text.split(':').fold(0.0, |secs, part| secs * 60.0 + part.parse::<f64>().unwrap())
    };
    let read = |block: &str| {
        let (times, payload) = block.split_once('\n').unwrap();
        let (begin, end) = times.split_once(" --> ").unwrap();
        let (sheet, place) = payload.split_once("#xywh=").unwrap();
        let place = place.split(',').map(|number| number.parse().unwrap()).collect();
        Cue { begin: time(begin), end: time(end), sheet: sheet.to_owned(), place }
    };
    blocks.map(read).collect()
}

#[test]
fn a_film_has_a_poster_and_one_storyboard_tile_per_second() {
    let Some(input) = corpus("bbb_1080p24_30s_aac51.mp4") else { return };
    if !has_ffmpeg() {
        return;
    }
    let stream = transcode(&input);
    let (width, height, _) = media::size_and_frames(stream.path("poster.jpg").to_str().unwrap());
    assert_eq!((width, height), (1280, 720));
    let cues = cues(&stream.text("storyboard.vtt"));
    assert_eq!(cues.len(), 30, "{cues:?}");
    for (number, cue) in (0_u32..).zip(&cues) {
        assert!((cue.begin - f64::from(number)).abs() < 0.001, "{cue:?}");
        assert!((cue.end - f64::from(number + 1)).abs() < 0.001, "{cue:?}");
    }
    let sheets: std::collections::BTreeSet<_> = cues.iter().map(|cue| cue.sheet.as_str()).collect();
    assert_eq!(sheets.len(), 2, "25 tiles on the first, 5 on the second");
    for (number, cue) in cues.iter().enumerate().filter(|(n, _)| [3, 12, 24, 25, 29].contains(n)) {
        let [x, y, width, height] = cue.place[..] else { panic!("{cue:?}") };
        let tile = format!("crop={width}:{height}:{x}:{y}");
        let frame = |secs: usize| format!("select=eq(n\\,{})", secs * 24);
        let sheet = stream.path(&cue.sheet);
        let same = media::ssim(&sheet, &tile, &input, &frame(number));
        assert!(same > 0.9, "{cue:?} is not the frame of its time: {same}");
        // The frame nine seconds away is one of another scene.
        let other = media::ssim(&sheet, &tile, &input, &frame((number + 9) % 30));
        assert!(other < 0.8, "{cue:?}: {other}");
    }
}

#[test]
fn the_poster_of_a_film_that_fades_in_is_not_black() {
    let Some(clip) = media::fading_in() else { return };
    let stream = transcode(&clip);
    let poster = stream.path("poster.jpg");
    // The first two candidates are black, all later ones show the scene.
    let black = media::ssim(&poster, "null", &clip, "select=eq(n\\,0)");
    let scene = media::ssim(&poster, "null", &clip, "select=eq(n\\,50)");
    assert!(scene > 0.6 && black < 0.3, "{scene} {black}");
}
