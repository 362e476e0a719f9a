//! One end for all renditions: playlists must cover the same range (Apple's authoring rule 8.3).
//!
//! Whichever stream ends first waits until the others have ended. The picture then stands still, or
//! silence goes on, until the last of them: nothing that was uploaded is cut off.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::domain::plan::{AudioPlan, VideoPlan};
use crate::worker::timeline::segmenter::segment;

/// Where the streams of a job meet.
pub(crate) struct Ends {
    state: Mutex<State>,
    changed: Condvar,
    /// Where the container says that the picture ends, in nanoseconds of running time.
    stated_ns: AtomicU64,
}

struct State {
    /// Whether one of them is the picture.
    has_picture: bool,
    /// Streams that have not ended.
    open: usize,
    /// End of the longest so far, in nanoseconds of running time.
    longest_ns: u64,
    /// Where all end, once that is known.
    end_ns: Option<u64>,
}

impl Ends {
    /// For a picture, where there is one, and so many sounds.
    pub(crate) fn new(has_picture: bool, sounds: usize) -> Self {
        let open = sounds + usize::from(has_picture);
        let state = State { has_picture, open, longest_ns: 0, end_ns: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), stated_ns: AtomicU64::new(0) }
    }

    /// Follows for how long the container says that the pictures of this stream stand.
    ///
    /// `videorate` repeats a last picture for a second at most, and a still end of a screen's
    /// recording is longer than that. Parsers drop what the container says, so that it is read
    /// behind the demuxer.
    pub(crate) fn follow_stated(self: &Arc<Self>, decode: &gst::Element, stream_id: &str) {
        let Some(bin) = decode.downcast_ref::<gst::Bin>() else { return };
        let (stream_id, ends) = (stream_id.to_owned(), Arc::downgrade(self));
        let follow = move |_: &gst::Element, pad: &gst::Pad| {
            let (stream_id, ends) = (stream_id.clone(), ends.clone());
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let is_ours = pad.stream_id().is_some_and(|id| id == stream_id);
                let Some(ends) = ends.upgrade().filter(|_| is_ours) else {
                    return gst::PadProbeReturn::Remove;
                };
                if let Some(end) = info.buffer().and_then(|buffer| stated_end(pad, buffer)) {
                    ends.stated_ns.fetch_max(end.nseconds(), Ordering::Relaxed);
                }
                gst::PadProbeReturn::Ok
            });
        };
        bin.connect_deep_element_added(move |_, _, element| {
            let factory = element.factory();
            let klass = factory.as_ref().and_then(|factory| factory.metadata("klass"));
            if klass.is_some_and(|klass| klass.contains("Demux")) {
                element.connect_pad_added(follow.clone());
            }
        });
    }

    fn tell(&self, end_ns: u64) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        state.longest_ns = state.longest_ns.max(end_ns);
        self.changed.notify_all();
        state
    }

    /// The picture ends here; waits for the others. It alone decides where all end, as whole
    /// pictures are longer than anything else.
    fn of_picture(&self, end_ns: u64, decide: impl FnOnce(u64) -> u64) -> u64 {
        let mut state = self.tell(end_ns);
        self.changed.wait_while(&mut state, |state| state.open > 0);
        let end_ns = decide(state.longest_ns);
        state.end_ns = Some(end_ns);
        self.changed.notify_all();
        end_ns
    }

    /// A sound ends here; waits until it is known where all end: without a picture, where the longest
    /// of them does.
    fn of_sound(&self, end_ns: u64) -> u64 {
        let mut state = self.tell(end_ns);
        if !state.has_picture && state.open == 0 {
            state.end_ns = Some(state.longest_ns);
        }
        self.changed.wait_while(&mut state, |state| state.end_ns.is_none());
        state.end_ns.unwrap_or(end_ns)
    }
}

