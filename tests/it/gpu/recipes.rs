//! Transcoding through each recipe.

use serde_json::Value;

use crate::support::doubles::Doubles;
use crate::support::stream::Transcode;
use crate::support::{corpus, media};

/// Transcodes a clip on a machine with these elements, and asserts which recipe and decoder it takes.
fn assert_transcodes(set: &str, backend: &str, decoder: &str) {
    let Some(film) = media::clip(360, "30000/1001", 8) else { return };
    let stream = Transcode::new(&film).on(&Doubles::new(set)).run();
    let plan = stream.plan();
    assert_eq!((&plan["backend"], &plan["decoder"]), (&backend.into(), &decoder.into()));
    stream.check().assert_sound();
    assert_eq!(media::decode_errors(&stream.index("360p")), "");
    let (width, height, frames) = media::size_and_frames(&stream.index("360p"));
    assert_eq!((width, height), (640, 360));
    assert!((239..=241).contains(&frames), "{frames} frames in 8 s");
}

#[test]
fn nvenc_of_1_22() {
    assert_transcodes("nvcodec 1.22.0", "nvenc", "nvh264dec");
}

#[test]
fn nvenc_of_1_26() {
    assert_transcodes("nvcodec 1.26.11+", "nvenc", "nvh264dec");
}

#[test]
fn nvenc_of_the_newest() {
    assert_transcodes("nvcodec 1.28.6+", "nvenc", "nvh264dec");
}

#[test]
fn nvdec_without_an_encoder() {
    assert_transcodes("nvcodec-without-encoder 1.26.11+", "nvdec", "nvh264dec");
}

#[test]
fn vaapi_of_1_22() {
    assert_transcodes("va 1.22.0", "vaapi", "vah264dec");
}

#[test]
fn vaapi_of_the_newest() {
    assert_transcodes("va 1.28.6+", "vaapi", "vah264dec");
}

#[test]
fn vaapi_with_the_low_power_encoder_alone() {
    assert_transcodes("va-low-power 1.26.11+", "vaapi", "vah264dec");
}

#[test]
fn qsv() {
    assert_transcodes("qsv 1.22.0", "qsv", "vah264dec");
}

#[test]
fn vaapi_legacy() {
    assert_transcodes("vaapi 1.22.0", "vaapi-legacy", "vaapih264dec");
}

/// Rotation, codecs that the device does not decode, and HDR.
#[test]
fn unusual_sources_are_encoded_on_a_gpu() {
    let sources = [
        ("nvcodec 1.22.0", "android_1080p_rot90_1s.mp4", "nvh264dec", (1080, 1920)),
        ("nvcodec 1.26.11+", "android_1080p_rot90_1s.mp4", "nvh264dec", (1080, 1920)),
        ("nvcodec 1.26.11+", "vp9_profile2_10bit_240p.webm", "", (426, 240)),
        ("va 1.22.0", "hlg10_hevc_1080p_9frames.mp4", "vah265dec", (1920, 1080)),
        ("va 1.26.11+", "quicktime_prores422_320x240.mov", "", (320, 240)),
    ];
    for (set, name, decoder, size) in sources {
        let Some(input) = corpus(name) else { return };
        let stream = Transcode::new(&input).on(&Doubles::new(set)).run();
        let plan = stream.plan();
        assert_ne!(plan["backend"], "cpu", "{name}: {:?}", plan["notes"]);
        assert_eq!(plan["decoder"].as_str().unwrap_or_default(), decoder, "{name}");
        let rung = plan["video"]["rungs"][0]["name"].as_str().unwrap();
        let (width, height, _) = media::size_and_frames(&stream.index(rung));
        assert_eq!((width, height), size, "{name} in {set}");
    }
}

#[test]
fn a_rung_too_small_for_an_encoder_goes_to_the_next_backend() {
    let Some(small) = media::clip(90, "25", 2) else { return };
    let doubles = Doubles::new("nvcodec 1.26.11+");
    let output = doubles.program().arg("plan").arg(small).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["backend"], "nvdec", "{plan:#}");
    let notes = plan["notes"].to_string();
    assert!(notes.contains("skipped backend nvenc: its encoder takes 160x64 to"), "{notes}");
}

/// Brick red of full range, whose codes in BT.709 of limited range are known.
#[test]
fn colours_are_converted_on_every_gpu() {
    let source = "color=0xC04020:s=640x360:r=25:d=2,format=rgb24,\
                  scale=out_color_matrix=bt601:out_range=pc,format=yuv420p";
    let tags = ["-c:v", "libx264", "-x264-params", "fullrange=on:colormatrix=smpte170m"];
    let arguments = [&["-f", "lavfi", "-i", source][..], &tags].concat();
    let Some(clip) = media::generated("full_range_gpu.mkv", &arguments) else { return };
    let sets = [
        ("nvcodec 1.22.0", "nvenc"),
        ("nvcodec-without-encoder 1.26.11+", "nvdec"),
        ("va 1.26.11+", "vaapi"),
        ("vaapi 1.22.0", "vaapi-legacy"),
    ];
    for (set, backend) in sets {
        let stream = Transcode::new(&clip).on(&Doubles::new(set)).checked().run();
        let plan = stream.plan();
        assert_eq!(plan["backend"], backend, "{:?}", plan["notes"]);
        assert!(plan["decoder"].is_string(), "{plan:#}");
        let codes = media::mean_yuv(&stream.path("360p/index.m3u8"), "1", "iw:ih");
        for (found, expected) in codes.iter().zip([92.4, 101.1, 185.5]) {
            assert!((found - expected).abs() <= 3.0, "{set}: {codes:?}");
        }
        assert_eq!(media::range(&stream.index("360p")), "tv", "{set}");
    }
}

#[test]
fn a_source_that_turns_interlaced_goes_from_the_gpu_to_the_cpu() {
    let source = "testsrc2=s=720x576:r=25:d=3";
    let fields = "testsrc2=s=720x576:r=50:d=3,tinterlace=interleave_top,fieldorder=tff";
    let part = |name: &str, source: &str, flags: &str| {
        let encode = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"];
        let input = ["-f", "lavfi", "-i", source];
        media::generated(name, &[&input[..], &encode, &["-x264-params", flags]].concat())
    };
    let parts = [part("whole.ts", source, "interlaced=0"), part("fields.ts", fields, "tff=1")];
    let [Some(whole), Some(fields)] = parts else { return };
    let list = format!("file '{}'\nfile '{}'\n", whole.display(), fields.display());
    let join = ["-f", "concat", "-safe", "0", "-i", "list.txt", "-c", "copy"];
    let joined = media::generated_with("turns.ts", &join, &[("list.txt", &list)]);
    let Some(clip) = joined else { return };
    for set in ["nvcodec 1.26.11+", "va 1.26.11+"] {
        let stream = Transcode::new(&clip).on(&Doubles::new(set)).checked().run();
        let failed = stream.event("backend-failed").to_string();
        assert!(failed.contains("nvenc") || failed.contains("vaapi"), "{failed}");
        let [combed, clean] = media::interlaced_and_progressive(&stream.index("480p"));
        assert!(clean > 10 * combed, "{set}: {combed} frames with combs of {clean}");
    }
}
