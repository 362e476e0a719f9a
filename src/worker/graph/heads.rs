//! The heads of the branches, and the decoded streams that are linked to them.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

/// The first element of each branch, with the stream that belongs to it.
#[derive(Default)]
pub(crate) struct Heads(Mutex<Vec<Head>>);

struct Head {
    stream_id: String,
    is_video: bool,
    sink: gst::Pad,
    /// A stream was linked to it.
    has_begun: bool,
}

impl Heads {
    /// Adds a branch for the stream with this id, which begins with the pad `sink` of a queue.
    pub(crate) fn add(&self, stream_id: &str, is_video: bool, sink: gst::Pad) {
        let stream_id = stream_id.to_owned();
        self.0.lock().push(Head { stream_id, is_video, sink, has_begun: false });
    }

    /// The pad to which the decoded stream behind `pad` is linked; `None` for a stream of no branch.
    ///
    /// A broadcast may change its programme in mid-stream: the demuxer then removes all streams and announces
    /// others. One with a known id goes on in its branch; another one takes the place of a removed stream of
    /// its kind.
    pub(crate) fn take(&self, pad: &gst::Pad) -> Option<gst::Pad> {
        let id = pad.stream_id().unwrap_or_default();
        let is_video = is_video(pad);
        let mut heads = self.0.lock();
        let known = heads.iter().position(|head| head.stream_id == id.as_str());
        let is_free = |head: &Head| head.has_begun && !head.sink.is_linked();
        let free = heads.iter().position(|head| head.is_video == is_video && is_free(head));
        let head = heads.get_mut(known.or(free)?)?;
        if let Some(earlier) = head.sink.peer() {
            // A pad that is removed later unlinks itself; this one only comes first.
            earlier.unlink(&head.sink).ok();
        }
        head.has_begun = true;
        Some(head.sink.clone())
    }

    /// Ends the branches whose streams are gone, or did not come. Returns whether one of them is that of the
    /// video, before it began.
    pub(crate) fn end_missing(&self) -> bool {
        let heads = self.0.lock();
        let missing: Vec<&Head> = heads.iter().filter(|head| !head.sink.is_linked()).collect();
        for head in &missing {
            // The queue takes events at once, and its thread ends the branch.
            if !head.has_begun {
                head.sink.send_event(gst::event::StreamStart::new(&head.stream_id));
            }
            head.sink.send_event(gst::event::Eos::new());
        }
        missing.iter().any(|head| head.is_video && !head.has_begun)
    }
}

fn is_video(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    caps.structure(0).is_some_and(|structure| structure.name().starts_with("video/"))
}
