//! Pictures that are partly transparent on black, as a GStreamer element. All others pass. The
//! arithmetic is in [`ladderd_pixels::alpha`].

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

glib::wrapper! {
    /// The element: with alpha or without in, without out, of the same size.
    pub(crate) struct Flatten(ObjectSubclass<imp::Flatten>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Makes the element known to GStreamer in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdflatten", gst::Rank::NONE, Flatten::static_type())
}

mod imp {
    use std::sync::LazyLock;

    use gstreamer as gst;
    use gstreamer::glib;
    use gstreamer::subclass::prelude::*;
    use gstreamer_base::subclass::prelude::*;
    use gstreamer_video::prelude::*;
    use gstreamer_video::subclass::prelude::*;
    use gstreamer_video::{VideoFormat, VideoFrameRef};
    use ladderd_pixels::Source;
    use ladderd_pixels::alpha::{BLACK, of_chroma, over_black};

    use crate::worker::elements::video_filter;

    #[derive(Default)]
    pub(crate) struct Flatten;

    #[glib::object_subclass]
    impl ObjectSubclass for Flatten {
        const NAME: &'static str = "LadderdFlatten";
        type Type = super::Flatten;
        type ParentType = gstreamer_video::VideoFilter;
    }

    impl ObjectImpl for Flatten {}

    impl GstObjectImpl for Flatten {}

    impl ElementImpl for Flatten {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Alpha remover",
                    "Filter/Effect/Video",
                    "Shows what is transparent on black",
                    "ladderd",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                video_filter::pad_templates(
                    &[VideoFormat::I420, VideoFormat::A420],
                    VideoFormat::I420,
                )
            });
            &TEMPLATES
        }
    }

    impl BaseTransformImpl for Flatten {
        const MODE: gstreamer_base::subclass::BaseTransformMode =
            gstreamer_base::subclass::BaseTransformMode::NeverInPlace;
        const PASSTHROUGH_ON_SAME_CAPS: bool = true;
        const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

        fn transform_caps(
            &self,
            direction: gst::PadDirection,
            caps: &gst::Caps,
            filter: Option<&gst::Caps>,
        ) -> Option<gst::Caps> {
            let is_input = direction == gst::PadDirection::Sink;
            // Without alpha first: whoever converts takes that, unless there is alpha to be lost.
            let formats = if is_input { &["I420"][..] } else { &["I420", "A420"] };
            video_filter::other_caps(caps, filter, |structure| {
                structure.set("format", gst::List::new(formats));
            })
        }
    }

    impl VideoFilterImpl for Flatten {
        fn transform_frame(
            &self,
            input: &VideoFrameRef<&gst::BufferRef>,
            output: &mut VideoFrameRef<&mut gst::BufferRef>,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            picture(input, output).ok_or(gst::FlowError::Error)?;
            Ok(gst::FlowSuccess::Ok)
        }
    }

    /// Puts a picture on black, two rows at a time.
    fn picture(
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Option<()> {
        let (width, height) = (input.width() as usize, input.height() as usize);
        let source = video_filter::planes(input)?;
        let stride = usize::try_from(*input.plane_stride().get(3)?).ok()?;
        let alpha = Source { bytes: input.plane_data(3).ok()?, stride };
        let chroma_width = width.div_ceil(2);
        for (number, [luma, blue, red]) in video_filter::bands(output, 1)?.enumerate() {
            let first = number * 2;
            if first >= height {
                break;
            }
            for (below, row) in luma.0.chunks_mut(luma.1).enumerate().take(height - first) {
                let to = row.get_mut(..width)?;
                over_black(to, source[0].row(first + below), alpha.row(first + below), BLACK[0]);
            }
            let of_chroma = of_chroma(alpha, [first, (first + 1).min(height - 1)], width);
            for (plane, (row, _)) in [(1, blue), (2, red)] {
                let to = row.get_mut(..chroma_width)?;
                over_black(to, source[plane].row(number), &of_chroma, BLACK[1]);
            }
        }
        Some(())
    }
}
