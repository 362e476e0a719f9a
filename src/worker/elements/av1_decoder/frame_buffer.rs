//! GStreamer buffers around the memory of decoded frames.

use gstreamer as gst;
use gstreamer_video::{VideoFrame, VideoFrameFlags, VideoFrameRef, VideoInfo, VideoMeta};
use re_rav1d::dav1d::{Picture, PixelLayout, PlanarImageComponent};

/// Wraps a decoded frame without a copy: one memory per plane, with a `VideoMeta` that states their
/// offsets and strides. Monochrome frames get planes of neutral chroma.
pub(super) fn wrap(picture: &Picture, info: &VideoInfo) -> Option<gst::Buffer> {
    let mut buffer = gst::Buffer::new();
    let owned = buffer.get_mut()?;
    let (mut offsets, mut strides) = (Vec::new(), Vec::new());
    let is_monochrome = picture.pixel_layout() == PixelLayout::I400;
    for component in 0..3_u8 {
        let plane = PlanarImageComponent::from(usize::from(component));
        offsets.push(owned.size());
        if is_monochrome && component > 0 {
            let stride = info.stride()[usize::from(component)];
            let rows = info.comp_height(component) as usize;
            strides.push(stride);
            let bytes = stride.unsigned_abs() as usize * rows;
            owned.append_memory(neutral_chroma(bytes, picture.bit_depth()));
        } else {
            strides.push(picture.stride(plane).cast_signed());
            owned.append_memory(gst::Memory::from_slice(picture.plane(plane)));
        }
    }
    let (width, height) = (info.width(), info.height());
    let flags = VideoFrameFlags::empty();
    VideoMeta::add_full(owned, flags, info.format(), width, height, &offsets, &strides).ok()?;
    Some(buffer)
}

/// A plane of chroma without colour: the middle of the range of `bits`-bit samples.
fn neutral_chroma(bytes: usize, bits: usize) -> gst::Memory {
    if bits == 8 {
        return gst::Memory::from_slice(vec![128_u8; bytes]);
    }
    let middle = (1_u16 << (bits - 1)).to_le_bytes();
    gst::Memory::from_slice(middle.repeat(bytes / 2))
}

/// Copies a frame into a buffer with GStreamer's default layout. `None` if one of them cannot be
/// mapped.
pub(super) fn copy(from: gst::Buffer, to: &mut gst::BufferRef, info: &VideoInfo) -> Option<()> {
    let from = VideoFrame::from_buffer_readable(from, info).ok()?;
    let mut to = VideoFrameRef::from_buffer_ref_writable(to, info).ok()?;
    from.as_video_frame_ref().copy(&mut to).ok()
}
