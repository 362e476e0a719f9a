//! High dynamic range to BT.709, as a GStreamer element: `GStreamer` itself has none that runs on a
//! processor. The arithmetic is in [`crate::domain::tone`].

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

glib::wrapper! {
    /// The element: ten bits in, eight out, of the same size.
    pub(crate) struct ToneMap(ObjectSubclass<imp::ToneMap>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Makes the element known to GStreamer in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdtonemap", gst::Rank::NONE, ToneMap::static_type())
}

mod imp {
    use parking_lot::Mutex;
    use std::sync::LazyLock;

    use gstreamer as gst;
    use gstreamer::glib;
    use gstreamer::prelude::*;
    use gstreamer::subclass::prelude::*;
    use gstreamer_base::subclass::prelude::*;
    use gstreamer_video::prelude::*;
    use gstreamer_video::subclass::prelude::*;
    use gstreamer_video::{
        VideoContentLightLevel, VideoFormat, VideoFrameRef, VideoInfo, VideoMasteringDisplayInfo,
        VideoTransferFunction,
    };

    use crate::domain::media::DynamicRange;
    use crate::domain::tone::picture::Target;
    use crate::domain::tone::{self, ASSUMED_PEAK_NIT, Table};
    use crate::worker::elements::video_filter;

    #[derive(Default)]
    pub(crate) struct ToneMap {
        threads: video_filter::Threads,
        table: Mutex<Option<Table>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ToneMap {
        const NAME: &'static str = "LadderdToneMap";
        type Type = super::ToneMap;
        type ParentType = gstreamer_video::VideoFilter;
    }

    impl ObjectImpl for ToneMap {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> =
                LazyLock::new(|| vec![video_filter::Threads::property(1)]);
            &PROPERTIES
        }

        fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
            self.threads.set(value);
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            self.threads.get().to_value()
        }
    }

    impl GstObjectImpl for ToneMap {}

    impl ElementImpl for ToneMap {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Tone mapper",
                    "Filter/Converter/Video",
                    "Shows high dynamic range on a standard screen (BT.2390)",
                    "ladderd",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                video_filter::pad_templates(&[VideoFormat::I42010le], VideoFormat::I420)
            });
            &TEMPLATES
        }
    }

    impl BaseTransformImpl for ToneMap {
        const MODE: gstreamer_base::subclass::BaseTransformMode =
            gstreamer_base::subclass::BaseTransformMode::NeverInPlace;
        const PASSTHROUGH_ON_SAME_CAPS: bool = false;
        const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

        fn transform_caps(
            &self,
            direction: gst::PadDirection,
            caps: &gst::Caps,
            filter: Option<&gst::Caps>,
        ) -> Option<gst::Caps> {
            let is_input = direction == gst::PadDirection::Sink;
            let format = if is_input { VideoFormat::I420 } else { VideoFormat::I42010le };
            video_filter::other_caps(caps, filter, |structure| {
                for field in ["colorimetry", "mastering-display-info", "content-light-level"] {
                    structure.remove_field(field);
                }
                structure.set("format", format.to_str());
                if is_input {
                    structure.set("colorimetry", "bt709");
                }
            })
        }
    }

    impl VideoFilterImpl for ToneMap {
        #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
        fn set_info(
            &self,
            incaps: &gst::Caps,
            in_info: &VideoInfo,
            _outcaps: &gst::Caps,
            _out_info: &VideoInfo,
        ) -> Result<(), gst::LoggableError> {
            let range = match in_info.colorimetry().transfer() {
                VideoTransferFunction::Smpte2084 => DynamicRange::Pq,
                VideoTransferFunction::AribStdB67 => DynamicRange::Hlg,
                _ => DynamicRange::WideGamut,
            };
            *self.table.lock() = Some(Table::new(range, peak_nit(incaps)));
            Ok(())
        }

        fn transform_frame(
            &self,
            input: &VideoFrameRef<&gst::BufferRef>,
            output: &mut VideoFrameRef<&mut gst::BufferRef>,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            let table = self.table.lock();
            let Some(table) = table.as_ref() else { return Err(gst::FlowError::NotNegotiated) };
            picture(table, input, output, &self.threads).ok_or(gst::FlowError::Error)?;
            Ok(gst::FlowSuccess::Ok)
        }
    }

    /// The brightest light of the source, as far as its caps tell.
    fn peak_nit(caps: &gst::CapsRef) -> f64 {
        let content = VideoContentLightLevel::from_caps(caps).ok();
        let content = content.map(|level| f64::from(level.max_content_light_level()));
        let screen = VideoMasteringDisplayInfo::from_caps(caps).ok();
        let screen =
            screen.map(|info| f64::from(info.max_display_mastering_luminance()) / 10_000.0);
        let stated = [content, screen].into_iter().flatten().find(|nit| *nit >= 100.0);
        stated.unwrap_or(ASSUMED_PEAK_NIT)
    }

    /// Converts a picture, a band of rows for each thread.
    fn picture(
        table: &Table,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
        threads: &video_filter::Threads,
    ) -> Option<()> {
        let (width, height) = (input.width() as usize, input.height() as usize);
        let source = video_filter::planes(input)?;
        // Pairs of rows, which share their chroma.
        let band = threads.band(input.height());
        let bands = video_filter::bands(output, band)?.enumerate();
        video_filter::at_once(bands, |(number, target)| {
            let above = number * band;
            let Some(height) = height.checked_sub(above * 2).filter(|rows| *rows > 0) else {
                return;
            };
            let source =
                [source[0].below(above * 2), source[1].below(above), source[2].below(above)];
            let target = target.map(|(bytes, stride)| Target { bytes, stride });
            let size = (width, height.min(band * 2));
            tone::picture::convert(table, &source, target, size);
        });
        Some(())
    }
}
