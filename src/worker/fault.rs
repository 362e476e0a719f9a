//! Maps errors of GStreamer to failures of the job.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use crate::domain::failure_code::FailureCode;
use crate::domain::{plan, programs};
use crate::worker::protocol::{Event, Failure};

/// Role of the element that reports an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// Reads the container.
    Demuxer,
    /// Decodes video.
    VideoDecoder,
    /// Decodes audio.
    AudioDecoder,
    /// Reads a stream without decoding it.
    Parser,
}

impl Reader {
    /// The reader with this `klass` metadata; `None` for elements that read no source.
    fn of(klass: &str) -> Option<Self> {
        match klass {
            _ if klass.contains("Demux") => Some(Self::Demuxer),
            _ if klass.contains("Parser") => Some(Self::Parser),
            _ if klass.contains("Decoder") && klass.contains("Audio") => Some(Self::AudioDecoder),
            _ if klass.contains("Decoder") => Some(Self::VideoDecoder),
            _ => None,
        }
    }

    /// The fault of the source if this reader fails.
    fn damage(self) -> &'static str {
        match self {
            Self::Demuxer => "its container cannot be read",
            Self::VideoDecoder => "its video cannot be decoded",
            Self::AudioDecoder => "its audio cannot be decoded",
            Self::Parser => "one of its streams holds nothing that can be decoded",
        }
    }
}

/// Maps an error message of the bus to a failure. Texts of GStreamer go to its debug text only, for the
/// operator: to an uploader, "Internal data stream error" says nothing.
pub(super) fn of_message(error: &gst::message::Error) -> Failure {
    let source = error.src().and_then(|object| object.downcast_ref::<gst::Element>());
    let factory = source.and_then(ElementExt::factory);
    let metadata = |key: &str| factory.as_ref().and_then(|f| f.metadata(key)).unwrap_or_default();
    let klass = metadata("klass");
    let of_device = klass.contains("Hardware") || in_device(error.src());
    let (said, debug) = (error.error(), error.debug().unwrap_or_default());
    // Decoders and encoders without memory report a broken file, or that they cannot start. A device has
    // memory of its own, and another backend may succeed.
    let failure = if !of_device && is_memory_short() {
        Failure::new(FailureCode::MemoryLimit, "no memory was left")
    } else {
        let reader = Reader::of(klass);
        // mxfdemux says no more of a file that it does not understand, such as OP-Atom of Avid, or of one whose
        // codec it does not know.
        let is_unknown =
            [gst::StreamError::Failed, gst::StreamError::WrongType].map(|kind| said.matches(kind));
        let is_mxf = is_unknown.contains(&true)
            && factory.as_ref().is_some_and(|factory| factory.name() == "mxfdemux");
        let is_broadcast = || source.is_some_and(is_of_transport_stream);
        let has_no_frame = said.matches(gst::StreamError::WrongType)
            && ["Parser", "Video"].iter().all(|word| klass.contains(word));
        of_debug(&debug, reader, metadata("long-name"))
            .or_else(|| (has_no_frame && is_broadcast()).then(no_frames))
            .or_else(|| {
                is_mxf.then(|| undecodable("MXF with a structure or codec that is not supported"))
            })
            .unwrap_or_else(|| of_error(&said, reader))
    };
    Failure {
        element: source.map(|element| element.name().to_string()),
        debug: Some(format!("{}\n{debug}", said.message())),
        of_device,
        ..failure
    }
}

/// Maps a warning message of the bus to an event in our own words, with GStreamer's as debug text.
pub(super) fn of_warning(warning: &gst::message::Warning) -> Event {
    let source = warning.src().and_then(|object| object.downcast_ref::<gst::Element>());
    let factory = source.and_then(ElementExt::factory);
    let klass = factory.as_ref().and_then(|f| f.metadata("klass")).unwrap_or_default();
    let name = factory.as_ref().map_or_else(|| "an element".to_owned(), |f| f.name().to_string());
    let message = match Reader::of(klass) {
        Some(_) => format!("{name} passes over a fault of the source"),
        None => format!("{name} passes over a fault"),
    };
    let (said, debug) = (warning.error(), warning.debug().unwrap_or_default());
    Event::Warning { code: None, message, debug: Some(format!("{}\n{debug}", said.message())) }
}

/// Failures that only the debug text of an error tells.
fn of_debug(debug: &str, reader: Option<Reader>, long_name: &str) -> Option<Failure> {
    let has = |words: &str| debug.contains(words);
    if has("reason not-negotiated") {
        return Some(unsupported());
    }
    let is_unsupported = has("Unsupported color format") || has("Unsupported frame format");
    if is_unsupported && reader == Some(Reader::VideoDecoder) {
        let codec = long_name.trim_end_matches(" Decoder").trim_end_matches(" decoder");
        return Some(undecodable(&format!("{codec} with a chroma format that is rarely used")));
    }
    // matroskademux, at the end of an intact file.
    (reader == Some(Reader::Demuxer) && has("No pads created")).then(no_streams)
}

/// Whether less than a quarter of this process's memory limit is left.
fn is_memory_short() -> bool {
    let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Data).current else {
        return false;
    };
    let mut quarter = Vec::<u8>::new();
    let quarter_bytes = usize::try_from(most / 4).unwrap_or(usize::MAX);
    let is_short = quarter.try_reserve_exact(quarter_bytes).is_err();
    // Keeps the compiler from removing the allocation.
    std::hint::black_box(&quarter);
    is_short
}

