//! A job from end to end through each recipe.

use std::process::Output;

use serde_json::Value;

use crate::support::doubles::Doubles;
use crate::support::{corpus, media};

/// The event of this name among the lines of a run.
fn event(output: &Output, name: &str) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// A film goes through, and comes out whole by all rules.
fn goes_through(set: &str, backend: &str, decoder: &str) {
    let dir = tempfile::tempdir().unwrap();
    let Some(film) = media::clip(dir.path(), 360, "30000/1001", 8) else { return };
    let doubles = Doubles::new(set);
    let out = dir.path().join("out");
    let run =
        doubles.program().arg("transcode").arg(film).arg(&out).arg("--json").output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let plan = &event(&run, "planned")["plan"];
    assert_eq!((&plan["backend"], &plan["decoder"]), (&backend.into(), &decoder.into()));
    let check = doubles.program().arg("check").arg(&out).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let uri = out.join("360p/index.m3u8").display().to_string();
    assert_eq!(media::decode_errors(&uri), "");
    let (width, height, frames) = media::picture(&uri);
    assert_eq!((width, height), (640, 360));
    assert!((239..=241).contains(&frames), "{frames} pictures in 8 s");
}

#[test]
fn nvenc_of_1_22() {
    goes_through("nvcodec 1.22.0", "nvenc", "nvh264dec");
}

#[test]
fn nvenc_of_1_26() {
    goes_through("nvcodec 1.26.11+", "nvenc", "nvh264dec");
}

#[test]
fn nvenc_of_the_newest() {
    goes_through("nvcodec 1.28.6+", "nvenc", "nvh264dec");
}

#[test]
fn nvdec_where_there_is_no_encoder() {
    goes_through("nvcodec-without-encoder 1.26.11+", "nvdec", "nvh264dec");
}

#[test]
fn vaapi_of_1_22() {
    goes_through("va 1.22.0", "vaapi", "vah264dec");
}

#[test]
fn vaapi_of_the_newest() {
    goes_through("va 1.28.6+", "vaapi", "vah264dec");
}

#[test]
fn vaapi_with_low_power_alone() {
    goes_through("va-low-power 1.26.11+", "vaapi", "vah264dec");
}

#[test]
fn qsv() {
    goes_through("qsv 1.22.0", "qsv", "vah264dec");
}

#[test]
fn vaapi_legacy() {
    goes_through("vaapi 1.22.0", "vaapi-legacy", "vaapih264dec");
}

/// What the device does not decode, and what it cannot do by itself.
#[test]
fn odd_sources_go_through_a_gpu() {
    let sources = [
        ("nvcodec 1.22.0", "android_1080p_rot90_1s.mp4", "nvh264dec", (1080, 1920)),
        ("nvcodec 1.26.11+", "android_1080p_rot90_1s.mp4", "nvh264dec", (1080, 1920)),
        ("nvcodec 1.26.11+", "vp9_profile2_10bit_240p.webm", "", (426, 240)),
        ("va 1.22.0", "hlg10_hevc_1080p_9frames.mp4", "vah265dec", (1920, 1080)),
        ("va 1.26.11+", "quicktime_prores422_320x240.mov", "", (320, 240)),
    ];
    for (set, name, decoder, size) in sources {
        let Some(input) = corpus(name) else { return };
        let dir = tempfile::tempdir().unwrap();
        let doubles = Doubles::new(set);
        let mut program = doubles.program();
        program.arg("transcode").arg(&input).arg(dir.path()).arg("--json");
        let run = program.output().unwrap();
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
        let plan = &event(&run, "planned")["plan"];
        assert_ne!(plan["backend"], "cpu", "{name}: {:?}", plan["notes"]);
        assert_eq!(plan["decoder"].as_str().unwrap_or_default(), decoder, "{name}");
        let rung = plan["video"]["rungs"][0]["name"].as_str().unwrap();
        let uri = dir.path().join(rung).join("index.m3u8").display().to_string();
        let (width, height, _) = media::picture(&uri);
        assert_eq!((width, height), size, "{name} in {set}");
    }
}

#[test]
fn what_an_encoder_cannot_take_goes_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let Some(small) = media::clip(dir.path(), 90, "25", 2) else { return };
    let doubles = Doubles::new("nvcodec 1.26.11+");
    let output = doubles.program().arg("plan").arg(small).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["backend"], "nvdec", "{plan:#}");
    let notes = plan["notes"].to_string();
    assert!(notes.contains("nvenc is passed over: its encoder takes 160x64 to"), "{notes}");
}
