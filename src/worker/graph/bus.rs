//! The bus: what the pipeline reports while it runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::failure_code::FailureCode;
use crate::worker::fault;
use crate::worker::graph::limit_probe;
use crate::worker::graph::segment_sink::SegmentSink;
use crate::worker::graph::standstill::{Streams, Watch};
use crate::worker::output::Output;
use crate::worker::protocol::{Event, Failure};
use crate::worker::timeline::segmenter::Segmenter;

/// Segmenters by the path of the element that reports their segments.
pub(crate) type Segmenters = HashMap<String, Arc<Segmenter>>;

/// Sinks that must reach EOS, by path: renditions with their segmenters, and thumbnail sinks.
pub(crate) type Ends = HashMap<String, Option<Arc<Segmenter>>>;

/// Time that the other sinks get once a sink was not ready. By then it is known whether that one had
/// anything left to write.
const NOT_READY_GRACE: Duration = Duration::from_secs(2);

/// Nice value of all threads but the one that encodes the largest rung. That one is always busy and the
/// others wait for it; if it shares a core with them, the other core idles in the end. On two cores a job
/// takes a tenth less time with it.
const NICE: i32 = 5;

/// The elements of a pipeline whose messages are read, by path.
pub(crate) struct Watched {
    /// Segmenters of the renditions.
    pub(crate) segmenters: Segmenters,
    /// Sinks that must reach EOS.
    pub(crate) ends: Ends,
    /// The queue whose thread encodes the largest rung; empty without video.
    pub(crate) busiest: String,
}

impl Watched {
    /// The watched elements of a pipeline with these sinks.
    pub(crate) fn new(
        sinks: &[SegmentSink],
        thumbnail_sinks: &[gst::Element],
        busiest: Option<&gst::Element>,
    ) -> Self {
        let renditions = sinks.iter().map(|s| (s.end_path(), Some(Arc::clone(&s.segmenter))));
        let path = |element: &gst::Element| element.path_string().to_string();
        let thumbnails = thumbnail_sinks.iter().map(|sink| (path(sink), None));
        Self {
            segmenters: sinks
                .iter()
                .map(|sink| (sink.message_path(), Arc::clone(&sink.segmenter)))
                .collect(),
            ends: renditions.chain(thumbnails).collect(),
            busiest: busiest.map(path).unwrap_or_default(),
        }
    }
}

/// A sink was started without a stream.
struct NotReady {
    failure: Failure,
    until: Instant,
}

/// Handles a message on the thread that posts it: a muxer's streaming thread, with the muxer's lock held,
/// or a thread that has just started. It must not block on other streaming threads: it records times,
/// writes frames to the pipe and lowers the thread's priority. `busiest` is the path of the queue whose
/// thread encodes the largest rung.
pub(crate) fn handle_sync(
    segmenters: &Segmenters,
    busiest: &str,
    message: &gst::Message,
) -> gst::BusSyncReply {
    if let gst::MessageView::StreamStatus(status) = message.view()
        && let (gst::StreamStatusType::Enter, owner) = status.get()
        && owner.path_string() != busiest
    {
        // A thread that may not lower its priority works all the same.
        rustix::process::nice(NICE).ok();
    }
    report_segment(segmenters, message)
}

fn report_segment(segmenters: &Segmenters, message: &gst::Message) -> gst::BusSyncReply {
    let gst::MessageView::Element(element) = message.view() else {
        return gst::BusSyncReply::Pass;
    };
    let (Some(structure), Some(source)) = (element.structure(), message.src()) else {
        return gst::BusSyncReply::Pass;
    };
    let Some(segmenter) = segmenters.get(source.path_string().as_str()) else {
        return gst::BusSyncReply::Pass;
    };
    let Ok(time) = structure.get::<gst::ClockTime>("running-time") else {
        return gst::BusSyncReply::Pass;
    };
    match structure.name().as_str() {
        "splitmuxsink-fragment-opened" => segmenter.segment_opened(time),
        "splitmuxsink-fragment-closed" => segmenter.segment_closed(time),
        _ => return gst::BusSyncReply::Pass,
    }
    gst::BusSyncReply::Drop
}

