//! Keeps a stream whose parser or decoder gives up from failing the whole file.
//!
//! Behind a demuxer, each stream has its own pad of a `multiqueue` and its own streaming thread. An error
//! behind that pad reaches the demuxer as the result of a push, and the demuxer then stops all streams. So the
//! pads are guarded here: a stream that gave up gets EOS, and takes its data from then on without using it.
//!
//! Its parser or decoder also posts an error, which a bin takes for a failed change of its state. So these
//! elements get a bus of their own, which keeps such errors back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::dead_stream::{DeadStream, StreamKind};
use crate::worker::container_caps::has_klass;
use crate::worker::timeline::timestamps::running_time;

/// Elements that are passed on the way from an element that failed up to the pad of its stream.
const MAX_ELEMENTS: usize = 32;
/// Time of a stream without frames.
const NO_TIME: u64 = u64::MAX;

/// The streams of a source, with the rule for those that may be left out.
#[derive(Clone)]
pub(crate) struct DeadStreams(Arc<Shared>);

struct Shared {
    streams: Mutex<Vec<Arc<Stream>>>,
    is_needed: Box<dyn Fn(&str) -> bool + Send + Sync>,
    on_death: Box<dyn Fn(DeadStream) + Send + Sync>,
}

/// One stream behind a demuxer.
struct Stream {
    /// The pad of the `multiqueue` from which the stream flows.
    src: glib::WeakRef<gst::Pad>,
    /// GStreamer's stream id, and the running time of the first buffer in nanoseconds.
    first: OnceLock<(String, Option<u64>)>,
    is_dead: AtomicBool,
    /// EOS was sent after the death.
    has_ended: AtomicBool,
    /// Running time of the last frame that was passed on, in nanoseconds.
    last_ns: AtomicU64,
}

impl DeadStreams {
    /// Guards no stream yet. A stream for whose id `is_needed` holds is never left out; `on_death` is called once
    /// for each stream that is, on a streaming thread.
    pub(crate) fn new(
        is_needed: impl Fn(&str) -> bool + Send + Sync + 'static,
        on_death: impl Fn(DeadStream) + Send + Sync + 'static,
    ) -> Self {
        let (is_needed, on_death) = (Box::new(is_needed), Box::new(on_death));
        Self(Arc::new(Shared { streams: Mutex::default(), is_needed, on_death }))
    }

    /// Guards the streams behind all demuxers that this bin, and bins inside of it, add from now on.
    pub(crate) fn watch(&self, bin: &gst::Bin) {
        let shared = Arc::clone(&self.0);
        // Runs on the thread that adds the element, before it has pads and a state.
        bin.connect_deep_element_added(move |_, _, element| {
            if is_multiqueue(element) {
                let shared = Arc::clone(&shared);
                // Runs on the demuxer's streaming thread, before anything flows.
                element.connect_pad_added(move |_, pad| {
                    if pad.direction() == gst::PadDirection::Src {
                        shared.guard(pad);
                    }
                });
            } else if has_klass(element, &["Parser"]) || has_klass(element, &["Decoder"]) {
                shared.filter_errors(element);
            }
        });
    }
}

fn is_multiqueue(element: &gst::Element) -> bool {
    element.factory().is_some_and(|factory| factory.name() == "multiqueue")
}

/// Whether this error says that a stream holds nothing that a parser understands.
fn is_empty(error: &glib::Error) -> bool {
    error.matches(gst::StreamError::WrongType)
}

/// The pad of a `multiqueue` from which the data of this element comes.
fn stream_pad(element: &gst::Element) -> Option<gst::Pad> {
    let mut element = element.clone();
    for _ in 0..MAX_ELEMENTS {
        let peer = element.sink_pads().first()?.peer()?;
        let above = peer.parent_element()?;
        if is_multiqueue(&above) {
            return Some(peer);
        }
        element = above;
    }
    None
}

impl Shared {
    /// Puts a bus between the element and its bin, which keeps errors of streams back that are left out.
    fn filter_errors(self: &Arc<Self>, element: &gst::Element) {
        let Some(bus) = element.bus().filter(|_| !element.is::<gst::Bin>()) else { return };
        let (shared, filter) = (Arc::clone(self), gst::Bus::new());
        // Runs on the thread that posts the message.
        filter.set_sync_handler(move |_, message| {
            if !shared.is_of_dead(message) {
                // A bin that is gone needs no messages.
                bus.post(message.clone()).ok();
            }
            gst::BusSyncReply::Drop
        });
        element.set_bus(Some(&filter));
    }

    /// Whether this message is an error of a stream that is left out.
    fn is_of_dead(&self, message: &gst::Message) -> bool {
        let gst::MessageView::Error(error) = message.view() else { return false };
        let element = error.src().and_then(|source| source.downcast_ref::<gst::Element>());
        let Some(src) = element.and_then(stream_pad) else { return false };
        let stream = self.streams.lock().iter().find(|stream| stream.is_of(&src)).cloned();
        stream.is_some_and(|stream| self.give_up(&stream, &src, is_empty(&error.error())))
    }

