//! Subclass of `ladderdav1dec`.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::subclass::prelude::*;
use gstreamer_video::{VideoCodecFrame, VideoCodecState, VideoColorMatrix, VideoInfo, VideoMeta};
use parking_lot::Mutex;
use re_rav1d::dav1d::{Decoder, Error, Picture, Settings};

use super::{formats, frame_buffer};
use crate::cores;
use crate::worker::elements::n_threads::{NThreads, impl_n_threads};
use crate::worker::elements::video_filter;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdav1dec", gst::DebugColorFlags::empty(), Some("AV1 decoder"))
});

/// Upper bound of the default of `n-threads`: the encoders need the other cores.
const MAX_DEFAULT_N_THREADS: usize = 8;

/// Default of `n-threads`: half of the cores, rounded up.
static DEFAULT_N_THREADS: LazyLock<u32> = LazyLock::new(|| {
    u32::try_from(cores::available().div_ceil(2).min(MAX_DEFAULT_N_THREADS)).unwrap_or(1)
});

type InputState = VideoCodecState<'static, gstreamer_video::video_codec_state::Readable>;

pub(crate) struct Av1Decoder {
    n_threads: NThreads,
    state: Mutex<State>,
}

impl Default for Av1Decoder {
    fn default() -> Self {
        Self { n_threads: NThreads::new(*DEFAULT_N_THREADS), state: Mutex::default() }
    }
}

#[derive(Default)]
struct State {
    decoder: Option<Decoder>,
    input: Option<InputState>,
    /// Format and size that were negotiated last.
    output: Option<VideoInfo>,
    /// Whether downstream supports `VideoMeta`, that is, planes with any offset and stride.
    downstream_takes_video_meta: bool,
}

#[glib::object_subclass]
impl ObjectSubclass for Av1Decoder {
    const NAME: &'static str = "LadderdAv1Dec";
    type Type = super::Av1Decoder;
    type ParentType = gstreamer_video::VideoDecoder;
}

impl_n_threads!(Av1Decoder, *DEFAULT_N_THREADS);

impl GstObjectImpl for Av1Decoder {}

impl ElementImpl for Av1Decoder {
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
            let sink = gst::Caps::builder("video/x-av1")
                .field("stream-format", "obu-stream")
                .field("alignment", "tu")
                .build();
            video_filter::pad_templates(&sink, &video_filter::raw_caps(&formats::all()))
        });
        &TEMPLATES
    }
}

// GStreamer calls these methods on the upstream streaming thread with the decoder's stream lock
// held, except `stop`, which runs on the thread that changes the state once streaming has ended.
// rav1d has threads of its own, which never enter this code. `state` must not be locked across a
// call into GStreamer: negotiation calls `decide_allocation`, which locks it again.
impl VideoDecoderImpl for Av1Decoder {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock() = State::default();
        Ok(())
    }

    fn set_format(&self, input: &InputState) -> Result<(), gst::LoggableError> {
        let n_threads = self.n_threads.get();
        gst::debug!(CAT, imp = self, "Decoding {:?} with {n_threads} threads", input.caps());
        let mut settings = Settings::new();
        settings.set_n_threads(n_threads);
        // Of spatial layers only the highest is output.
        settings.set_all_layers(false);
        let decoder = Decoder::with_settings(&settings)
            .map_err(|error| gst::loggable_error!(CAT, "failed to open decoder: {error}"))?;
        let mut state = self.state.lock();
        state.decoder = Some(decoder);
        state.input = Some(input.clone());
        state.output = None;
        Ok(())
    }

    fn handle_frame(&self, frame: VideoCodecFrame) -> Result<gst::FlowSuccess, gst::FlowError> {
        let bytes = frame.input_buffer_owned().and_then(|b| b.into_mapped_buffer_readable().ok());
        let number = frame.system_frame_number();
        drop(frame);
        let Some(bytes) = bytes else { return Err(gst::FlowError::Error) };
        let timestamp = Some(i64::from(number));
        let mut sent =
            self.with_decoder(|decoder| decoder.send_data(bytes, None, timestamp, None))?;
        loop {
            // One frame per call: asked a second time, the decoder waits for all of its threads.
            self.push_next()?;
            match sent {
                Ok(()) => return Ok(gst::FlowSuccess::Ok),
                Err(Error::Again) => sent = self.with_decoder(Decoder::send_pending_data)?,
                Err(error) => return self.skip_damaged(number, error),
            }
        }
    }

    fn flush(&self) -> bool {
        self.with_decoder(Decoder::flush).is_ok()
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
        let takes_video_meta = query.find_allocation_meta::<VideoMeta>().is_some();
        gst::debug!(CAT, imp = self, "Downstream supports VideoMeta: {takes_video_meta}");
        self.state.lock().downstream_takes_video_meta = takes_video_meta;
        self.parent_decide_allocation(query)
    }
}

