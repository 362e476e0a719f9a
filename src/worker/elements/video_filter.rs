//! The common part of our video filters: element metadata, pad templates, caps transformation, and
//! access to the planes of 4:2:0 frames.

use gstreamer as gst;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef};
use ladderd_pixels::{Plane, PlaneMut};

use super::n_threads::{chroma_rows_per_thread, for_each_parallel};

/// The properties in which our video filters differ. [`impl_video_filter!`] derives the subclass
/// boilerplate from them.
pub(crate) trait FilterDescription {
    /// Name for people.
    const LONG_NAME: &'static str;
    /// GStreamer's classification ("klass").
    const CLASSIFICATION: &'static str;
    /// One sentence for `gst-inspect`.
    const DESCRIPTION: &'static str;
    /// Formats of the sink pad.
    const SINK_FORMATS: &'static [VideoFormat];
    /// Format of the source pad.
    const SRC_FORMAT: VideoFormat;
    /// Whether frames pass untouched if both pads have the same caps.
    const PASSTHROUGH_ON_SAME_CAPS: bool;

    /// Rewrites one structure of the caps of the pad in `direction` to the caps that the other pad
    /// can have.
    fn transform_structure(direction: gst::PadDirection, structure: &mut gst::Structure);
}

/// Implements `GstObjectImpl`, `ElementImpl` and `BaseTransformImpl` for a [`FilterDescription`].
/// The items in braces are added to `BaseTransformImpl`.
macro_rules! impl_video_filter {
    ($filter:ty) => {
        $crate::worker::elements::video_filter::impl_video_filter!($filter {});
    };
    ($filter:ty { $($item:item)* }) => {
        impl ::gstreamer::subclass::prelude::GstObjectImpl for $filter {}

        impl ::gstreamer::subclass::prelude::ElementImpl for $filter {
            fn metadata() -> Option<&'static ::gstreamer::subclass::ElementMetadata> {
                use $crate::worker::elements::video_filter::FilterDescription;
                static METADATA: ::std::sync::LazyLock<::gstreamer::subclass::ElementMetadata> =
                    ::std::sync::LazyLock::new(|| {
                        ::gstreamer::subclass::ElementMetadata::new(
                            <$filter>::LONG_NAME,
                            <$filter>::CLASSIFICATION,
                            <$filter>::DESCRIPTION,
                            "ladderd",
                        )
                    });
                Some(&*METADATA)
            }

            fn pad_templates() -> &'static [::gstreamer::PadTemplate] {
                use $crate::worker::elements::video_filter::{self, FilterDescription};
                static TEMPLATES: ::std::sync::LazyLock<Vec<::gstreamer::PadTemplate>> =
                    ::std::sync::LazyLock::new(|| {
                        video_filter::pad_templates(
                            &video_filter::raw_caps(<$filter>::SINK_FORMATS),
                            &video_filter::raw_caps(&[<$filter>::SRC_FORMAT]),
                        )
                    });
                &TEMPLATES
            }
        }

        impl ::gstreamer_base::subclass::prelude::BaseTransformImpl for $filter {
            const MODE: ::gstreamer_base::subclass::BaseTransformMode =
                ::gstreamer_base::subclass::BaseTransformMode::NeverInPlace;
            const PASSTHROUGH_ON_SAME_CAPS: bool =
                <$filter as $crate::worker::elements::video_filter::FilterDescription>
                    ::PASSTHROUGH_ON_SAME_CAPS;
            const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

            fn transform_caps(
                &self,
                direction: ::gstreamer::PadDirection,
                caps: &::gstreamer::Caps,
                filter: Option<&::gstreamer::Caps>,
            ) -> Option<::gstreamer::Caps> {
                $crate::worker::elements::video_filter::transform_caps::<$filter>(
                    direction, caps, filter,
                )
            }

            $($item)*
        }
    };
}
pub(crate) use impl_video_filter;

/// Always-present pads `sink` and `src` with these caps.
pub(crate) fn pad_templates(sink: &gst::Caps, src: &gst::Caps) -> Vec<gst::PadTemplate> {
    let template = |name, direction, caps| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps).ok()
    };
    let sink = template("sink", gst::PadDirection::Sink, sink);
    sink.into_iter().chain(template("src", gst::PadDirection::Src, src)).collect()
}

