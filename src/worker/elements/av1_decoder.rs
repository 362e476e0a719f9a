//! AV1 by the processor, as a GStreamer element around `rav1d`: dav1d in Rust. All else that Debian 12
//! has is `av1dec`, which takes three times as long.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

glib::wrapper! {
    /// The element: AV1 in, pictures out.
    pub(crate) struct Av1Dec(ObjectSubclass<imp::Av1Dec>)
        @extends gstreamer_video::VideoDecoder, gst::Element, gst::Object;
}

/// Makes the element known to GStreamer in this process, before all others of processors.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    let rank = gst::Rank::PRIMARY + 10;
    gst::Element::register(None, "ladderdav1dec", rank, Av1Dec::static_type())
}

mod imp {
    use parking_lot::Mutex;
    use std::sync::LazyLock;

    use gstreamer as gst;
    use gstreamer::glib;
    use gstreamer::subclass::prelude::*;
    use gstreamer_video::prelude::*;
    use gstreamer_video::subclass::prelude::*;
    use gstreamer_video::{
        VideoCodecFrame, VideoCodecState, VideoColorMatrix, VideoFormat, VideoFrame,
        VideoFrameFlags, VideoInfo, VideoMeta,
    };
    use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};

    use crate::worker::elements::video_filter;

    /// The encoders need the other cores.
    const MOST_THREADS: usize = 8;

    fn half_of_the_cores() -> u32 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        u32::try_from(cores.div_ceil(2).min(MOST_THREADS)).unwrap_or(1)
    }

    pub(crate) struct Av1Dec {
        threads: video_filter::Threads,
        state: Mutex<State>,
    }

    impl Default for Av1Dec {
        fn default() -> Self {
            let threads = video_filter::Threads::new(half_of_the_cores());
            Self { threads, state: Mutex::default() }
        }
    }

    #[derive(Default)]
    struct State {
        decoder: Option<Decoder>,
        input: Option<VideoCodecState<'static, gstreamer_video::video_codec_state::Readable>>,
        output: Option<VideoInfo>,
        /// Whether what follows can take planes that do not lie side by side.
        takes_planes: bool,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Av1Dec {
        const NAME: &'static str = "LadderdAv1Dec";
        type Type = super::Av1Dec;
        type ParentType = gstreamer_video::VideoDecoder;
    }

    impl ObjectImpl for Av1Dec {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> =
                LazyLock::new(|| vec![video_filter::Threads::property(half_of_the_cores())]);
            &PROPERTIES
        }

        fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
            self.threads.set(value);
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            self.threads.get().to_value()
        }
    }

    impl GstObjectImpl for Av1Dec {}

    impl ElementImpl for Av1Dec {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "AV1 decoder",
                    "Codec/Decoder/Video",
                    "Decodes AV1 with rav1d",
                    "ladderd",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let input = gst::Caps::builder("video/x-av1")
                    .field("stream-format", "obu-stream")
                    .field("alignment", "tu")
                    .build();
                let formats = LAYOUTS.iter().flat_map(|(.., formats)| *formats);
                video_filter::pads(&input, &video_filter::of_every_size(formats))
            });
            &TEMPLATES
        }
    }

    impl VideoDecoderImpl for Av1Dec {
        fn stop(&self) -> Result<(), gst::ErrorMessage> {
            *self.state.lock() = State::default();
            Ok(())
        }

        fn set_format(
            &self,
            input: &VideoCodecState<'static, gstreamer_video::video_codec_state::Readable>,
        ) -> Result<(), gst::LoggableError> {
            let mut settings = Settings::new();
            settings.set_n_threads(self.threads.get());
            // Of pictures in several layers only the whole ones.
            settings.set_all_layers(false);
            let decoder = Decoder::with_settings(&settings)
                .map_err(|error| gst::loggable_error!(gst::CAT_RUST, "no decoder: {error}"))?;
            let mut state = self.state.lock();
            state.decoder = Some(decoder);
            state.input = Some(input.clone());
            state.output = None;
            Ok(())
        }

        fn handle_frame(&self, frame: VideoCodecFrame) -> Result<gst::FlowSuccess, gst::FlowError> {
            let bytes =
                frame.input_buffer_owned().and_then(|b| b.into_mapped_buffer_readable().ok());
            let number = frame.system_frame_number();
            drop(frame);
            let Some(bytes) = bytes else { return Err(gst::FlowError::Error) };
            let mut sent =
                self.with(|decoder| decoder.send_data(bytes, None, Some(i64::from(number)), None))?;
            loop {
                // Once: asked twice, the decoder ends all that its threads are at.
                self.push_next()?;
                match sent {
                    Ok(()) => return Ok(gst::FlowSuccess::Ok),
                    Err(Error::Again) => sent = self.with(Decoder::send_pending_data)?,
                    Err(error) => return self.damaged(number, error),
                }
            }
        }

        fn flush(&self) -> bool {
            self.with(Decoder::flush).is_ok()
        }

        fn drain(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
            self.push_all()
        }

        fn finish(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
            self.push_all()
        }

        fn decide_allocation(
            &self,
            query: &mut gst::query::Allocation,
        ) -> Result<(), gst::LoggableError> {
            let takes_planes = query.find_allocation_meta::<VideoMeta>().is_some();
            gst::debug!(gst::CAT_RUST, imp = self, "what follows takes planes: {takes_planes}");
            self.state.lock().takes_planes = takes_planes;
            self.parent_decide_allocation(query)
        }
    }

    impl Av1Dec {
        fn with<T>(&self, work: impl FnOnce(&mut Decoder) -> T) -> Result<T, gst::FlowError> {
            self.state.lock().decoder.as_mut().map(work).ok_or(gst::FlowError::NotNegotiated)
        }

        /// Nothing is seen of what could not be decoded. Too much of it is an error.
        fn damaged(&self, number: u32, error: Error) -> Result<gst::FlowSuccess, gst::FlowError> {
            let object = self.obj();
            if let Some(frame) = object.frame(number.cast_signed()) {
                object.release_frame(frame);
            }
            gstreamer_video::video_decoder_error!(
                &*object,
                1,
                gst::StreamError::Decode,
                ["rav1d: {error}"]
            )
        }

        /// Hands on all pictures that are there or being made.
        fn push_all(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
            while self.push_next()? {}
            Ok(gst::FlowSuccess::Ok)
        }

        /// Hands on a picture, and tells whether there was one.
        fn push_next(&self) -> Result<bool, gst::FlowError> {
            match self.with(Decoder::get_picture)? {
                Ok(picture) => {
                    self.push(&picture)?;
                }
                Err(Error::Again) => return Ok(false),
                Err(error) => {
                    gst::debug!(gst::CAT_RUST, imp = self, "a picture is lost: {error}");
                }
            }
            Ok(true)
        }

        fn push(&self, picture: &Picture) -> Result<gst::FlowSuccess, gst::FlowError> {
            let object = self.obj();
            let number = picture.timestamp().and_then(|number| i32::try_from(number).ok());
            let Some(mut frame) = number.and_then(|number| object.frame(number)) else {
                return Ok(gst::FlowSuccess::Ok);
            };
            // They come in order: whatever was before and did not is lost.
            for older in object.frames() {
                if older.system_frame_number() < frame.system_frame_number() {
                    object.release_frame(older);
                }
            }
            let info = self.negotiated(picture)?;
            let buffer = buffer(picture, &info).ok_or(gst::FlowError::Error)?;
            if self.state.lock().takes_planes {
                frame.set_output_buffer(buffer);
            } else {
                object.allocate_output_frame(&mut frame, None)?;
                let output = frame.output_buffer_mut().ok_or(gst::FlowError::Error)?;
                copy(buffer, output, &info).ok_or(gst::FlowError::Error)?;
            }
            object.finish_frame(frame)
        }

        /// Says what follows if it is not as before.
        fn negotiated(&self, picture: &Picture) -> Result<VideoInfo, gst::FlowError> {
            let (input, output) = {
                let state = self.state.lock();
                (state.input.clone().ok_or(gst::FlowError::NotNegotiated)?, state.output.clone())
            };
            let is_rgb = input.info().colorimetry().matrix() == VideoColorMatrix::Rgb;
            let format = format(picture.pixel_layout(), picture.bit_depth(), is_rgb)
                .ok_or(gst::FlowError::NotNegotiated)?;
            let size = (picture.width(), picture.height());
            if let Some(output) = output
                && (output.format(), output.width(), output.height()) == (format, size.0, size.1)
            {
                return Ok(output);
            }
            let object = self.obj();
            let state = object.set_output_state(format, size.0, size.1, Some(&input))?;
            let info = state.info().clone();
            object.negotiate(state)?;
            self.state.lock().output = Some(info.clone());
            Ok(info)
        }
    }

    /// Layouts, bits of a sample, and how GStreamer calls them: as they are, and of RGB.
    const LAYOUTS: [(PixelLayout, usize, &[VideoFormat]); 9] = [
        (PixelLayout::I420, 8, &[VideoFormat::I420]),
        (PixelLayout::I420, 10, &[VideoFormat::I42010le]),
        (PixelLayout::I420, 12, &[VideoFormat::I42012le]),
        (PixelLayout::I422, 8, &[VideoFormat::Y42b]),
        (PixelLayout::I422, 10, &[VideoFormat::I42210le]),
        (PixelLayout::I422, 12, &[VideoFormat::I42212le]),
        (PixelLayout::I444, 8, &[VideoFormat::Y444, VideoFormat::Gbr]),
        (PixelLayout::I444, 10, &[VideoFormat::Y44410le, VideoFormat::Gbr10le]),
        (PixelLayout::I444, 12, &[VideoFormat::Y44412le, VideoFormat::Gbr12le]),
    ];

    fn format(layout: PixelLayout, bits: usize, is_rgb: bool) -> Option<VideoFormat> {
        // Grey gets chroma without colour: few elements take grey of more than eight bits.
        let layout = if layout == PixelLayout::I400 { PixelLayout::I420 } else { layout };
        let (.., formats) = LAYOUTS.iter().find(|(l, b, _)| (*l, *b) == (layout, bits))?;
        formats.get(usize::from(is_rgb)).or(formats.first()).copied()
    }

    /// The picture where the decoder has it.
    fn buffer(picture: &Picture, info: &VideoInfo) -> Option<gst::Buffer> {
        let mut buffer = gst::Buffer::new();
        let owned = buffer.get_mut()?;
        let (mut offsets, mut strides) = (Vec::new(), Vec::new());
        let is_grey = picture.pixel_layout() == PixelLayout::I400;
        for component in 0..3_u8 {
            let plane = PlanarImageComponent::from(usize::from(component));
            offsets.push(owned.size());
            if is_grey && component > 0 {
                let stride = info.stride()[usize::from(component)];
                let rows = info.comp_height(component) as usize;
                strides.push(stride);
                owned.append_memory(colourless(
                    stride.unsigned_abs() as usize * rows,
                    picture.bit_depth(),
                ));
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

    /// A plane of chroma in the middle of its range.
    fn colourless(bytes: usize, bits: usize) -> gst::Memory {
        if bits == 8 {
            return gst::Memory::from_slice(vec![128_u8; bytes]);
        }
        let middle = (1_u16 << (bits - 1)).to_le_bytes();
        gst::Memory::from_slice(middle.repeat(bytes / 2))
    }

    fn copy(from: gst::Buffer, to: &mut gst::BufferRef, info: &VideoInfo) -> Option<()> {
        let from = VideoFrame::from_buffer_readable(from, info).ok()?;
        let mut to = gstreamer_video::VideoFrameRef::from_buffer_ref_writable(to, info).ok()?;
        from.as_video_frame_ref().copy(&mut to).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use gstreamer as gst;
    use gstreamer::prelude::*;

    use crate::worker::elements::testing::{made, run, watch};

    const ENCODER: &str = "av1enc cpu-used=8 keyframe-max-dist=5";
    const SINK: &str = "fakesink sync=false async=false name";

    #[test]
    fn pictures_are_those_of_the_reference_decoder() {
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
                 t. ! queue ! av1dec ! {SINK}=theirs"
            );
            let found = run(&description, &["one", "many", "theirs"]);
            let what = format!("{format} {width}x{height}");
            assert_eq!(found[0].len(), 12, "{what}");
            assert!(found[0].iter().all(|(_, found, _)| found == format), "{what}");
            assert!(found[0] == found[2], "{what}");
            assert!(found[1] == found[2], "{what}, with threads");
        }
    }

    #[test]
    fn elements_that_take_no_planes_get_the_same_pictures() {
        // `identity drop-allocation` says that nothing is known of what follows.
        let description = format!(
            "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=318,height=182,framerate=30/1 \
             ! {ENCODER} ! av1parse ! tee name=t \
             t. ! queue ! ladderdav1dec ! identity drop-allocation=true ! {SINK}=ours \
             t. ! queue ! av1dec ! {SINK}=theirs"
        );
        let found = run(&description, &["ours", "theirs"]);
        assert_eq!(found[0].len(), 5);
        assert!(found[0] == found[1]);
    }

    #[test]
    fn a_size_that_changes_is_announced() {
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
        let sizes: Vec<_> =
            run(&description, &["ours"])[0].iter().map(|(.., planes)| planes[0].len()).collect();
        assert_eq!(sizes, [[320 * 180; 4].as_slice(), &[160 * 90; 3]].concat());
    }

    #[test]
    fn what_is_damaged_is_left_out() {
        for threads in [1, 9] {
            let times = times_of_damaged(threads);
            assert!(
                (37..=40).contains(&times.len()),
                "{} pictures, {threads} threads",
                times.len()
            );
            assert!(times.is_sorted(), "{times:?}, {threads} threads");
        }
    }

    fn times_of_damaged(threads: u32) -> Vec<Option<gst::ClockTime>> {
        let description = format!(
            "videotestsrc num-buffers=40 pattern=ball \
             ! video/x-raw,format=I420,width=320,height=180,framerate=30/1 \
             ! {ENCODER} ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu \
             ! identity name=damage ! ladderdav1dec n-threads={threads} max-errors=-1 ! {SINK}=ours"
        );
        let bin = made(&description);
        let pad = bin.by_name("damage").unwrap().static_pad("src").unwrap();
        let count = AtomicUsize::new(0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if (12..15).contains(&count.fetch_add(1, Ordering::Relaxed)) {
                let buffer = info.buffer_mut().unwrap().make_mut();
                let mut bytes = buffer.map_writable().unwrap();
                let begin = bytes.len() / 3;
                bytes[begin..].fill(0xA5);
            }
            gst::PadProbeReturn::Ok
        });
        watch(&bin, &["ours"])[0].iter().map(|(pts, ..)| *pts).collect()
    }
}
