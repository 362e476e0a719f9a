//! What the pipeline says while it runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::failure_code::FailureCode;
use crate::worker::fault;
use crate::worker::graph::limit_probe;
use crate::worker::output::Output;
use crate::worker::protocol::{Event, Failure};
use crate::worker::timeline::segmenter::Track;

/// Timelines by the path of their inner `splitmuxsink`, under which its messages come.
pub(crate) type Tracks = HashMap<String, Arc<Track>>;

/// What is to end, by its path: renditions with their tracks, and sinks of pictures.
pub(crate) type Sinks = HashMap<String, Option<Arc<Track>>>;

/// How long the others may go on once a sink was not ready: by then it is known whether it had
/// anything left to write.
const LATE: Duration = Duration::from_secs(2);

/// By how much all threads are nicer than the one that encodes the largest rung. That one works all
/// the time, and the others wait for it: where it has to share a core with them, the other core has
/// nothing to do in the end. On two cores a job takes a tenth less time.
const NICER: i32 = 5;

/// A sink was started without a stream.
struct NotReady {
    failure: Failure,
    until: Instant,
}

/// Answers on the thread that speaks: a muxer's, with its lock held, or one that has just begun. It
/// only notes times, writes frames and becomes nice. `busiest` is the path of the element whose
/// thread encodes the largest rung.
pub(crate) fn answer(tracks: &Tracks, busiest: &str, message: &gst::Message) -> gst::BusSyncReply {
    if let gst::MessageView::StreamStatus(status) = message.view()
        && let (gst::StreamStatusType::Enter, owner) = status.get()
        && owner.path_string() != busiest
    {
        // A thread that may not be nice does its work all the same.
        rustix::process::nice(NICER).ok();
    }
    follow_segments(tracks, message)
}

fn follow_segments(tracks: &Tracks, message: &gst::Message) -> gst::BusSyncReply {
    let gst::MessageView::Element(element) = message.view() else {
        return gst::BusSyncReply::Pass;
    };
    let (Some(structure), Some(source)) = (element.structure(), message.src()) else {
        return gst::BusSyncReply::Pass;
    };
    let Some(track) = tracks.get(source.path_string().as_str()) else {
        return gst::BusSyncReply::Pass;
    };
    let Ok(time) = structure.get::<gst::ClockTime>("running-time") else {
        return gst::BusSyncReply::Pass;
    };
    match structure.name().as_str() {
        "splitmuxsink-fragment-opened" => track.opened(time),
        "splitmuxsink-fragment-closed" => track.closed(time),
        _ => return gst::BusSyncReply::Pass,
    }
    gst::BusSyncReply::Drop
}

/// Waits for the end of all of these, by their paths, with the track of each that has one. The parent
/// watches for a stall.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
pub(crate) fn wait(bus: &gst::Bus, ends: &Sinks, output: &Output) -> Result<(), Failure> {
    let mut open = ends.clone();
    let mut not_ready = None::<NotReady>;
    loop {
        let most = match &not_ready {
            // Tracks become whole without a message that comes here.
            Some(_) if all_is_written(&mut open) => return Ok(()),
            Some(late) => {
                gst::ClockTime::try_from(late.until.saturating_duration_since(Instant::now())).ok()
            }
            None => None,
        };
        let Some(message) = bus.timed_pop(most) else {
            match not_ready {
                Some(late) if !all_is_written(&mut open) => return Err(late.failure),
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
                // A sink that has written all it had may be started once more on the pipeline's own
                // way to PLAYING, which a very short video ends before: nothing is missing.
                not_ready.get_or_insert(NotReady { failure, until: Instant::now() + LATE });
            }
            gst::MessageView::Application(message) => {
                if let Some(failure) = limit_probe::failure(message) {
                    return Err(failure);
                }
            }
            gst::MessageView::Warning(warning) => {
                output.event(&Event::Warning { message: warning.error().message().to_owned() });
            }
            gst::MessageView::Element(element) => {
                if let Some(path) = ended(element) {
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

/// Whether nothing is left but renditions that are whole; forgets those.
fn all_is_written(open: &mut Sinks) -> bool {
    open.retain(|_, track| !track.as_ref().is_some_and(|track| track.is_whole()));
    open.is_empty()
}

/// The path of the element whose end this message forwards.
fn ended(message: &gst::message::Element) -> Option<String> {
    let forwarded = message.structure()?.get::<gst::Message>("message").ok()?;
    let is_end = forwarded.type_() == gst::MessageType::Eos;
    Some(forwarded.src().filter(|_| is_end)?.path_string().to_string())
}

/// The first error that nobody has read yet.
pub(crate) fn first_error(bus: &gst::Bus) -> Option<Failure> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    let gst::MessageView::Error(error) = message.view() else { return None };
    Some(fault::of_message(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::output::Rendition;
    use crate::worker::timeline::segmenter::{Cutter, Total};

    /// Waits for a rendition of two segments whose sink was not ready. So many of them are closed then,
    /// and so many a little later.
    fn waited(closed: u64, later: u64) -> Result<(), Failure> {
        gst::init().unwrap();
        let nowhere = std::fs::File::options().write(true).open("/dev/null").unwrap();
        let output = Arc::new(Output::new(nowhere.into()));
        let total = Arc::new(Total::default());
        let track = Arc::new(Track::new(Rendition::new(&output, 0), &total));
        let cutter = Cutter::new(&[], &total);
        cutter.cut(gst::ClockTime::from_seconds(2));
        cutter.end();
        let close = |track: &Track, count| {
            (0..count).for_each(|number| track.closed(gst::ClockTime::from_seconds(number)));
        };
        close(&track, closed);
        let sink = gst::ElementFactory::make("giostreamsink").build().unwrap();
        let error = gst::message::Error::builder(gst::ResourceError::OpenWrite, "no stream");
        let bus = gst::Bus::new();
        bus.post(error.src(&sink).build()).unwrap();
        let sinks = Sinks::from([("hlssink2".to_owned(), Some(Arc::clone(&track)))]);
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            close(&track, later);
        });
        let ended = wait(&bus, &sinks, &output);
        closing.join().unwrap();
        ended
    }

    #[test]
    fn what_is_written_after_another_sink_was_not_ready_counts() {
        assert!(waited(1, 1).is_ok());
    }

    #[test]
    fn a_sink_that_is_started_again_when_all_is_written_is_no_failure() {
        assert!(waited(2, 0).is_ok());
    }

    #[test]
    fn a_sink_that_is_not_ready_while_there_is_something_to_write_is_one() {
        assert_eq!(waited(1, 0).unwrap_err().code, FailureCode::SinkNotReady);
    }
}
