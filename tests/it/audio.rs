//! Audio tests: known tones per channel, measured in the output.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::support::media;
use super::support::stream::transcode;

/// Two seconds of audio without video, each channel with a tone of its own (Hz, amplitude).
fn tones(layout: &str, channels: &[(u32, f64)]) -> Option<PathBuf> {
    let channel = |(hz, amplitude): &(u32, f64)| format!("{amplitude}*sin(2*PI*{hz}*t)");
    let channels: Vec<String> = channels.iter().map(channel).collect();
    let source = format!("aevalsrc='{}':c={layout}:s=48000:d=2", channels.join("|"));
    let arguments = ["-f", "lavfi", "-i", &source, "-c:a", "pcm_s24le"];
    media::generated(&format!("{layout}.mka"), &arguments)
}

/// Peak level of a tone in the left and the right channel of a playlist, in dB relative to full
/// scale.
fn level_of(playlist: &str, hz: u32) -> [f64; 2] {
    let graph = format!(
        "bandpass=f={hz}:w=20,bandpass=f={hz}:w=20,atrim=0.5:1.5,\
         astats=measure_overall=none:measure_perchannel=RMS_level"
    );
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-i", playlist, "-af", &graph, "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let levels = said.lines().filter_map(|line| line.split("RMS level dB: ").nth(1));
    let levels: Vec<f64> =
        levels.map(|level| level.trim().parse().unwrap_or(f64::NEG_INFINITY)).collect();
    assert_eq!(levels.len(), 2, "{said}");
    // The peak of a sine is 3.01 dB above its RMS level.
    [levels[0] + 3.01, levels[1] + 3.01]
}

/// Within half a decibel of the expected level, or below -40 dB where silence is expected.
fn assert_level(found: f64, expected: Option<f64>, of: &str) {
    match expected {
        Some(expected) => assert!((found - expected).abs() < 0.5, "{of}: {found}, not {expected}"),
        None => assert!(found < -40.0, "{of}: {found}, not silent"),
    }
}

#[test]
fn left_stays_left_and_right_stays_right() {
    let Some(clip) = tones("stereo", &[(440, 0.5), (700, 0.25)]) else { return };
    let stream = transcode(&clip);
    let [left, right] = level_of(&stream.index("audio-und"), 440);
    assert_level(left, Some(-6.02), "440 Hz on the left");
    assert_level(right, None, "440 Hz on the right");
    let [left, right] = level_of(&stream.index("audio-und"), 700);
    assert_level(left, None, "700 Hz on the left");
    assert_level(right, Some(-12.04), "700 Hz on the right");
}

/// Levels on the left and on the right in dB; none is silence.
type Levels = (Option<f64>, Option<f64>);

#[test]
fn surround_is_mixed_down_by_bt_775() {
    // The level of each input channel on the left and on the right. All are 3 dB lower than BT.775
    // has them, so that the mix has the power of one channel.
    let front = -6.02 - 3.01;
    let mixed = front - 3.01;
    let silent = None;
    let table: [(&str, &[Levels]); 2] = [
        (
            "5.1",
            &[
                (Some(front), silent),
                (silent, Some(front)),
                (Some(mixed), Some(mixed)),
                (silent, silent),
                (Some(mixed), silent),
                (silent, Some(mixed)),
            ],
        ),
        // The front has two thirds of the power.
        (
            "quad",
            &[
                (Some(-7.78), silent),
                (silent, Some(-7.78)),
                (Some(-10.79), silent),
                (silent, Some(-10.79)),
            ],
        ),
    ];
    for (layout, channels) in table {
        let hz = |number: usize| 300 + 250 * u32::try_from(number).unwrap();
        let given: Vec<(u32, f64)> = (0..channels.len()).map(|n| (hz(n), 0.5)).collect();
        let Some(clip) = tones(layout, &given) else { return };
        let stream = transcode(&clip);
        for (number, (left, right)) in channels.iter().enumerate() {
            let levels = level_of(&stream.index("audio-und"), hz(number));
            assert_level(levels[0], *left, &format!("{layout}, channel {number} on the left"));
            assert_level(levels[1], *right, &format!("{layout}, channel {number} on the right"));
        }
    }
}

/// A film with an audio track of its own tone (Hz) for each of these, each of one channel.
fn tracks(name: &str, tones: &[u32], more: &[&str]) -> Option<PathBuf> {
    let sources: Vec<String> =
        tones.iter().map(|hz| format!("aevalsrc='0.5*sin(2*PI*{hz}*t)':s=48000:d=2")).collect();
    let maps: Vec<String> = (0..=tones.len()).map(|number| number.to_string()).collect();
    let mut arguments = vec!["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2"];
    for source in &sources {
        arguments.extend(["-f", "lavfi", "-i", source]);
    }
    for number in &maps {
        arguments.extend(["-map", number]);
    }
    arguments.extend(more);
    media::generated(name, &arguments)
}