/// Waits until all of these sinks have reached EOS. Has no time limit: the parent watches for a stall.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
pub(crate) fn wait(
    bus: &gst::Bus,
    ends: &Ends,
    streams: &Streams,
    output: &Output,
) -> Result<(), Failure> {
    let mut open = ends.clone();
    let (mut not_ready, mut warned) = (None::<NotReady>, HashSet::new());
    let mut watch = Watch::new(streams);
    loop {
        let timeout = match &not_ready {
            // Renditions become complete without a message that arrives here.
            Some(_) if all_complete(&mut open) => return Ok(()),
            Some(late) => {
                gst::ClockTime::try_from(late.until.saturating_duration_since(Instant::now())).ok()
            }
            None => Some(Watch::INTERVAL),
        };
        if let Some(standstill) = watch.look() {
            output.event(&Event::StandsStill(standstill));
        }
        let Some(message) = bus.timed_pop(timeout) else {
            match not_ready {
                Some(late) if !all_complete(&mut open) => return Err(late.failure),
                _ => continue,
            }
        };
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(()),
            gst::MessageView::Error(error) => {
                let failure = fault::of_message(error);
                if failure.code != FailureCode::SinkNotReady {
                    return Err(failure);
                }
                // A very short video may end before the pipeline is PLAYING. Its sink, which has written
                // everything, is then started once more: nothing is missing.
                let until = Instant::now() + NOT_READY_GRACE;
                not_ready.get_or_insert(NotReady { failure, until });
            }
            gst::MessageView::Application(message) => {
                if let Some(failure) = limit_probe::failure(message) {
                    return Err(failure);
                }
            }
            // A damaged file may cause one for each of its packets.
            gst::MessageView::Warning(warning)
                if warned.insert(message.src().map(GstObjectExt::path_string)) =>
            {
                output.event(&fault::of_warning(warning));
            }
            gst::MessageView::Element(element) => {
                if let Some(path) = forwarded_eos(element) {
                    open.remove(path.as_str());
                }
            }
            _ => {}
        }
        // GStreamer 1.22.0 can lose the pipeline's own EOS.
        if open.is_empty() {
            return Ok(());
        }
    }
}

/// Removes complete renditions. Returns whether nothing is left.
fn all_complete(open: &mut Ends) -> bool {
    open.retain(|_, segmenter| !segmenter.as_ref().is_some_and(|s| s.is_complete()));
    open.is_empty()
}

/// Path of the element whose EOS this message forwards.
fn forwarded_eos(message: &gst::message::Element) -> Option<String> {
    let forwarded = message.structure()?.get::<gst::Message>("message").ok()?;
    let is_eos = forwarded.type_() == gst::MessageType::Eos;
    Some(forwarded.src().filter(|_| is_eos)?.path_string().to_string())
}

/// The first error on the bus that was not read yet.
pub(crate) fn first_error(bus: &gst::Bus) -> Option<Failure> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    let gst::MessageView::Error(error) = message.view() else { return None };
    Some(fault::of_message(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for a rendition of two segments whose sink was not ready. Closes `closed` of them before,
    /// and `later` of them 100 ms later.
    fn wait_with_late_sink(closed: u64, later: u64) -> Result<(), Failure> {
        gst::init().unwrap();
        let nowhere = std::fs::File::options().write(true).open("/dev/null").unwrap();
        let output = Arc::new(Output::new(nowhere.into()));
        let segmenter = Segmenter::new(&output, 0);
        segmenter.count_cut();
        segmenter.finish_cuts();
        let close = |segmenter: &Segmenter, count| {
            let times = (0..count).map(gst::ClockTime::from_seconds);
            times.for_each(|time| segmenter.segment_closed(time));
        };
        close(&segmenter, closed);
        let sink = gst::ElementFactory::make("giostreamsink").build().unwrap();
        let error = gst::message::Error::builder(gst::ResourceError::OpenWrite, "no stream");
        let bus = gst::Bus::new();
        bus.post(error.src(&sink).build()).unwrap();
        let ends = Ends::from([("hlssink2".to_owned(), Some(Arc::clone(&segmenter)))]);
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            close(&segmenter, later);
        });
        let ended = wait(&bus, &ends, &Streams::default(), &output);
        closing.join().unwrap();
        ended
    }

    #[test]
    fn segments_that_close_after_a_sink_was_not_ready_count() {
        assert!(wait_with_late_sink(1, 1).is_ok());
    }

    #[test]
    fn a_sink_that_restarts_after_its_last_segment_is_no_failure() {
        assert!(wait_with_late_sink(2, 0).is_ok());
    }

    #[test]
    fn a_sink_that_is_not_ready_with_a_segment_missing_is_a_failure() {
        assert_eq!(wait_with_late_sink(1, 0).unwrap_err().code, FailureCode::SinkNotReady);
    }
}
