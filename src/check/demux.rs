//! Demultiplexes segments of either format.

use super::fmp4::{Fragments, InitError};
use super::segment::{Segment, is_fragmented};
use super::transport::{self, Continuity};

/// Reads the segments of one playlist in order.
#[derive(Default)]
pub(super) struct Reader {
    transport: Continuity,
    fragments: Option<Fragments>,
}

impl Reader {
    /// Sets the initialization section (`EXT-X-MAP`) of all segments from here on.
    pub(super) fn set_init(&mut self, section: &[u8]) -> Result<(), InitError> {
        self.fragments = Some(Fragments::new(section)?);
        Ok(())
    }

    /// Reads the next segment. Its faults include times that do not continue the segment before.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Segment {
        if !is_fragmented(bytes) {
            return transport::read(bytes, &mut self.transport);
        }
        if let Some(fragments) = &mut self.fragments {
            return fragments.read(bytes);
        }
        let mut segment = Segment::default();
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
