//! Demultiplexes segments of all formats.

use super::fmp4::{Fragments, InitError};
use super::packed_audio;
use super::segment::{Segment, is_fragmented};
use super::transport::{self, Continuity, is_transport};

/// Reads the segments of one playlist in order.
#[derive(Default)]
pub(super) struct Reader {
    transport: Continuity,
    fragments: Option<Fragments>,
}

impl Reader {
    /// Sets the initialization section (`EXT-X-MAP`) of all segments from here on.
    pub(super) fn set_init(&mut self, section: &[u8]) -> Result<(), InitError> {
        if is_transport(section) {
            self.transport.set_init(section);
            return Ok(());
        }
        self.fragments = Some(Fragments::new(section)?);
        Ok(())
    }

    /// Expects counters and times that do not continue those before: at `EXT-X-DISCONTINUITY`, and behind a
    /// segment that is not there.
    pub(super) fn reset(&mut self) {
        self.transport.reset();
        if let Some(fragments) = &mut self.fragments {
            fragments.reset();
        }
    }

    /// Reads the next segment. Its faults include times that do not continue the segment before.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        if is_fragmented(bytes) {
            return self.read_fragments(bytes);
        }
        if !is_transport(bytes) && packed_audio::is_packed(bytes) {
            return packed_audio::read(bytes);
        }
        transport::read(bytes, &mut self.transport)
    }

    fn read_fragments(&mut self, bytes: &[u8]) -> Segment {
        if let Some(fragments) = &mut self.fragments {
            return fragments.read(bytes);
        }
        // A file of its own may begin with an initialization section.
        let mut segment = match Fragments::new(bytes) {
            Ok(mut fragments) => fragments.read(bytes),
            Err(_) => Segment::default(),
        };
        segment.fault("8.20", "the segment is fragmented MP4 and has no EXT-X-MAP");
        segment
    }
}

/// Reads a byte range of a segment alone, behind its initialization section.
pub(super) fn read_alone(init: &[u8], range: &[u8]) -> Segment {
    if !is_fragmented(range) {
        return transport::read(&[init, range].concat(), &mut Continuity::default());
    }
    match Fragments::new(init) {
        Ok(mut fragments) => fragments.read_beginning(range),
        Err(error) => {
            let mut segment = Segment::default();
            segment.fault("8.20", error.to_string());
            segment
        }
    }
}
