//! Rendezvous at which all renditions of a job agree on a common end time.
//!
//! Playlists of one stream must cover the same range (Apple's authoring rule 8.3). A stream that ends
//! waits until the others have ended; then its last frame is repeated, or silence is added, up to the
//! common end. Nothing that was uploaded is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::domain::edits::TrackEdits;
use crate::worker::timeline::timestamps::segment_of;

/// The rendezvous. All times are running times in nanoseconds.
pub(crate) struct CommonEnd {
    state: Mutex<State>,
    changed: Condvar,
    /// End of the video stream as the container states it.
    stated_ns: AtomicU64,
}

struct State {
    has_video: bool,
    /// Streams that have not ended.
    open: usize,
    /// End of the longest stream so far.
    longest_ns: u64,
    /// The common end, once it is decided.
    end_ns: Option<u64>,
}

impl CommonEnd {
    /// A rendezvous of the video stream, if there is one, and `audio_streams` audio streams.
    pub(crate) fn new(has_video: bool, audio_streams: usize) -> Self {
        let open = audio_streams + usize::from(has_video);
        let state = State { has_video, open, longest_ns: 0, end_ns: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), stated_ns: AtomicU64::new(0) }
    }

    /// Reads the end of the stream `stream_id`, which has these edits, from the durations that the demuxer in
    /// `bin` states.
    ///
    /// The last frame of a screen recording may last for minutes. Parsers drop the stated durations, so they
    /// are read behind the demuxer.
    pub(crate) fn watch_stated_end(
        self: &Arc<Self>,
        bin: &gst::Bin,
        stream_id: &str,
        edits: Option<TrackEdits>,
    ) {
        let (stream_id, common_end) = (stream_id.to_owned(), Arc::downgrade(self));
        // Runs on the demuxer's streaming thread, so it must not block.
        let watch_pad = move |_: &gst::Element, pad: &gst::Pad| {
            let (stream_id, common_end) = (stream_id.clone(), common_end.clone());
            let edits = edits.clone();
            // Runs on the demuxer's streaming thread: reads the buffer, writes one atomic.
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let is_ours = pad.stream_id().is_some_and(|id| id == stream_id);
                let Some(common_end) = common_end.upgrade().filter(|_| is_ours) else {
                    return gst::PadProbeReturn::Remove;
                };
                let end_ns = info.buffer().and_then(|buffer| match &edits {
                    Some(edits) => shown_end_ns(edits, buffer),
                    None => Some(stated_end(pad, buffer)?.nseconds()),
                });
                common_end.stated_ns.fetch_max(end_ns.unwrap_or(0), Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        };
        // Runs on the thread that adds the element to `decodebin`, so it must not block.
        bin.connect_deep_element_added(move |_, _, element| {
            let factory = element.factory();
            let klass = factory.as_ref().and_then(|factory| factory.metadata("klass"));
            if klass.is_some_and(|klass| klass.contains("Demux")) {
                element.connect_pad_added(watch_pad.clone());
            }
        });
    }

    /// End of the video stream as the container states it; 0 if it states none.
    pub(crate) fn stated_ns(&self) -> u64 {
        self.stated_ns.load(Ordering::Relaxed)
    }

    /// The common end, in nanoseconds; `None` until it is decided.
    pub(crate) fn decided_ns(&self) -> Option<u64> {
        self.state.lock().end_ns
    }

    fn arrive(&self, end_ns: u64) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        state.longest_ns = state.longest_ns.max(end_ns);
        self.changed.notify_all();
        state
    }

    /// Reports the end of the video stream, waits for all others and returns the common end, which
    /// `decide` computes from the longest end. Video alone decides, because the end must be a whole
    /// number of frames. Blocks the calling streaming thread.
    pub(crate) fn wait_as_video(&self, end_ns: u64, decide: impl FnOnce(u64) -> u64) -> u64 {
        let mut state = self.arrive(end_ns);
        self.changed.wait_while(&mut state, |state| state.open > 0);
        let end_ns = decide(state.longest_ns);
        state.end_ns = Some(end_ns);
        self.changed.notify_all();
        end_ns
    }

    /// Reports the end of an audio stream, waits and returns the common end: without video, the end of
    /// the longest audio stream. Blocks the calling streaming thread.
    pub(crate) fn wait_as_audio(&self, end_ns: u64) -> u64 {
        let mut state = self.arrive(end_ns);
        if !state.has_video && state.open == 0 {
            state.end_ns = Some(state.longest_ns);
        }
        self.changed.wait_while(&mut state, |state| state.end_ns.is_none());
        state.end_ns.unwrap_or(end_ns)
    }
}

/// The running time at which this buffer ends, clipped to its segment.
fn stated_end(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = segment_of(pad)?;
    let end = segment.stop()?.min(buffer.pts()? + buffer.duration()?);
    segment.to_running_time(end)
}

/// When the part of this buffer that is shown ends.
fn shown_end_ns(edits: &TrackEdits, buffer: &gst::BufferRef) -> Option<u64> {
    Some(edits.shown_end_ns((buffer.pts()? + buffer.duration()?).nseconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_decides_once_the_last_stream_has_ended() {
        let common_end = Arc::new(CommonEnd::new(true, 2));
        let audio: Vec<_> = [70, 50]
            .map(|end_ns| {
                let common_end = Arc::clone(&common_end);
                std::thread::spawn(move || common_end.wait_as_audio(end_ns))
            })
            .into_iter()
            .collect();
        assert_eq!(common_end.wait_as_video(60, |longest_ns| longest_ns + 5), 75);
        for audio in audio {
            assert_eq!(audio.join().unwrap(), 75);
        }
    }

    #[test]
    fn audio_only_streams_end_with_the_longest() {
        let common_end = Arc::new(CommonEnd::new(false, 2));
        let first = Arc::clone(&common_end);
        let first = std::thread::spawn(move || first.wait_as_audio(50));
        assert_eq!(common_end.wait_as_audio(70), 70);
        assert_eq!(first.join().unwrap(), 70);
    }
}
