//! Finds the stream at which the pipeline stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::dead_stream::StreamKind;
use crate::domain::standstill::{self, Reached, Standstill};
use crate::worker::timeline::timestamps::running_time;

/// Time without any frame after which a pipeline stands still. The parent waits longer.
const STILL: Duration = Duration::from_secs(5);

/// The planned streams, watched where they enter their branches.
#[derive(Default)]
pub(crate) struct Streams(Vec<Stream>);

struct Stream {
    kind: StreamKind,
    number: u16,
    /// The pad at which the branch begins.
    head: gst::Pad,
    reached: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    frames: AtomicU64,
    time_ns: AtomicU64,
    has_ended: AtomicBool,
}

impl Streams {
    /// Adds the stream whose branch begins at this pad.
    pub(crate) fn add(&mut self, kind: StreamKind, head: &gst::Pad) {
        let number = self.0.iter().filter(|stream| stream.kind == kind).count() + 1;
        let reached = Arc::<Counters>::default();
        let counters = Arc::clone(&reached);
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        // Runs on the stream's streaming thread: writes atomics.
        head.add_probe(mask, move |pad, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let time = buffer.pts().and_then(|pts| running_time(pad, pts));
                    if let Some(time) = time {
                        counters.time_ns.store(time.nseconds(), Ordering::Relaxed);
                    }
                    counters.frames.fetch_add(1, Ordering::Relaxed);
                }
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                    counters.has_ended.store(true, Ordering::Relaxed);
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.0.push(Stream { kind, number, head: head.clone(), reached });
    }

    fn reached(&self) -> Vec<Reached> {
        let reached = self.0.iter().map(|stream| Reached {
            frames: stream.reached.frames.load(Ordering::Relaxed),
            time_ns: stream.reached.time_ns.load(Ordering::Relaxed),
            has_ended: stream.reached.has_ended.load(Ordering::Relaxed),
        });
        reached.collect()
    }
}

/// Looks at the streams from time to time.
pub(crate) struct Watch<'a> {
    streams: &'a Streams,
    before: Vec<Reached>,
    looked: Instant,
    is_told: bool,
}

impl<'a> Watch<'a> {
    /// Time from one look to the next.
    pub(crate) const INTERVAL: gst::ClockTime = gst::ClockTime::from_seconds(STILL.as_secs());

    pub(crate) fn new(streams: &'a Streams) -> Self {
        Self { streams, before: streams.reached(), looked: Instant::now(), is_told: false }
    }

    /// The stream at which the pipeline stands still, once for each standstill.
    pub(crate) fn look(&mut self) -> Option<Standstill> {
        if self.looked.elapsed() < STILL {
            return None;
        }
        self.looked = Instant::now();
        let now = self.streams.reached();
        let before = std::mem::replace(&mut self.before, now);
        let slowest = standstill::slowest(&before, &self.before);
        let stream = slowest.and_then(|index| self.streams.0.get(index));
        let is_news = !std::mem::replace(&mut self.is_told, stream.is_some());
        let stream = stream.filter(|_| is_news)?;
        let element = source_of(&stream.head).unwrap_or_default();
        Some(Standstill { kind: stream.kind, number: stream.number, element })
    }
}

/// Name of the factory of the element that feeds this pad, through the walls of bins.
fn source_of(sink: &gst::Pad) -> Option<String> {
    let mut peer = sink.peer()?;
    while let Some(ghost) = peer.downcast_ref::<gst::GhostPad>() {
        peer = ghost.target()?;
    }
    Some(peer.parent_element()?.factory()?.name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_without_frames_is_named_with_its_decoder() {
        gst::init().unwrap();
        let make = |name: &str| gst::ElementFactory::make(name).build().unwrap();
        let (bin, decoder, queue) = (gst::Bin::new(), make("avdec_aac"), make("queue"));
        bin.add(&decoder).unwrap();
        let ghost = gst::GhostPad::with_target(&decoder.static_pad("src").unwrap()).unwrap();
        bin.add_pad(&ghost).unwrap();
        let head = queue.static_pad("sink").unwrap();
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([bin.upcast_ref(), &queue]).unwrap();
        ghost.link(&head).unwrap();
        let mut streams = Streams::default();
        streams.add(StreamKind::Audio, &head);
        let mut watch = Watch::new(&streams);
        assert_eq!(watch.look(), None, "too early");
        watch.looked -= STILL;
        let element = "avdec_aac".to_owned();
        let expected = Standstill { kind: StreamKind::Audio, number: 1, element };
        assert_eq!(watch.look(), Some(expected));
        watch.looked -= STILL;
        assert_eq!(watch.look(), None, "told");
    }
}