#[test]
fn audio_tracks_of_mxf_come_in_the_order_of_the_file() {
    let codecs = ["-c:v", "mpeg2video", "-c:a", "pcm_s16le"];
    let Some(film) = tracks("three.mxf", &[400, 900, 1700], &codecs) else { return };
    let stream = transcode(&film);
    let names = ["audio-und", "audio-und-2", "audio-und-3"];
    for (name, hz) in names.into_iter().zip([400, 900, 1700]) {
        assert_level(level_of(&stream.index(name), hz)[0], Some(-6.02), name);
    }
    let audio = &stream.plan()["audio"];
    let defaults = [0, 1, 2].map(|number| audio[number]["is_default"].as_bool());
    assert_eq!(defaults, [Some(true), Some(false), Some(false)]);
}

#[test]
fn tracks_for_left_and_right_are_one_sound() {
    let [left, right] = ["aformat=channel_layouts=FL", "aformat=channel_layouts=FR"];
    let table = [
        ("left_right.mov", left, right, "pcm_s16le"),
        ("right_left.mov", right, left, "pcm_s24le"),
    ];
    for (name, first, second, codec) in table {
        let sides = ["-filter:a:0", first, "-filter:a:1", second, "-c:a", codec];
        let Some(film) = tracks(name, &[400, 900], &sides) else { return };
        let stream = transcode(&film);
        assert_eq!(stream.plan()["audio"].as_array().unwrap().len(), 1, "{name}");
        let [of_left, of_right] = if first == left { [400, 900] } else { [900, 400] };
        let index = stream.index("audio-und");
        let (on_left, on_right) = (level_of(&index, of_left), level_of(&index, of_right));
        assert_level(on_left[0], Some(-6.02), "the left track on the left");
        assert_level(on_left[1], None, "the left track on the right");
        assert_level(on_right[0], None, "the right track on the left");
        assert_level(on_right[1], Some(-6.02), "the right track on the right");
        stream.check().assert_sound();
    }
}

#[test]
fn the_enabled_track_of_alternatives_is_the_default() {
    let languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"];
    let second = ["-disposition:a:0", "0", "-disposition:a:1", "default"];
    let Some(film) = tracks("second.mp4", &[400, 900], &[languages, second].concat()) else {
        return;
    };
    let stream = transcode(&film);
    let main = stream.text("main.m3u8");
    let line = |name: &str| main.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("audio-fr/").contains("DEFAULT=YES"), "{main}");
    assert!(line("audio-en/").contains("DEFAULT=NO"), "{main}");
    assert_level(level_of(&stream.index("audio-fr"), 900)[0], Some(-6.02), "the default");
    stream.check().assert_sound();
}

/// Times in seconds at which sound begins after at least half a second of silence, on the left.
fn onsets(playlist: &str) -> Vec<f64> {
    let arguments = ["-v", "error", "-i", playlist, "-ac", "1", "-ar", "48000", "-f", "s16le", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().unwrap();
    let samples = output.stdout.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
    let loud = samples.enumerate().filter(|(_, level)| level.unsigned_abs() > 3_000);
    let mut last = None;
    let begins = loud.map(|(at, _)| at).filter(|at| {
        let before = last.replace(*at);
        before.is_none_or(|before: usize| at - before > 24_000)
    });
    begins
        .map(|at| Duration::from_nanos(at as u64 * 1_000_000_000 / 48_000).as_secs_f64())
        .collect()
}

/// Each frame of AAC lasts 21,333,333.3 ns, so a sample that is lost in rounding would add up to 0.6 ms in a second.
#[test]
fn beeps_stay_at_their_times() {
    let beeps = "aevalsrc='0.5*sin(2*PI*400*t)*between(mod(t,1),0.5,0.7)':s=48000:d=30";
    let video = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=30"];
    let audio = ["-f", "lavfi", "-i", beeps];
    let Some(film) = media::generated("beeps.mp4", &[video, audio].concat()) else { return };
    let found = onsets(&transcode(&film).index("audio-und"));
    assert_eq!(found.len(), 30, "{found:?}");
    for (number, at) in (0_u32..).zip(&found) {
        assert!((at - f64::from(number) - 0.5).abs() < 0.003, "{found:?}");
    }
}
