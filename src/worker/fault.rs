//! Maps errors of GStreamer to failures of the job.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use crate::domain::failure_code::FailureCode;
use crate::worker::protocol::Failure;

/// Maps an error message of the bus to a failure.
pub(super) fn of_message(error: &gst::message::Error) -> Failure {
    let source = error.src().and_then(|object| object.downcast_ref::<gst::Element>());
    let klass = source
        .and_then(ElementExt::factory)
        .and_then(|factory| factory.metadata("klass").map(str::to_owned))
        .unwrap_or_default();
    let reads_media = ["Demux", "Decoder", "Parser"].iter().any(|kind| klass.contains(kind));
    let of_device = klass.contains("Hardware") || in_device(error.src());
    // Decoders and encoders without memory report a broken file, or that they cannot start. A device has
    // memory of its own, and another backend may succeed.
    let failure = if !of_device && is_memory_short() {
        Failure::new(FailureCode::MemoryLimit, format!("no memory was left: {}", error.error()))
    } else {
        of_error(&error.error(), reads_media)
    };
    Failure {
        element: source.map(|element| element.name().to_string()),
        debug: error.debug().map(|text| text.to_string()),
        of_device,
        ..failure
    }
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

/// Maps an error to a failure. `reads_media`: the error came from an element that only reads the source,
/// so an unspecific error is the source's fault.
pub(super) fn of_error(error: &glib::Error, reads_media: bool) -> Failure {
    let said = error.message();
    if let Some(kind) = error.kind::<gst::StreamError>() {
        return of_stream_error(kind, said, reads_media);
    }
    if error.matches(gst::CoreError::MissingPlugin) {
        return undecodable(said);
    }
    if let Some(kind) = error.kind::<gst::ResourceError>() {
        if matches!(kind, gst::ResourceError::OpenWrite) {
            return Failure::new(
                FailureCode::SinkNotReady,
                format!("a sink could not begin: {said}"),
            );
        }
        return if matches!(kind, gst::ResourceError::NoSpaceLeft) {
            Failure::new(FailureCode::WorkerResource, format!("no space left: {said}"))
        } else {
            Failure::new(FailureCode::SourceRead, format!("the source could not be read: {said}"))
        };
    }
    Failure::new(FailureCode::PipelineFailed, format!("the encode broke off: {said}"))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
fn of_stream_error(kind: gst::StreamError, said: &str, reads_media: bool) -> Failure {
    match kind {
        gst::StreamError::TypeNotFound | gst::StreamError::WrongType => not_media(),
        gst::StreamError::CodecNotFound => undecodable(said),
        gst::StreamError::Decode | gst::StreamError::Demux => damaged(said),
        gst::StreamError::Decrypt | gst::StreamError::DecryptNokey => encrypted(),
        gst::StreamError::Failed | gst::StreamError::Format if reads_media => damaged(said),
        // The other errors are about encoding and muxing.
        _ => Failure::new(FailureCode::PipelineFailed, format!("the encode broke off: {said}")),
    }
}

/// The source is protected by DRM.
pub(super) fn encrypted() -> Failure {
    Failure::new(
        FailureCode::Encrypted,
        "The file is protected (DRM) and cannot be read. Upload an unprotected copy.",
    )
}

/// No demuxer or decoder is installed for the source.
fn undecodable(said: &str) -> Failure {
    Failure::new(
        FailureCode::Undecodable,
        format!(
            "The file holds a format that cannot be decoded here ({said}). Convert it to MP4 with \
             H.264 video and upload that."
        ),
    )
}

/// The source holds neither video nor audio.
pub(super) fn not_media() -> Failure {
    Failure::new(
        FailureCode::NotMedia,
        "The file is not a video: its contents are of no known video format, whatever its name \
         says. Check that you chose the right file.",
    )
}

/// The source has a known format and is damaged.
pub(super) fn damaged(said: &str) -> Failure {
    Failure::new(
        FailureCode::SourceDamaged,
        format!(
            "The file is incomplete or damaged ({}). Check that it plays from start to end, then \
             upload it again.",
            said.trim_end_matches('.')
        ),
    )
}
