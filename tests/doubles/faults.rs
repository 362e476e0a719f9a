//! Faults of real encoders, injected into the doubles. The file `fault` has one of
//!
//! - `open`: no session can be opened;
//! - `sessions K`: a process can open K sessions at a time;
//! - `frames N`: an error after N frames;
//! - `hang N`: no output after N frames;
//! - `crash N`: the process aborts after N frames;
//! - `garbage`: the output is no H.264;
//! - `no-idr N`: no IDR after N frames; 0 stands for 1;
//! - `needs CALL`: no session can be opened without this system call (see `calls`);
//! - `tries CALL`: it makes this system call and does without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::calls::Call;
use gstreamer as gst;
use gstreamer::prelude::*;

/// Encoders that are open in this process.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Open,
    Sessions(usize),
    Frames(usize),
    Hang(usize),
    Crash(usize),
    Garbage,
    NoIdr(usize),
    Needs(Call),
    Tries(Call),
}

fn fault() -> Fault {
    let text = crate::file("fault");
    let (name, number) = text.split_once(' ').unwrap_or((text.as_str(), "0"));
    match name {
        "needs" => return Fault::Needs(Call::named(number)),
        "tries" => return Fault::Tries(Call::named(number)),
        _ => {}
    }
    let number = number.parse().unwrap();
    match name {
        "open" => Fault::Open,
        "sessions" => Fault::Sessions(number),
        "frames" => Fault::Frames(number),
        "hang" => Fault::Hang(number),
        "crash" => Fault::Crash(number),
        "garbage" => Fault::Garbage,
        "no-idr" => Fault::NoIdr(number),
        other => {
            assert!(other.is_empty(), "there is no fault {other}");
            Fault::None
        }
    }
}

/// An open session, until it is dropped.
struct Session;

impl Drop for Session {
    fn drop(&mut self) {
        SESSIONS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the encoder `outer` fail. `inner` is the software encoder in it.
///
/// The pad probes run on the streaming thread of `inner`. `hang` blocks that thread for good.
pub(crate) fn inject(outer: &gst::Element, inner: &gst::Element) {
    let fault = fault();
    let (weak, taken) = (outer.downgrade(), AtomicUsize::new(0));
    let session = Arc::<std::sync::Mutex<Option<Session>>>::default();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    inner.static_pad("sink").unwrap().add_probe(mask, move |_, info| {
        let Some(outer) = weak.upgrade() else { return gst::PadProbeReturn::Drop };
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Caps => {
                let mut session = session.lock().unwrap();
                if session.is_none() {
                    let open = SESSIONS.fetch_add(1, Ordering::AcqRel) + 1;
                    *session = Some(Session);
                    let fails = match fault {
                        Fault::Open => true,
                        Fault::Sessions(most) => open > most,
                        Fault::Needs(call) => !call.works(),
                        Fault::Tries(call) => {
                            call.works();
                            false
                        }
                        _ => false,
                    };
                    if fails {
                        gst::element_error!(
                            outer,
                            gst::StreamError::Encode,
                            ["Failed to open session"]
                        );
                        return gst::PadProbeReturn::Drop;
                    }
                }
            }
            Some(gst::PadProbeData::Buffer(_)) => {
                let before = taken.fetch_add(1, Ordering::AcqRel);
                match fault {
                    Fault::Frames(most) if before == most => {
                        gst::element_error!(
                            outer,
                            gst::StreamError::Encode,
                            ["NvEncEncodePicture failed: device lost"]
                        );
                    }
                    Fault::Hang(most) if before >= most => loop {
                        std::thread::sleep(Duration::from_mins(1));
                    },
                    Fault::Crash(most) if before == most => std::process::abort(),
                    _ => {}
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    let made = AtomicUsize::new(0);
    inner.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let before = made.fetch_add(1, Ordering::AcqRel);
        if let Some(buffer) = info.buffer_mut() {
            let mut bytes = buffer.make_mut().map_writable().unwrap();
            match fault {
                Fault::Garbage => spoil(&mut bytes),
                Fault::NoIdr(most) if before > most => make_plain(&mut bytes),
                _ => {}
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Overwrites everything behind the first start code.
fn spoil(bytes: &mut [u8]) {
    for (at, byte) in bytes.iter_mut().enumerate().skip(5) {
        *byte = u8::try_from((at * 167 + 13) % 251).unwrap_or(0) | 1;
    }
}

/// Turns IDR slices into plain ones.
fn make_plain(bytes: &mut [u8]) {
    for at in 0..bytes.len().saturating_sub(3) {
        if bytes[at..at + 3] == [0, 0, 1] && bytes[at + 3] & 0x1F == 5 {
            bytes[at + 3] = (bytes[at + 3] & 0xE0) | 1;
        }
    }
}
