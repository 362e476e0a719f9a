//! The decoder against libaom's `av1dec`, with changing sizes and damaged frames.

use std::sync::atomic::{AtomicUsize, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::register;
use crate::worker::elements::testing::{capture, parse_bin, run};

const ENCODER: &str = "av1enc cpu-used=8 keyframe-max-dist=5";
const SINK: &str = "fakesink sync=false async=false name";

#[test]
fn frames_equal_those_of_the_reference_decoder() {
    for (format, width, height) in [
        ("I420", 320, 180),
        ("I420", 321, 181),
        ("I420", 1920, 1080),
        ("Y42B", 322, 180),
        ("Y444", 319, 180),
    ] {
        let description = format!(
            "videotestsrc num-buffers=12 pattern=smpte75 horizontal-speed=3 \
             ! video/x-raw,format={format},width={width},height={height},framerate=30/1 \
             ! {ENCODER} ! av1parse ! tee name=t \
             t. ! queue ! ladderdav1dec n-threads=1 ! {SINK}=one \
             t. ! queue ! ladderdav1dec n-threads=9 ! {SINK}=many \
             t. ! queue ! av1dec ! {SINK}=reference"
        );
        let found = run(register, &description, &["one", "many", "reference"]);
        let case = format!("{format} {width}x{height}");
        assert_eq!(found[0].len(), 12, "{case}");
        assert!(found[0].iter().all(|(_, found, _)| found == format), "{case}");
        assert!(found[0] == found[2], "{case}");
        assert!(found[1] == found[2], "{case}, with threads");
    }
}

#[test]
fn downstream_without_video_meta_gets_the_same_frames() {
    // `identity drop-allocation` hides downstream's support for `VideoMeta`.
    let description = format!(
        "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=318,height=182,framerate=30/1 \
         ! {ENCODER} ! av1parse ! tee name=t \
         t. ! queue ! ladderdav1dec ! identity drop-allocation=true ! {SINK}=ours \
         t. ! queue ! av1dec ! {SINK}=reference"
    );
    let found = run(register, &description, &["ours", "reference"]);
    assert_eq!(found[0].len(), 5);
    assert!(found[0] == found[1]);
}

#[test]
fn a_change_of_size_is_negotiated() {
    let part = |frames: u32, width: u32, height: u32| {
        format!(
            "videotestsrc num-buffers={frames} \
             ! video/x-raw,format=I420,width={width},height={height},framerate=30/1 \
             ! {ENCODER} ! av1parse ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! c. "
        )
    };
    let description = format!(
        "concat name=c ! ladderdav1dec ! {SINK}=ours {}{}",
        part(4, 320, 180),
        part(3, 160, 90)
    );
    let sizes: Vec<_> = run(register, &description, &["ours"])[0]
        .iter()
        .map(|(.., planes)| planes[0].len())
        .collect();
    assert_eq!(sizes, [[320 * 180; 4].as_slice(), &[160 * 90; 3]].concat());
}

#[test]
fn damaged_frames_are_skipped() {
    for threads in [1, 9] {
        let times = timestamps_of_damaged(threads);
        assert!((37..=40).contains(&times.len()), "{} frames, {threads} threads", times.len());
        assert!(times.is_sorted(), "{times:?}, {threads} threads");
    }
}

fn timestamps_of_damaged(threads: u32) -> Vec<Option<gst::ClockTime>> {
    let description = format!(
        "videotestsrc num-buffers=40 pattern=ball \
         ! video/x-raw,format=I420,width=320,height=180,framerate=30/1 \
         ! {ENCODER} ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu \
         ! identity name=damage ! ladderdav1dec n-threads={threads} max-errors=-1 ! {SINK}=ours"
    );
    let bin = parse_bin(register, &description);
    let pad = bin.by_name("damage").unwrap().static_pad("src").unwrap();
    let count = AtomicUsize::new(0);
    // Runs on the streaming thread of the source; it only changes the bytes of the buffer.
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if (12..15).contains(&count.fetch_add(1, Ordering::Relaxed)) {
            let buffer = info.buffer_mut().unwrap().make_mut();
            let mut bytes = buffer.map_writable().unwrap();
            let begin = bytes.len() / 3;
            bytes[begin..].fill(0xA5);
        }
        gst::PadProbeReturn::Ok
    });
    capture(&bin, &["ours"])[0].iter().map(|(pts, ..)| *pts).collect()
}