impl Av1Decoder {
    fn with_decoder<T>(&self, work: impl FnOnce(&mut Decoder) -> T) -> Result<T, gst::FlowError> {
        self.state.lock().decoder.as_mut().map(work).ok_or(gst::FlowError::NotNegotiated)
    }

    /// Releases a frame that cannot be decoded. GStreamer turns too many of them into an error
    /// (`max-errors`).
    fn skip_damaged(&self, number: u32, error: Error) -> Result<gst::FlowSuccess, gst::FlowError> {
        gst::warning!(CAT, imp = self, "Skipping damaged frame {number}: {error}");
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

    /// Pushes all frames that the decoder still holds.
    fn push_all(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        while self.push_next()? {}
        Ok(gst::FlowSuccess::Ok)
    }

    /// Pushes the next decoded frame. Returns whether there was one, intact or lost.
    fn push_next(&self) -> Result<bool, gst::FlowError> {
        match self.with_decoder(Decoder::get_picture)? {
            Ok(picture) => {
                self.push(&picture)?;
            }
            Err(Error::Again) => return Ok(false),
            Err(error) => gst::warning!(CAT, imp = self, "Lost a frame: {error}"),
        }
        Ok(true)
    }

    fn push(&self, picture: &Picture) -> Result<gst::FlowSuccess, gst::FlowError> {
        let object = self.obj();
        let number = picture.timestamp().and_then(|number| i32::try_from(number).ok());
        let Some(mut frame) = number.and_then(|number| object.frame(number)) else {
            return Ok(gst::FlowSuccess::Ok);
        };
        // The decoder outputs frames in order, so older ones that are still pending are lost.
        for older in object.frames() {
            if older.system_frame_number() < frame.system_frame_number() {
                object.release_frame(older);
            }
        }
        let info = self.negotiate_output(picture)?;
        let buffer = frame_buffer::wrap(picture, &info).ok_or(gst::FlowError::Error)?;
        if self.state.lock().downstream_takes_video_meta {
            frame.set_output_buffer(buffer);
        } else {
            object.allocate_output_frame(&mut frame, None)?;
            let output = frame.output_buffer_mut().ok_or(gst::FlowError::Error)?;
            frame_buffer::copy(buffer, output, &info).ok_or(gst::FlowError::Error)?;
        }
        object.finish_frame(frame)
    }

    /// Returns the output format for a decoded frame. Negotiates with downstream if it changed.
    fn negotiate_output(&self, picture: &Picture) -> Result<VideoInfo, gst::FlowError> {
        let (input, output) = {
            let state = self.state.lock();
            (state.input.clone().ok_or(gst::FlowError::NotNegotiated)?, state.output.clone())
        };
        let is_rgb = input.info().colorimetry().matrix() == VideoColorMatrix::Rgb;
        let (layout, bits) = (picture.pixel_layout(), picture.bit_depth());
        let format = formats::video_format(layout, bits, is_rgb).ok_or_else(|| {
            gst::error!(CAT, imp = self, "No format for {layout:?} of {bits} bits");
            gst::FlowError::NotNegotiated
        })?;
        let size = (picture.width(), picture.height());
        if let Some(output) = output
            && (output.format(), output.width(), output.height()) == (format, size.0, size.1)
        {
            return Ok(output);
        }
        gst::debug!(CAT, imp = self, "Output becomes {format} of {}x{}", size.0, size.1);
        let object = self.obj();
        let state = object.set_output_state(format, size.0, size.1, Some(&input))?;
        let info = state.info().clone();
        object.negotiate(state)?;
        self.state.lock().output = Some(info.clone());
        Ok(info)
    }
}