/// Brings a stream onto the one timeline of the job: its buffers get their running time as their
/// time, whatever segments its container made of it (edit lists do), and the segment has no end: an
/// encoder would cut off what comes behind the end that the container states.
///
/// Of a buffer, `least_ns` must lie within the segment, the first buffer excepted: containers round
/// the end that they state, and `videorate` fills up to it with one picture too many.
///
/// `snap` says where the stream may begin: the picture begins a whole number of pictures after 0, and
/// all that follows moves with it.
///
/// Runs `at_end` when the stream has ended, before the element behind this sink pad hears of it: its
/// source pad still takes buffers then.
pub(crate) fn on_timeline(
    sink: &gst::Pad,
    least_ns: u64,
    snap: impl Fn(u64) -> u64 + Send + Sync + 'static,
    at_end: impl Fn() + Send + Sync + 'static,
) {
    let begun = Mutex::new(None::<(u64, u64)>);
    let segment = Mutex::new(None::<gst::FormattedSegment<gst::ClockTime>>);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
    sink.add_probe(mask, move |_, info| {
        let mut segment = segment.lock();
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let time = buffer.pts().zip(segment.as_ref());
                let time = time.and_then(|(pts, segment)| segment.to_running_time(pts));
                // What lies outside of its segment is not shown.
                let Some(time) = time else { return gst::PadProbeReturn::Drop };
                let stop = segment.as_ref().and_then(gst::FormattedSegment::stop);
                let left = stop.zip(buffer.pts()).map(|(stop, pts)| stop.saturating_sub(pts));
                let mut begun = begun.lock();
                if begun.is_some() && left.is_some_and(|left| left.nseconds() < least_ns) {
                    return gst::PadProbeReturn::Drop;
                }
                let first = || (time.nseconds(), snap(time.nseconds()));
                let (from_ns, to_ns) = *begun.get_or_insert_with(first);
                let time_ns = (time.nseconds() + to_ns).saturating_sub(from_ns);
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::from_nseconds(time_ns));
                buffer.set_dts(gst::ClockTime::NONE);
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Eos(_) => {
                    drop(segment);
                    at_end();
                }
                gst::EventView::Segment(given) => {
                    let given = given.segment().downcast_ref::<gst::ClockTime>().cloned();
                    if std::mem::replace(&mut *segment, given).is_some() {
                        return gst::PadProbeReturn::Drop;
                    }
                    let plain = gst::FormattedSegment::<gst::ClockTime>::new();
                    let seqnum = event.seqnum();
                    *event = gst::event::Segment::builder(&plain).seqnum(seqnum).build();
                }
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The running time at which this buffer is said to end, within its segment.
fn stated_end(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = segment(pad)?;
    let end = segment.stop()?.min(buffer.pts()? + buffer.duration()?);
    segment.to_running_time(end)
}

/// Shows a picture again at these places of the grid. Whatever does not take pictures any more says
/// why on the bus.
fn repeat(pad: &gst::Pad, picture: &gst::Buffer, numbers: Range<u64>, plan: &VideoPlan) {
    for number in numbers {
        let mut again = picture.copy();
        let at = plan.frame_time_ns(number);
        if let Some(buffer) = again.get_mut() {
            let until = plan.frame_time_ns(number + 1) - at;
            buffer.set_pts(gst::ClockTime::from_nseconds(at));
            buffer.set_duration(gst::ClockTime::from_nseconds(until));
        }
        if pad.push(again).is_err() {
            return;
        }
    }
}

/// The pictures that went by.
#[derive(Default)]
pub(crate) struct Pictures(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    count: u64,
    last: Option<gst::Buffer>,
}

impl Pictures {
    /// Takes a picture that is about to go on and gives it the next place of the grid, which it is
    /// returned with. Where its time is behind that place, the one before it (the first: itself) is
    /// shown meanwhile; a picture from before it has no place any more.
    ///
    /// `videorate` keeps to a grid of its own, until its input begins a segment anew: GStreamer 1.22
    /// then repeats what was there already, 1.26 goes on at the new time and leaves a hole.
    pub(crate) fn take(
        &self,
        pad: &gst::Pad,
        picture: &mut gst::Buffer,
        plan: &VideoPlan,
    ) -> Option<(u64, gst::ClockTime)> {
        let time_ns = picture.pts()?.nseconds();
        let frame_ns = plan.frame_time_ns(1);
        let (next, last) = {
            let seen = self.0.lock();
            (seen.count, seen.last.clone())
        };
        let next_ns = plan.frame_time_ns(next);
        if time_ns + frame_ns / 2 < next_ns {
            return None;
        }
        // More than half a picture: what lies between two places goes to the same one each time.
        if time_ns > next_ns + frame_ns * 3 / 5 {
            let missing = next..plan.frames_in_ns(time_ns);
            repeat(pad, last.as_ref().unwrap_or(picture), missing, plan);
        }
        let mut seen = self.0.lock();
        let number = seen.count;
        let at = gst::ClockTime::from_nseconds(plan.frame_time_ns(number));
        picture.make_mut().set_pts(at);
        seen.count += 1;
        seen.last = Some(picture.clone());
        Some((number, at))
    }

    /// The stream has ended, at the earliest where it is said to: waits for the others, then repeats
    /// the last picture until all end.
    pub(crate) fn end(&self, pad: &gst::Pad, plan: &VideoPlan, ends: &Ends) {
        let (count, last) = {
            let mut seen = self.0.lock();
            (seen.count, seen.last.take())
        };
        let Some(last) = last else {
            ends.of_picture(0, |longest_ns| longest_ns);
            return;
        };
        let mut wanted = count;
        // Less is how `videorate` rounds.
        let stated_ns = ends.stated_ns.load(Ordering::Relaxed);
        if stated_ns > plan.frame_time_ns(count + 2) {
            wanted = plan.frames_in_ns(stated_ns);
        }
        ends.of_picture(plan.frame_time_ns(wanted), |longest_ns| {
            wanted = wanted.max(plan.frames_in_ns(longest_ns));
            plan.frame_time_ns(wanted)
        });
        repeat(pad, &last, count..wanted, plan);
    }
}

/// Sound that is held back: what may be behind the end that all share. That is half a picture at
/// most, and a picture lasts a second at most; usual ones 40 ms.
const HELD_BACK: gst::ClockTime = gst::ClockTime::from_mseconds(600);

/// The sound that goes by, a little late: its end can be cut off.
pub(crate) struct Sounds {
    held: Mutex<Held>,
    plan: AudioPlan,
    /// What is pushed from here goes through.
    passing: AtomicBool,
}

#[derive(Default)]
struct Held {
    begun: bool,
    buffers: VecDeque<gst::Buffer>,
    /// End of the last one.
    end: gst::ClockTime,
}

impl Sounds {
    /// For a stream of this plan.
    pub(crate) fn new(plan: &AudioPlan) -> Self {
        Self { held: Mutex::default(), plan: plan.clone(), passing: AtomicBool::new(false) }
    }

    /// Takes a buffer that is about to go on, whose time is that of the job. Where the sound begins
    /// late, silence goes before it.
    pub(crate) fn take(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> gst::PadProbeReturn {
        let Some(pts) = buffer.pts().filter(|_| !self.passing.load(Ordering::Acquire)) else {
            return gst::PadProbeReturn::Ok;
        };
        let (first, ready) = {
            let mut held = self.held.lock();
            held.buffers.push_back(buffer.clone());
            held.end = pts + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
            let mut ready = Vec::new();
            while held.buffers.front().and_then(|b| b.pts()).is_some_and(|p| p + HELD_BACK < pts) {
                ready.extend(held.buffers.pop_front());
            }
            (!std::mem::replace(&mut held.begun, true), ready)
        };
        self.passing.store(true, Ordering::Release);
        if first {
            push_silence(pad, gst::ClockTime::ZERO, pts.nseconds(), &self.plan);
        }
        let pushed = ready.into_iter().try_for_each(|buffer| pad.push(buffer).map(drop));
        self.passing.store(false, Ordering::Release);
        // Whatever does not take sound any more says why on the bus; and nobody waits for more.
        if pushed.is_err() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
    }

    /// The stream has ended: waits for the others, then goes on in silence until all end, or ends
    /// with them.
    pub(crate) fn end(&self, pad: &gst::Pad, ends: &Ends) {
        let held = std::mem::take(&mut *self.held.lock());
        if !held.begun {
            ends.of_sound(0);
            return;
        }
        let end_ns = ends.of_sound(held.end.nseconds());
        self.passing.store(true, Ordering::Release);
        for buffer in held.buffers {
            let Some(buffer) = self.until(buffer, end_ns) else { continue };
            if pad.push(buffer).is_err() {
                return;
            }
        }
        push_silence(pad, held.end, end_ns.saturating_sub(held.end.nseconds()), &self.plan);
    }

    /// The part of a buffer that lies before this time.
    fn until(&self, buffer: gst::Buffer, end_ns: u64) -> Option<gst::Buffer> {
        let (pts, length) = (buffer.pts()?, buffer.duration()?);
        if (pts + length).nseconds() <= end_ns {
            return Some(buffer);
        }
        let rate = u64::from(self.plan.sample_rate_hz);
        let samples = end_ns.saturating_sub(pts.nseconds()) * rate / 1_000_000_000;
        let bytes = usize::try_from(samples * bytes_per_sample(&self.plan)).unwrap_or(0);
        let mut part = buffer.copy_region(gst::BufferCopyFlags::all(), 0..bytes).ok()?;
        part.get_mut()?.set_duration(gst::ClockTime::from_nseconds(samples * 1_000_000_000 / rate));
        (bytes > 0).then_some(part)
    }
}

/// Bytes of a sample of all channels: the caps before the encoder say 32 bits each.
fn bytes_per_sample(plan: &AudioPlan) -> u64 {
    u64::from(plan.channels) * 4
}

/// Pushes silence of this length, a second at a time.
fn push_silence(pad: &gst::Pad, mut pts: gst::ClockTime, length_ns: u64, plan: &AudioPlan) {
    let rate = u64::from(plan.sample_rate_hz);
    let time_of = |samples: u64| gst::ClockTime::from_nseconds(samples * 1_000_000_000 / rate);
    let mut samples = length_ns * rate / 1_000_000_000;
    while samples > 0 {
        let part = samples.min(rate);
        let bytes = usize::try_from(part * bytes_per_sample(plan)).unwrap_or(0);
        let mut silence = gst::Buffer::from_mut_slice(vec![0_u8; bytes]);
        if let Some(buffer) = silence.get_mut() {
            buffer.set_pts(pts);
            buffer.set_duration(time_of(part));
        }
        // Whatever does not take sound any more says why on the bus.
        if pad.push(silence).is_err() {
            return;
        }
        pts += time_of(part);
        samples -= part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_end_where_the_picture_decides_once_the_last_has_ended() {
        let ends = Arc::new(Ends::new(true, 2));
        let sounds: Vec<_> = [70, 50]
            .map(|end_ns| {
                let ends = Arc::clone(&ends);
                std::thread::spawn(move || ends.of_sound(end_ns))
            })
            .into_iter()
            .collect();
        assert_eq!(ends.of_picture(60, |longest_ns| longest_ns + 5), 75);
        for sound in sounds {
            assert_eq!(sound.join().unwrap(), 75);
        }
    }

    #[test]
    fn sounds_alone_end_with_the_longest() {
        let ends = Arc::new(Ends::new(false, 2));
        let first = Arc::clone(&ends);
        let first = std::thread::spawn(move || first.of_sound(50));
        assert_eq!(ends.of_sound(70), 70);
        assert_eq!(first.join().unwrap(), 70);
    }
}
