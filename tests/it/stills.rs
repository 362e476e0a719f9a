//! Poster and storyboard: read back and held against the source's own pictures.

use super::support::{Need, corpus, has, media, program, skip};

/// One cue of the storyboard.
#[derive(Debug)]
struct Cue {
    begin: f64,
    end: f64,
    sheet: String,
    /// x, y, width, height.
    place: Vec<u32>,
}

/// Reads the `WebVTT`.
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
fn a_film_has_a_poster_and_a_picture_for_every_second() {
    let Some(input) = corpus("bbb_1080p24_30s_aac51.mp4") else { return };
    if !has("ffprobe") {
        return skip(Need::Ffmpeg, "ffprobe is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    let output = program().arg("transcode").arg(&input).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (width, height, _) = media::picture(dir.path().join("poster.jpg").to_str().unwrap());
    assert_eq!((width, height), (1280, 720));
    let cues = cues(&std::fs::read_to_string(dir.path().join("storyboard.vtt")).unwrap());
    assert_eq!(cues.len(), 30, "one for each second: {cues:?}");
    for (number, cue) in (0_u32..).zip(&cues) {
        assert!((cue.begin - f64::from(number)).abs() < 0.001, "{cue:?}");
        assert!((cue.end - f64::from(number + 1)).abs() < 0.001, "{cue:?}");
    }
    let sheets: std::collections::BTreeSet<_> = cues.iter().map(|cue| cue.sheet.as_str()).collect();
    assert_eq!(sheets.len(), 2, "25 on the first, 5 on the second");
    for (number, cue) in cues.iter().enumerate().filter(|(n, _)| [3, 12, 24, 25, 29].contains(n)) {
        let [x, y, width, height] = cue.place[..] else { panic!("{cue:?}") };
        let tile = format!("crop={width}:{height}:{x}:{y}");
        let frame = |secs: usize| format!("select=eq(n\\,{})", secs * 24);
        let sheet = dir.path().join(&cue.sheet);
        let alike = media::likeness(&sheet, &tile, &input, &frame(number));
        assert!(alike > 0.9, "{cue:?} is not the picture of its time: {alike}");
        // The comparison can tell: nine seconds away is another scene.
        let other = media::likeness(&sheet, &tile, &input, &frame((number + 9) % 30));
        assert!(other < 0.8, "{cue:?}: {other}");
    }
}

#[test]
fn the_poster_of_a_film_that_fades_in_is_not_black() {
    let dir = tempfile::tempdir().unwrap();
    let Some(clip) = media::fading_in(dir.path()) else { return };
    let out = dir.path().join("out");
    let output = program().arg("transcode").arg(&clip).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The first two candidates are black; all that follow show the scene.
    let black = media::likeness(&out.join("poster.jpg"), "null", &clip, "select=eq(n\\,0)");
    let scene = media::likeness(&out.join("poster.jpg"), "null", &clip, "select=eq(n\\,50)");
    assert!(scene > 0.6 && black < 0.3, "{scene} {black}");
}