    fn guard(self: &Arc<Self>, src: &gst::Pad) {
        let stream = Arc::new(Stream {
            src: src.downgrade(),
            first: OnceLock::new(),
            is_dead: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            last_ns: AtomicU64::new(NO_TIME),
        });
        self.streams.lock().push(Arc::clone(&stream));
        let (shared, is_pushing) = (Arc::clone(self), AtomicBool::new(false));
        // Runs on the stream's streaming thread, and once more, nested, for the buffer that it pushes itself to
        // see the result.
        src.add_probe(gst::PadProbeType::BUFFER, move |src, info| {
            if is_pushing.load(Ordering::Relaxed) {
                return gst::PadProbeReturn::Ok;
            }
            if stream.is_dead.load(Ordering::Acquire) {
                stream.end(src);
                return gst::PadProbeReturn::Drop;
            }
            let Some(buffer) = info.take_buffer() else { return gst::PadProbeReturn::Ok };
            let time_ns = buffer.pts().and_then(|pts| running_time(src, pts));
            let time_ns = time_ns.map(gst::ClockTime::nseconds);
            stream.first.get_or_init(|| (src.stream_id().unwrap_or_default().into(), time_ns));
            is_pushing.store(true, Ordering::Relaxed);
            let pushed = src.push(buffer);
            is_pushing.store(false, Ordering::Relaxed);
            info.flow_res = match pushed {
                Ok(_) => {
                    if let Some(time_ns) = time_ns {
                        stream.last_ns.store(time_ns, Ordering::Relaxed);
                    }
                    pushed
                }
                Err(gst::FlowError::Error | gst::FlowError::NotNegotiated)
                    if shared.give_up(&stream, src, false) =>
                {
                    stream.end(src);
                    Ok(gst::FlowSuccess::Ok)
                }
                Err(_) => pushed,
            };
            gst::PadProbeReturn::Handled
        });
    }

    /// Leaves the stream out, if the source can do without it. Returns whether it is left out. `is_empty` says
    /// that nothing of it was understood.
    fn give_up(&self, stream: &Arc<Stream>, src: &gst::Pad, is_empty: bool) -> bool {
        let dead = {
            let streams = self.streams.lock();
            if stream.is_dead.load(Ordering::Acquire) {
                return true;
            }
            let others = || streams.iter().filter(|other| !Arc::ptr_eq(other, stream));
            let alive = others().filter(|other| !other.is_dead.load(Ordering::Acquire));
            let left: Vec<StreamKind> = alive.filter_map(|other| other.kind()).collect();
            let (id, first_ns) = stream.first.get().cloned().unwrap_or_default();
            let kind = kind(src);
            if (self.is_needed)(&id) || !kind.is_dispensable(&left) {
                return false;
            }
            stream.is_dead.store(true, Ordering::Release);
            // A broadcast that changes its programme has the same stream once more.
            let is_same = |other: &Stream| other.first.get().is_some_and(|first| first.0 == id);
            let before = streams.iter().take_while(|other| !Arc::ptr_eq(other, stream));
            let before = before.filter(|other| other.kind() == Some(kind) && !is_same(other));
            let from_ns = if is_empty { first_ns } else { stream.last_ns() };
            let (number, codec) = (before.count() + 1, codec(src));
            DeadStream { stream_id: id, kind, number, codec, from_ns }
        };
        (self.on_death)(dead);
        true
    }
}

impl Stream {
    fn is_of(&self, src: &gst::Pad) -> bool {
        self.src.upgrade().as_ref() == Some(src)
    }

    /// Time of the last frame; none before the first.
    fn last_ns(&self) -> Option<u64> {
        Some(self.last_ns.load(Ordering::Relaxed)).filter(|ns| *ns != NO_TIME)
    }

    /// The kind of the stream; none once its pad is gone.
    fn kind(&self) -> Option<StreamKind> {
        self.src.upgrade().as_ref().map(kind)
    }

    /// Ends what follows the pad; the `multiqueue` itself goes on.
    fn end(&self, src: &gst::Pad) {
        if let Some(sink) = src.peer()
            && !self.has_ended.swap(true, Ordering::AcqRel)
        {
            sink.send_event(gst::event::Eos::new());
        }
    }
}

/// Caps of the stream that flows from this pad of a `multiqueue`. Before its first buffer, they have reached
/// the other side only.
fn caps(src: &gst::Pad) -> Option<gst::Caps> {
    let sink = || src.iterate_internal_links().into_iter().flatten().next();
    src.current_caps().or_else(|| sink()?.current_caps())
}

fn kind(src: &gst::Pad) -> StreamKind {
    let caps = caps(src);
    let name = caps.as_ref().and_then(|caps| caps.structure(0)).map(|caps| caps.name().as_str());
    StreamKind::of_caps(name.unwrap_or_default())
}

fn codec(src: &gst::Pad) -> String {
    let caps = caps(src);
    let name =
        |caps: gst::Caps| gstreamer_pbutils::functions::pb_utils_get_codec_description(&caps);
    caps.map(|caps| name(caps).to_string()).unwrap_or_default()
}
