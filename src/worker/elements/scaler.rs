//! Another size, as a GStreamer element: `videoscale` takes three times as long for the same quality.
//! The arithmetic is in [`ladderd_pixels::scale`].

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

glib::wrapper! {
    /// The element: eight bits in, eight out, of another size.
    pub(crate) struct Scale(ObjectSubclass<imp::Scale>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Makes the element known to GStreamer in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdscale", gst::Rank::NONE, Scale::static_type())
}

mod imp {
    use parking_lot::Mutex;
    use std::sync::LazyLock;

    use gstreamer as gst;
    use gstreamer::glib;
    use gstreamer::prelude::*;
    use gstreamer::subclass::prelude::*;
    use gstreamer_base::prelude::*;
    use gstreamer_base::subclass::base_transform::GenerateOutputSuccess;
    use gstreamer_base::subclass::prelude::*;
    use gstreamer_video::prelude::*;
    use gstreamer_video::subclass::prelude::*;
    use gstreamer_video::{VideoChromaSite, VideoFormat, VideoFrameRef, VideoInfo};
    use ladderd_pixels::alpha::BLACK;
    use ladderd_pixels::fit::{Place, fit};
    use ladderd_pixels::scale::{Before, STRIP_ROWS, Scaler, Scratch, Siting};
    use ladderd_pixels::{Source, Target};

    use crate::worker::elements::video_filter;

    #[derive(Default)]
    pub(crate) struct Scale {
        threads: video_filter::Threads,
        scalers: Mutex<Option<Scalers>>,
        scratch: Mutex<Vec<Scratch>>,
        last: Mutex<Option<Last>>,
    }

    /// The picture before, and what was made of it.
    struct Last {
        input: gst::Buffer,
        output: gst::Buffer,
    }

    struct Scalers {
        luma: Scaler,
        chroma: Scaler,
        /// Where the picture goes: all over, or with black round it.
        place: Place,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Scale {
        const NAME: &'static str = "LadderdScale";
        type Type = super::Scale;
        type ParentType = gstreamer_video::VideoFilter;
    }

    impl ObjectImpl for Scale {
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

    impl GstObjectImpl for Scale {}

    impl ElementImpl for Scale {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Scaler",
                    "Filter/Converter/Video/Scaler",
                    "Makes pictures larger or smaller (Lanczos)",
                    "ladderd",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                video_filter::pad_templates(&[VideoFormat::I420], VideoFormat::I420)
            });
            &TEMPLATES
        }
    }

    impl BaseTransformImpl for Scale {
        const MODE: gstreamer_base::subclass::BaseTransformMode =
            gstreamer_base::subclass::BaseTransformMode::NeverInPlace;
        const PASSTHROUGH_ON_SAME_CAPS: bool = true;
        const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

        fn transform_caps(
            &self,
            _direction: gst::PadDirection,
            caps: &gst::Caps,
            filter: Option<&gst::Caps>,
        ) -> Option<gst::Caps> {
            video_filter::other_caps(caps, filter, |structure| {
                structure.remove_field("pixel-aspect-ratio");
                structure.set("width", gst::IntRange::new(1, i32::MAX));
                structure.set("height", gst::IntRange::new(1, i32::MAX));
            })
        }

        fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
            let input = self.queued_buffer();
            let made = self.parent_generate_output()?;
            if let (GenerateOutputSuccess::Buffer(output), Some(input)) = (&made, input)
                && !self.obj().is_passthrough()
            {
                *self.last.lock() = Some(Last { input, output: output.clone() });
            }
            Ok(made)
        }

        fn stop(&self) -> Result<(), gst::ErrorMessage> {
            *self.last.lock() = None;
            Ok(())
        }
    }

    impl VideoFilterImpl for Scale {
        fn set_info(
            &self,
            _incaps: &gst::Caps,
            in_info: &VideoInfo,
            _outcaps: &gst::Caps,
            out_info: &VideoInfo,
        ) -> Result<(), gst::LoggableError> {
            let from = |component: u8| {
                (in_info.comp_width(component) as usize, in_info.comp_height(component) as usize)
            };
            let all = (out_info.width() as usize, out_info.height() as usize);
            let place = fit(shape(in_info, out_info), all);
            let to = (place.width, place.height);
            let to_chroma = (to.0.div_ceil(2), to.1.div_ceil(2));
            let between = (Siting::Centre, Siting::Centre);
            *self.scalers.lock() = Some(Scalers {
                luma: Scaler::new(from(0), to, between),
                chroma: Scaler::new(from(1), to_chroma, siting(in_info.chroma_site())),
                place,
            });
            *self.last.lock() = None;
            Ok(())
        }

        fn transform_frame(
            &self,
            input: &VideoFrameRef<&gst::BufferRef>,
            output: &mut VideoFrameRef<&mut gst::BufferRef>,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            let scalers = self.scalers.lock();
            let Some(scalers) = scalers.as_ref() else { return Err(gst::FlowError::NotNegotiated) };
            let last = self.last.lock().take();
            let last = last.as_ref().and_then(|last| {
                let read = VideoFrameRef::from_buffer_ref_readable;
                Some((
                    read(&last.input, input.info()).ok()?,
                    read(&last.output, output.info()).ok()?,
                ))
            });
            let last = last.as_ref().and_then(|(input, output)| {
                Some([video_filter::planes(input)?, video_filter::planes(output)?])
            });
            let scratch = &mut self.scratch.lock();
            picture(scalers, (input, last), output, &self.threads, scratch)
                .ok_or(gst::FlowError::Error)?;
            Ok(gst::FlowSuccess::Ok)
        }
    }

    /// Width and height of what is seen, in samples of the output.
    fn shape(input: &VideoInfo, output: &VideoInfo) -> (u64, u64) {
        let positive = |value: i32| u64::from(value.unsigned_abs());
        let [of_input, of_output] = [input.par(), output.par()];
        let wide = positive(of_input.numer()) * positive(of_output.denom());
        let high = positive(of_input.denom()) * positive(of_output.numer());
        (u64::from(input.width()) * wide, u64::from(input.height()) * high)
    }

    /// Where the chroma lies, horizontally and vertically. What says nothing is like H.264.
    fn siting(site: VideoChromaSite) -> (Siting, Siting) {
        if site.is_empty() {
            return (Siting::First, Siting::Centre);
        }
        let on = |flag| if site.contains(flag) { Siting::First } else { Siting::Centre };
        (on(VideoChromaSite::H_COSITED), on(VideoChromaSite::V_COSITED))
    }

    /// Scales a picture, a band of rows for each thread. What is as in the `last` one is copied from
    /// what was made of that.
    fn picture(
        scalers: &Scalers,
        (input, last): (&VideoFrameRef<&gst::BufferRef>, Option<[video_filter::Planes<'_>; 2]>),
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
        threads: &video_filter::Threads,
        scratch: &mut Vec<Scratch>,
    ) -> Option<()> {
        let source = video_filter::planes(input)?;
        let place = scalers.place;
        let all = (output.width() as usize, output.height() as usize);
        let is_all = (place.width, place.height) == all;
        let rows = threads.band(output.height()).next_multiple_of(STRIP_ROWS);
        scratch.resize_with(threads.get() as usize, Scratch::default);
        let bands = video_filter::bands(output, rows)?.zip(scratch).enumerate();
        video_filter::at_once(bands, |(number, (band, scratch))| {
            let of_plane = [&scalers.luma, &scalers.chroma, &scalers.chroma];
            for (plane, (bytes, stride)) in band.into_iter().enumerate() {
                let share = if plane == 0 { 1 } else { 2 };
                let (left, top) = (place.left / share, place.top / share);
                let first = number * rows * 2 / share;
                if !is_all {
                    bytes.fill(BLACK[usize::from(plane > 0)]);
                }
                // Rows of the band that are above the picture.
                let empty = top.saturating_sub(first);
                let Some(bytes) = bytes.get_mut(empty * stride + left..) else { continue };
                let target = Target { bytes, stride };
                let before = last.map(|[source, made]| {
                    let made = made[plane].below(first + empty);
                    let made = Source { bytes: made.bytes.get(left..).unwrap_or_default(), ..made };
                    Before { source: source[plane], made }
                });
                let above = first + empty - top;
                of_plane[plane].band((source[plane], before), target, above, scratch);
            }
        });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use ladderd_pixels::scale::{Scaler, Scratch, Siting};
    use ladderd_pixels::{Source, Target};

    use crate::worker::elements::testing::run;

    const FROM: (usize, usize) = (320, 240);

    /// A plane of a picture, scaled with no memory of those before.
    fn scaled(plane: &[u8], to: (usize, usize), share: usize, sited: Siting) -> Vec<u8> {
        let (from, to) = ((FROM.0 / share, FROM.1 / share), (to.0 / share, to.1 / share));
        let mut bytes = vec![0; to.0 * to.1];
        let source = Source { bytes: plane, stride: from.0 };
        let target = Target { bytes: &mut bytes, stride: to.0 };
        let scaler = Scaler::new(from, to, (sited, Siting::Centre));
        scaler.band((source, None), target, 0, &mut Scratch::default());
        bytes
    }

    /// A plane without the black beside and above it.
    fn middle(plane: &[u8], all: (usize, usize), inner: (usize, usize)) -> Vec<u8> {
        let rows = plane.chunks(all.0).skip((all.1 - inner.1) / 2).take(inner.1);
        rows.flat_map(|row| row[(all.0 - inner.0) / 2..][..inner.0].to_vec()).collect()
    }

    /// A ball moves over what stands still.
    #[test]
    fn what_stands_still_looks_as_if_it_were_made_anew() {
        let to = (192, 144);
        let sizes = [to, (256, 144), (192, 208)].map(|size| [(size, 1), (size, 2)]);
        for ((width, height), threads) in sizes.into_iter().flatten() {
            let found = run(
                &format!(
                    "videotestsrc num-buffers=30 pattern=ball animation-mode=frames \
                     ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! tee name=t \
                     t. ! queue ! fakesink sync=false async=false name=in \
                     t. ! queue ! ladderdscale n-threads={threads} \
                     ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1 \
                     ! fakesink sync=false async=false name=out"
                ),
                &["in", "out"],
            );
            assert_eq!((found[0].len(), found[1].len()), (30, 30));
            for (number, (read, made)) in found[0].iter().zip(&found[1]).enumerate() {
                for (plane, sited) in [(0, Siting::Centre), (1, Siting::First), (2, Siting::First)]
                {
                    let share = if plane == 0 { 1 } else { 2 };
                    let right = scaled(&read.2[plane], to, share, sited);
                    let (all, inner) =
                        ((width / share, height / share), (to.0 / share, to.1 / share));
                    let made = middle(&made.2[plane], all, inner);
                    assert!(made == right, "{width}x{height} {threads} {number} {plane}");
                }
            }
        }
    }
}
