//! Messages of the discoverer's pipeline on its bus: the discoverer itself keeps only the text of its error.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::codec_name::Missing;
use crate::domain::failure_code::FailureCode;
use crate::worker::fault;
use crate::worker::protocol::Failure;

/// The context that demuxers request before they decrypt.
const DECRYPTION_CONTEXT: &str = "drm-preferred-decryption-system-id";
/// Missing formats that are kept.
const MAX_MISSING: usize = 8;

/// Messages of the discoverer's pipeline. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Reported(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// A demuxer asked how to decrypt. Without an answer, its error looks like damage.
    is_protected: bool,
    /// Formats without a decoder or demuxer.
    missing: Vec<Missing>,
    /// The first error.
    failure: Option<Failure>,
}

impl Reported {
    /// Watches the bus of the pipeline that contains `source`.
    pub(super) fn watch(&self, source: &gst::Element) {
        let mut top = source.clone().upcast::<gst::Object>();
        while let Some(parent) = top.parent() {
            top = parent;
        }
        let Some(bus) = top.downcast_ref::<gst::Element>().and_then(ElementExt::bus) else {
            return;
        };
        let reported = self.clone();
        bus.enable_sync_message_emission();
        // Runs on the streaming thread that posts the message; must not block.
        bus.connect_sync_message(None, move |_, message| reported.keep(message));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
    fn keep(&self, message: &gst::Message) {
        match message.view() {
            gst::MessageView::NeedContext(context)
                if context.context_type() == DECRYPTION_CONTEXT =>
            {
                self.0.lock().is_protected = true;
            }
            gst::MessageView::Element(element) => {
                let missing = element.structure().and_then(missing);
                let mut kept = self.0.lock();
                if let Some(missing) = missing
                    && kept.missing.len() < MAX_MISSING
                    && !kept.missing.contains(&missing)
                {
                    kept.missing.push(missing);
                }
            }
            gst::MessageView::Error(error) => {
                let failure = fault::of_message(error);
                self.0.lock().failure.get_or_insert(failure);
            }
            _ => {}
        }
    }

    /// Why the discoverer failed with this error.
    pub(super) fn failure(&self, error: &glib::Error) -> Failure {
        let kept = self.0.lock();
        if kept.is_protected {
            return fault::encrypted();
        }
        let failure = kept.failure.clone().unwrap_or_else(|| fault::of_probe(error));
        if failure.code != FailureCode::Undecodable || kept.missing.is_empty() {
            return failure;
        }
        // Without its video, a file is of no use: its other streams need no mention.
        let has_video = kept.missing.iter().any(Missing::is_video);
        let formats = kept.missing.iter().filter(|missing| missing.is_video() || !has_video);
        let names: Vec<&str> = formats.map(|missing| missing.name.as_str()).collect();
        Failure { message: fault::undecodable(&names.join(", ")).message, ..failure }
    }
}

/// Parses the message about a missing decoder or demuxer.
fn missing(structure: &gst::StructureRef) -> Option<Missing> {
    let is_missing = structure.name() == "missing-plugin"
        && structure.get::<String>("type").is_ok_and(|kind| kind == "decoder");
    let caps = structure.get::<gst::Caps>("detail").ok().filter(|_| is_missing)?;
    let description = structure.get::<String>("name").unwrap_or_default();
    Some(Missing::of(&description, &caps.to_string()))
}