/// Caps of raw video in these formats and of any size.
pub(crate) fn raw_caps(formats: &[VideoFormat]) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", gst::List::new(formats.iter().map(|format| format.to_str())))
        .field("width", gst::IntRange::new(1, i32::MAX))
        .field("height", gst::IntRange::new(1, i32::MAX))
        .build()
}

/// Transforms each structure and applies GStreamer's filter, whose order of preference wins.
pub(crate) fn transform_caps<F: FilterDescription>(
    direction: gst::PadDirection,
    caps: &gst::Caps,
    filter: Option<&gst::Caps>,
) -> Option<gst::Caps> {
    let mut other = gst::Caps::new_empty();
    for structure in caps.iter() {
        let mut structure = structure.to_owned();
        F::transform_structure(direction, &mut structure);
        other.get_mut()?.append_structure(structure);
    }
    Some(match filter {
        Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
        None => other,
    })
}

/// Planes of a frame in the order Y, Cb, Cr.
pub(crate) type Planes<'a> = [Plane<'a>; 3];

/// A band of rows of the planes of a frame, in the order Y, Cb, Cr.
pub(crate) type BandMut<'a> = [PlaneMut<'a>; 3];

/// The plane with this index. `None` if the frame has no such plane or a negative stride.
pub(crate) fn plane<'a>(
    frame: &'a VideoFrameRef<&gst::BufferRef>,
    index: u32,
) -> Option<Plane<'a>> {
    let stride = usize::try_from(*frame.plane_stride().get(index as usize)?).ok()?;
    Some(Plane { bytes: frame.plane_data(index).ok()?, stride })
}

/// The first three planes of a frame.
pub(crate) fn planes<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>) -> Option<Planes<'a>> {
    Some([plane(frame, 0)?, plane(frame, 1)?, plane(frame, 2)?])
}

/// Calls `convert` for each band of an output, one per thread, with the planes of the input from its first row
/// on, and the width and height of the band in luma. `None` for frames without three planes.
pub(crate) fn for_each_band(
    input: &VideoFrameRef<&gst::BufferRef>,
    output: &mut VideoFrameRef<&mut gst::BufferRef>,
    n_threads: u32,
    convert: impl Fn(&Planes<'_>, BandMut<'_>, (usize, usize)) + Sync,
) -> Option<()> {
    let (width, height) = (input.width() as usize, input.height() as usize);
    let [luma, cb, cr] = planes(input)?;
    let chroma_rows = chroma_rows_per_thread(input.height(), n_threads);
    for_each_parallel(bands_mut(output, chroma_rows)?.enumerate(), |(number, band)| {
        let first = number * chroma_rows;
        let Some(remaining) = height.checked_sub(first * 2).filter(|rows| *rows > 0) else {
            return;
        };
        let input = [luma.skip_rows(first * 2), cb.skip_rows(first), cr.skip_rows(first)];
        convert(&input, band, (width, remaining.min(chroma_rows * 2)));
    });
    Some(())
}

/// Splits a 4:2:0 frame into bands of `chroma_rows` rows of chroma and twice as many of luma.
pub(crate) fn bands_mut<'a>(
    frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
    chroma_rows: usize,
) -> Option<impl Iterator<Item = BandMut<'a>>> {
    let strides = frame.plane_stride();
    let stride = |plane: usize| usize::try_from(strides[plane]).ok();
    let strides = [stride(0)?, stride(1)?, stride(2)?];
    let [luma, cb, cr, _] = frame.planes_data_mut();
    let luma = luma.chunks_mut(chroma_rows * 2 * strides[0]);
    let chroma =
        cb.chunks_mut(chroma_rows * strides[1]).zip(cr.chunks_mut(chroma_rows * strides[2]));
    Some(luma.zip(chroma).map(move |(luma, (cb, cr))| {
        [
            PlaneMut { bytes: luma, stride: strides[0] },
            PlaneMut { bytes: cb, stride: strides[1] },
            PlaneMut { bytes: cr, stride: strides[2] },
        ]
    }))
}
