//! What the elements that make pictures have in common.

use std::sync::atomic::{AtomicU32, Ordering};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef};
use ladderd_pixels::Source;

/// How many threads share a picture: the property `n-threads`.
pub(crate) struct Threads(AtomicU32);

impl Default for Threads {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Threads {
    /// So many until the property says something else.
    pub(crate) fn new(threads: u32) -> Self {
        Self(AtomicU32::new(threads))
    }

    /// The property, and how many there are by default.
    pub(crate) fn property(default: u32) -> glib::ParamSpec {
        glib::ParamSpecUInt::builder("n-threads")
            .nick("Threads")
            .blurb("Threads that share a picture")
            .minimum(1)
            .maximum(64)
            .default_value(default)
            .build()
    }

    /// Sets it to the value of the property.
    pub(crate) fn set(&self, value: &glib::Value) {
        if let Ok(threads) = value.get() {
            self.0.store(threads, Ordering::Relaxed);
        }
    }

    /// How many.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Rows of chroma that each of them takes of a picture as high as this.
    pub(crate) fn band(&self, height: u32) -> usize {
        height.div_ceil(2).div_ceil(self.get()).max(1) as usize
    }
}

/// Works on all of them at the same time. The thread that asks takes the first.
pub(crate) fn at_once<T: Send>(mut items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let first = items.next();
    let work = &work;
    std::thread::scope(|scope| {
        for item in items {
            scope.spawn(move || work(item));
        }
        first.map(work);
    });
}

/// A pad for pictures of these formats and every size, and one for those that come out.
pub(crate) fn pad_templates(inputs: &[VideoFormat], output: VideoFormat) -> Vec<gst::PadTemplate> {
    pads(&of_every_size(inputs.iter()), &of_every_size([&output].into_iter()))
}

/// A pad for what goes in, and one for what comes out.
pub(crate) fn pads(input: &gst::Caps, output: &gst::Caps) -> Vec<gst::PadTemplate> {
    let template = |name, direction, caps| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps).ok()
    };
    let sink = template("sink", gst::PadDirection::Sink, input);
    sink.into_iter().chain(template("src", gst::PadDirection::Src, output)).collect()
}

/// Pictures of these formats.
pub(crate) fn of_every_size<'a>(formats: impl Iterator<Item = &'a VideoFormat>) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", gst::List::new(formats.map(|format| format.to_str())))
        .field("width", gst::IntRange::new(1, i32::MAX))
        .field("height", gst::IntRange::new(1, i32::MAX))
        .build()
}

/// The caps of the other pad: each structure changed like this, as far as the filter allows.
pub(crate) fn other_caps(
    caps: &gst::Caps,
    filter: Option<&gst::Caps>,
    change: impl Fn(&mut gst::Structure),
) -> Option<gst::Caps> {
    let mut other = gst::Caps::new_empty();
    for structure in caps.iter() {
        let mut structure = structure.to_owned();
        change(&mut structure);
        other.get_mut()?.append_structure(structure);
    }
    Some(match filter {
        Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
        None => other,
    })
}

/// Luma, blue and red.
pub(crate) type Planes<'a> = [Source<'a>; 3];

/// The planes of a picture.
pub(crate) fn planes<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>) -> Option<Planes<'a>> {
    let plane = |plane: u32| {
        let stride = usize::try_from(frame.plane_stride()[plane as usize]).ok()?;
        Some(Source { bytes: frame.plane_data(plane).ok()?, stride })
    };
    Some([plane(0)?, plane(1)?, plane(2)?])
}

/// Bytes and stride of a band of each plane.
pub(crate) type Band<'a> = [(&'a mut [u8], usize); 3];

/// Cuts a picture into bands of so many rows of chroma, and twice as many of luma.
pub(crate) fn bands<'a>(
    frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
    chroma_rows: usize,
) -> Option<impl Iterator<Item = Band<'a>>> {
    let strides = frame.plane_stride();
    let stride = |plane: usize| usize::try_from(strides[plane]).ok();
    let strides = [stride(0)?, stride(1)?, stride(2)?];
    let [luma, blue, red, _] = frame.planes_data_mut();
    let luma = luma.chunks_mut(chroma_rows * 2 * strides[0]);
    let chroma =
        blue.chunks_mut(chroma_rows * strides[1]).zip(red.chunks_mut(chroma_rows * strides[2]));
    let bands = luma.zip(chroma);
    Some(bands.map(move |(luma, (blue, red))| {
        [(luma, strides[0]), (blue, strides[1]), (red, strides[2])]
    }))
}
