//! One end for all renditions: playlists must cover the same range (Apple's authoring rule 8.3).
//!
//! Whichever stream ends first waits until the others have ended. The picture then stands still, or
//! silence goes on, until the last of them: nothing that was uploaded is cut off.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::plan::{AudioPlan, VideoPlan};

/// Where the streams of a job meet.
pub(super) struct Ends {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Streams that have not ended.
    open: usize,
    /// End of the longest so far, in nanoseconds of running time.
    longest_ns: u64,
    /// Where all end, once that is known.
    end_ns: Option<u64>,
}

impl Ends {
    /// For so many streams, one of which is the picture.
    pub(super) fn new(streams: usize) -> Self {
        let state = State { open: streams, longest_ns: 0, end_ns: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, end_ns: u64) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        state.longest_ns = state.longest_ns.max(end_ns);
        self.changed.notify_all();
        state
    }

    /// The picture ends here; waits for the others. It alone decides where all end, as whole
    /// pictures are longer than anything else.
    fn of_picture(&self, end_ns: u64, decide: impl FnOnce(u64) -> u64) -> u64 {
        let state = self.tell(end_ns);
        let waited = self.changed.wait_while(state, |state| state.open > 0);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let end_ns = decide(state.longest_ns);
        state.end_ns = Some(end_ns);
        self.changed.notify_all();
        end_ns
    }

    /// A sound ends here; waits until it is known where all end.
    fn of_sound(&self, end_ns: u64) -> u64 {
        let state = self.tell(end_ns);
        let waited = self.changed.wait_while(state, |state| state.end_ns.is_none());
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        state.end_ns.unwrap_or(end_ns)
    }
}

/// Runs `work` when the stream has ended, before the element behind this sink pad hears of it: its
/// source pad still takes buffers then. The stream's segment gets no end: an encoder would cut off
/// what comes behind the end that the container states.
pub(super) fn before_eos(sink: &gst::Pad, work: impl Fn() + Send + Sync + 'static) {
    sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        match info.event().map(|event| event.type_()) {
            Some(gst::EventType::Eos) => work(),
            Some(gst::EventType::Segment) => {
                if let Some(open) = info.event().and_then(without_stop) {
                    info.data = Some(gst::PadProbeData::Event(open));
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn without_stop(event: &gst::Event) -> Option<gst::Event> {
    let gst::EventView::Segment(segment) = event.view() else { return None };
    let mut open = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    open.set_stop(gst::ClockTime::NONE);
    Some(gst::event::Segment::builder(&open).seqnum(event.seqnum()).build())
}

/// The pictures that went by.
#[derive(Default)]
pub(super) struct Pictures(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// First time, as in its buffer and as running time.
    first: Option<(gst::ClockTime, u64)>,
    count: u64,
    last: Option<gst::Buffer>,
}

impl Pictures {
    /// Notes a picture.
    pub(super) fn take(&self, buffer: &gst::Buffer, running_time: gst::ClockTime) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pts) = buffer.pts() {
            seen.first.get_or_insert((pts, running_time.nseconds()));
        }
        seen.count += 1;
        seen.last = Some(buffer.clone());
    }

    /// The stream has ended: waits for the others, then repeats the last picture until all end.
    pub(super) fn end(&self, pad: &gst::Pad, plan: &VideoPlan, ends: &Ends) {
        let (first, count, last) = {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (seen.first, seen.count, seen.last.take())
        };
        let (Some((first_pts, begin_ns)), Some(last)) = (first, last) else {
            ends.of_picture(0, |longest_ns| longest_ns);
            return;
        };
        let mut wanted = count;
        ends.of_picture(begin_ns + plan.frame_time_ns(count), |longest_ns| {
            wanted = wanted.max(plan.frames_in_ns(longest_ns.saturating_sub(begin_ns)));
            begin_ns + plan.frame_time_ns(wanted)
        });
        for number in count..wanted {
            let mut again = last.copy();
            let at = plan.frame_time_ns(number);
            if let Some(buffer) = again.get_mut() {
                let until = plan.frame_time_ns(number + 1) - at;
                buffer.set_pts(first_pts + gst::ClockTime::from_nseconds(at));
                buffer.set_duration(gst::ClockTime::from_nseconds(until));
            }
            if pad.push(again).is_err() {
                // Whatever does not take pictures any more says why on the bus.
                return;
            }
        }
    }
}

/// The sound that went by.
#[derive(Default)]
pub(super) struct Sounds(Mutex<Option<(gst::ClockTime, u64)>>);

impl Sounds {
    /// Notes a buffer: where it ends, as its own time and as running time.
    pub(super) fn take(&self, buffer: &gst::BufferRef, running_time: gst::ClockTime) {
        let length = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        if let Some(pts) = buffer.pts() {
            let end = (pts + length, (running_time + length).nseconds());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        }
    }

    /// The stream has ended: waits for the others, then goes on in silence until all end.
    pub(super) fn end(&self, pad: &gst::Pad, plan: &AudioPlan, ends: &Ends) {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mut pts, told_ns)) = seen else {
            ends.of_sound(0);
            return;
        };
        let missing_ns = ends.of_sound(told_ns).saturating_sub(told_ns);
        let rate = u64::from(plan.sample_rate_hz);
        let time_of = |samples: u64| gst::ClockTime::from_nseconds(samples * 1_000_000_000 / rate);
        let mut samples = missing_ns * rate / 1_000_000_000;
        while samples > 0 {
            let part = samples.min(rate);
            let bytes = usize::try_from(part * u64::from(plan.channels) * 4).unwrap_or(0);
            let mut silence = gst::Buffer::from_mut_slice(vec![0_u8; bytes]);
            if let Some(buffer) = silence.get_mut() {
                buffer.set_pts(pts);
                buffer.set_duration(time_of(part));
            }
            if pad.push(silence).is_err() {
                return;
            }
            pts += time_of(part);
            samples -= part;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn all_end_where_the_picture_decides_once_the_last_has_ended() {
        let ends = Arc::new(Ends::new(3));
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
}
