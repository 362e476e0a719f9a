//! Counts the tracks that demuxers find, and hides those beyond the limit from the bin that decodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::limits::{Error, Limits};
use crate::worker::protocol::Failure;

/// The tracks of a source as its demuxers find them. Each track that a bin decodes costs it threads, so
/// a small file with thousands of tracks would use up the worker's memory before its tracks could be
/// counted in the result.
#[derive(Clone)]
pub(super) struct TrackLimit {
    limit: u32,
    /// Most tracks that a demuxer had at a time.
    most: Arc<AtomicU32>,
}

impl TrackLimit {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limit: limits.tracks, most: Arc::default() }
    }

    /// Watches all demuxers that this bin adds from now on.
    pub(super) fn watch(&self, decode: &gst::Bin) {
        let tracks = self.clone();
        // Runs on the thread that adds the element, before `decode` connects to the element's signals.
        decode.connect_deep_element_added(move |_, _, element| {
            let is_demuxer = |factory: gst::ElementFactory| {
                factory.metadata("klass").is_some_and(|klass| klass.contains("Demux"))
            };
            if element.factory().is_some_and(is_demuxer) {
                tracks.watch_demuxer(element);
            }
        });
    }

    fn watch_demuxer(&self, demuxer: &gst::Element) {
        let tracks = self.clone();
        // Runs on the demuxer's streaming thread, before the handler that decodes the pad. A demuxer removes
        // the pads of an earlier chain or program, so only pads that are there at once are counted.
        demuxer.connect_pad_added(move |demuxer, _| {
            let now = u32::from(demuxer.num_src_pads());
            tracks.most.fetch_max(now, Ordering::AcqRel);
            if now > tracks.limit {
                demuxer.stop_signal_emission_by_name("pad-added");
            }
        });
    }

    /// Checks what was counted.
    ///
    /// # Errors
    /// If a demuxer had more tracks than are allowed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (found, limit) = (self.most.load(Ordering::Acquire), self.limit);
        if found > limit {
            return Err(Failure::of(&Error::TooManyTracks { found: found.into(), limit }));
        }
        Ok(())
    }
}