/// Whether the object is inside an element of a GPU.
fn in_device(source: Option<&gst::Object>) -> bool {
    let mut above = source.and_then(GstObjectExt::parent);
    while let Some(object) = above {
        let klass = object
            .downcast_ref::<gst::Element>()
            .and_then(ElementExt::factory)
            .and_then(|factory| factory.metadata("klass").map(str::to_owned));
        if klass.is_some_and(|klass| klass.contains("Hardware")) {
            return true;
        }
        above = object.parent();
    }
    false
}

/// Maps an error of the discoverer, which keeps no more of it.
pub(super) fn of_probe(error: &glib::Error) -> Failure {
    let failure = of_error(error, Some(Reader::Demuxer));
    Failure { debug: Some(error.message().to_owned()), ..failure }
}

/// Maps an error to a failure. An unspecific error of a `reader` of the source is the source's fault.
fn of_error(error: &glib::Error, reader: Option<Reader>) -> Failure {
    if let Some(kind) = error.kind::<gst::StreamError>() {
        return of_stream_error(kind, reader);
    }
    if error.matches(gst::CoreError::MissingPlugin) {
        return undecodable("an unknown format");
    }
    if error.matches(gst::CoreError::Negotiation) {
        return unsupported();
    }
    if let Some(kind) = error.kind::<gst::ResourceError>() {
        return if matches!(kind, gst::ResourceError::OpenWrite) {
            Failure::new(FailureCode::SinkNotReady, "a sink could not begin")
        } else if matches!(kind, gst::ResourceError::NoSpaceLeft) {
            Failure::new(FailureCode::WorkerResource, "no space was left")
        } else {
            Failure::new(FailureCode::SourceRead, "the source could not be read")
        };
    }
    // Decoders report errors of their library, whatever the file has done to it.
    match reader.filter(|_| error.is::<gst::LibraryError>()) {
        Some(reader) => damaged(reader.damage()),
        None => broke_off(),
    }
}

fn of_stream_error(kind: gst::StreamError, reader: Option<Reader>) -> Failure {
    match (kind, reader) {
        // A parser refuses one stream, and not the file.
        (gst::StreamError::WrongType, Some(Reader::Parser)) => damaged(Reader::Parser.damage()),
        (gst::StreamError::TypeNotFound | gst::StreamError::WrongType, _) => not_media(),
        (gst::StreamError::CodecNotFound, _) => undecodable("an unknown format"),
        (gst::StreamError::Decode, reader) => {
            damaged(reader.unwrap_or(Reader::VideoDecoder).damage())
        }
        (gst::StreamError::Demux, reader) => damaged(reader.unwrap_or(Reader::Demuxer).damage()),
        (gst::StreamError::Decrypt | gst::StreamError::DecryptNokey, _) => encrypted(),
        (
            gst::StreamError::Failed | gst::StreamError::Format | gst::StreamError::NotImplemented,
            Some(reader),
        ) => damaged(reader.damage()),
        // The other errors are about encoding and muxing.
        _ => broke_off(),
    }
}

/// The encode broke off, for a reason that only the debug text may tell.
fn broke_off() -> Failure {
    Failure::new(
        FailureCode::PipelineFailed,
        "The encode broke off. Try again, or tell the operator.",
    )
}

/// Elements do not agree on a format: no other attempt will change that.
fn unsupported() -> Failure {
    Failure::new(
        FailureCode::FormatUnsupported,
        "The file's video or audio has a format that cannot be processed here. Convert it to MP4 with \
         H.264 video and AAC audio and upload that.",
    )
}

/// Whether the data of this element come from a transport stream, which announces streams that never come.
fn is_of_transport_stream(element: &gst::Element) -> bool {
    let id = element.sink_pads().first().and_then(PadExt::stream_id);
    id.is_some_and(|id| programs::of_stream_id(&id).is_some())
}

/// The container announces video, and holds no frame of it.
fn no_frames() -> Failure {
    Failure::of(&plan::Error::NoVideo { found: "a video stream without a frame".to_owned() })
}

/// The container is intact and holds no stream.
fn no_streams() -> Failure {
    Failure::of(&plan::Error::NoVideo { found: "no streams".to_owned() })
}

/// The source is protected by DRM.
pub(super) fn encrypted() -> Failure {
    Failure::new(
        FailureCode::Encrypted,
        "The file is protected (DRM) and cannot be read. Upload an unprotected copy.",
    )
}

/// No demuxer or decoder is installed for these formats.
pub(super) fn undecodable(formats: &str) -> Failure {
    Failure::new(
        FailureCode::Undecodable,
        format!(
            "The file holds a format that cannot be decoded here ({formats}). Convert it to MP4 with \
             H.264 video and upload that."
        ),
    )
}

/// The source holds neither video nor audio.
fn not_media() -> Failure {
    Failure::new(
        FailureCode::NotMedia,
        "The file is not a video: its contents are of no known video format, whatever its name \
         says. Check that you chose the right file.",
    )
}

/// The source has a known format and is damaged.
pub(super) fn damaged(reason: &str) -> Failure {
    Failure::new(
        FailureCode::SourceDamaged,
        format!(
            "The file is incomplete or damaged ({reason}). Check that it plays from start to end, then \
             upload it again."
        ),
    )
}

#[cfg(test)]
mod tests;
