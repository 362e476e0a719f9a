//! Measures what passes a pad of a trial.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef, VideoInfo};
use parking_lot::Mutex;

/// Collects the bytes of all buffers that pass a pad.
pub(super) fn collect(pad: &gst::Pad) -> Arc<Mutex<Vec<u8>>> {
    let bytes = Arc::<Mutex<Vec<u8>>>::default();
    let collected = Arc::clone(&bytes);
    // Runs on the streaming thread of the pad: copies bytes.
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let mut collected = collected.lock();
        let mut take = |buffer: &gst::BufferRef| {
            if let Ok(map) = buffer.map_readable() {
                collected.extend_from_slice(&map);
            }
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    bytes
}

/// Mean luma (0 to 255) of the first frame that passes a pad in I420 or NV12; `None` until then.
pub(super) fn mean_luma(pad: &gst::Pad) -> Arc<Mutex<Option<f64>>> {
    let mean = Arc::<Mutex<Option<f64>>>::default();
    let found = Arc::clone(&mean);
    // Runs on the streaming thread of the pad: reads one frame.
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut found = found.lock();
        if let (None, Some(buffer), Some(caps)) = (*found, info.buffer(), pad.current_caps()) {
            *found = luma_of(buffer, &caps);
        }
        gst::PadProbeReturn::Ok
    });
    mean
}

fn luma_of(buffer: &gst::BufferRef, caps: &gst::Caps) -> Option<f64> {
    let info = VideoInfo::from_caps(caps).ok()?;
    if !matches!(info.format(), VideoFormat::I420 | VideoFormat::Nv12) {
        return None;
    }
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
    let (width, height) =
        (usize::try_from(info.width()).ok()?, usize::try_from(info.height()).ok()?);
    let stride = usize::try_from(info.stride().first().copied()?).ok()?;
    let rows = frame.plane_data(0).ok()?.chunks(stride).take(height);
    let sum: u64 = rows.map(|row| row.iter().take(width).map(|v| u64::from(*v)).sum::<u64>()).sum();
    let samples = u32::try_from(width * height).ok().filter(|samples| *samples > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "sums of a frame are below 2^53")]
    Some(sum as f64 / f64::from(samples))
}
