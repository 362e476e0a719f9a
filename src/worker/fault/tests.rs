use super::*;

/// Texts of GStreamer that tell an uploader nothing, in small letters.
const MEANINGLESS: [&str; 12] = [
    "data stream error",
    "stream error",
    "plug-in",
    "plugin",
    "gstreamer",
    "file a bug",
    "element",
    "demultiplex",
    "not-negotiated",
    "could not decode stream",
    "resource",
    "library",
];

/// An error that this element posts, mapped.
fn failure(element: &str, error: glib::Error, debug: &str) -> Failure {
    gst::init().unwrap();
    let element = gst::ElementFactory::make(element).build().unwrap();
    let message = gst::message::Error::builder_from_error(error).src(&element).debug(debug).build();
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    of_message(error)
}

#[test]
fn a_warning_has_the_words_of_gstreamer_in_its_debug_text_only() {
    gst::init().unwrap();
    let element = gst::ElementFactory::make("tsdemux").build().unwrap();
    let said = "CONTINUITY: Mismatch packet 12, stream 2 (pid 0x0100)";
    let message =
        gst::message::Warning::builder(gst::StreamError::Demux, said).src(&element).build();
    let gst::MessageView::Warning(warning) = message.view() else { panic!("{message:?}") };
    let Event::Warning { code, message, debug } = of_warning(warning) else { panic!("a warning") };
    assert_eq!((code, message.as_str()), (None, "tsdemux passes over a fault of the source"));
    assert!(debug.unwrap().starts_with(said));
}

fn errors() -> Vec<glib::Error> {
    use gst::{CoreError as C, LibraryError as L, ResourceError as R, StreamError as S};
    let streams = [
        (S::Failed, "GStreamer encountered a general stream error."),
        (S::Failed, "Internal data stream error."),
        (
            S::NotImplemented,
            "Element doesn't implement handling of this stream. Please file a bug.",
        ),
        (S::TypeNotFound, "Could not determine type of stream."),
        (S::WrongType, "The stream is of a different type than handled by this element."),
        (S::CodecNotFound, "Your GStreamer installation is missing a plug-in."),
        (S::Decode, "Could not decode stream."),
        (S::Encode, "Could not encode stream."),
        (S::Demux, "Could not demultiplex stream."),
        (S::Mux, "Could not multiplex stream."),
        (S::Format, "The stream is in the wrong format."),
        (S::Decrypt, "The stream is encrypted and decryption is not supported."),
        (
            S::DecryptNokey,
            "The stream is encrypted and can't be decrypted because no suitable key.",
        ),
    ];
    let mut errors: Vec<_> = streams.map(|(kind, said)| glib::Error::new(kind, said)).to_vec();
    errors.extend([
        glib::Error::new(C::MissingPlugin, "Your GStreamer installation is missing a plug-in."),
        glib::Error::new(C::Negotiation, "GStreamer error: negotiation problem."),
        glib::Error::new(C::Failed, "GStreamer encountered a general core library error."),
        glib::Error::new(L::Encode, "Failed to decode frame"),
        glib::Error::new(L::Init, "Could not initialize supporting library."),
        glib::Error::new(R::Read, "Could not read from resource."),
        glib::Error::new(R::OpenWrite, "Could not open resource for writing."),
        glib::Error::new(R::NoSpaceLeft, "No space left on the resource."),
        glib::Error::new(R::Failed, "GStreamer encountered a general resource error."),
    ]);
    errors
}

#[test]
fn no_message_repeats_a_text_of_gstreamer() {
    let elements =
        ["qtdemux", "matroskademux", "h264parse", "avdec_h264", "avdec_aac", "x264enc", "queue"];
    let debugs = ["", "x (): y:\nstreaming stopped, reason not-negotiated (-4)", "No pads created"];
    let mut messages = Vec::new();
    for (element, error, debug) in elements
        .iter()
        .flat_map(|element| errors().into_iter().map(move |error| (*element, error)))
        .flat_map(|(element, error)| debugs.map(move |debug| (element, error.clone(), debug)))
    {
        let said = error.message().to_owned();
        let failure = failure(element, error.clone(), debug);
        assert!(failure.debug.as_ref().unwrap().starts_with(&said), "{failure:?}");
        messages.extend([failure.message, of_probe(&error).message]);
    }
    assert!(messages.len() > 500);
    for message in messages {
        let small = message.to_lowercase();
        let found = MEANINGLESS.iter().find(|words| small.contains(*words));
        assert_eq!(found, None, "{message}");
    }
}

#[test]
fn errors_of_readers_are_faults_of_the_source() {
    use gst::{CoreError as C, LibraryError as L, StreamError as S};
    let error = |kind: S| glib::Error::new(kind, "no");
    let stopped = "streaming stopped, reason not-negotiated (-4)";
    let table = [
        ("qtdemux", error(S::Failed), "", FailureCode::SourceDamaged, "container"),
        ("matroskademux", error(S::Failed), "No pads created", FailureCode::NoVideo, "no streams"),
        (
            "mpegvideoparse",
            error(S::WrongType),
            "",
            FailureCode::SourceDamaged,
            "one of its streams",
        ),
        ("mxfdemux", error(S::Failed), "", FailureCode::Undecodable, "MXF"),
        ("mxfdemux", error(S::WrongType), "", FailureCode::Undecodable, "MXF"),
        ("typefind", error(S::TypeNotFound), "", FailureCode::NotMedia, "not a video"),
        ("avdec_h264", error(S::Decode), "", FailureCode::SourceDamaged, "its video"),
        ("avdec_aac", error(S::Decode), "", FailureCode::SourceDamaged, "its audio"),
        ("vp9dec", glib::Error::new(L::Encode, "no"), "", FailureCode::SourceDamaged, "its video"),
        (
            "vp9dec",
            glib::Error::new(L::Encode, "no"),
            "Unsupported color format 263",
            FailureCode::Undecodable,
            "On2 VP9",
        ),
        ("x264enc", glib::Error::new(L::Init, "no"), "", FailureCode::PipelineFailed, "broke off"),
        ("x264enc", error(S::Encode), "", FailureCode::PipelineFailed, "broke off"),
        // No attempt changes what elements agree on.
        ("qtdemux", error(S::Failed), stopped, FailureCode::FormatUnsupported, "format"),
        ("queue", error(S::Failed), stopped, FailureCode::FormatUnsupported, "format"),
        (
            "videoconvert",
            glib::Error::new(C::Negotiation, "no"),
            "",
            FailureCode::FormatUnsupported,
            "format",
        ),
    ];
    for (element, error, debug, code, words) in table {
        let failure = failure(element, error, debug);
        assert_eq!(failure.code, code, "{element}: {failure:?}");
        assert!(failure.message.contains(words), "{element}: {failure:?}");
    }
}
