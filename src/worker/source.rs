//! The source of a job, as its worker reads it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::edits::Edits;
use crate::worker::elements::range_source::{Client, is_transport_stream};
use crate::worker::probe::mp4::{self, edits};

/// The source, and the edits that are applied to its tracks here instead of by the demuxer.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Reads its bytes.
    pub(crate) client: Client,
    /// The edits of its tracks; most formats have none.
    pub(crate) edits: Arc<Edits>,
}

impl Source {
    /// Reads the edits.
    pub(crate) fn open(client: Client) -> Self {
        let edits = edits::take(&client);
        // Demuxers of these formats let each track begin at 0, or all at a time that none has.
        let has_lone_tracks = || {
            mp4::is_fragmented(&client) || is_transport_stream(&client) || has_lone_tracks(&client)
        };
        let edits = if edits.is_empty() && has_lone_tracks() { Edits::none() } else { edits };
        Self { client, edits: Arc::new(edits) }
    }

    /// Sets the begin of the timeline to that of the first frame, by the measured times of each stream.
    pub(crate) fn start_with(&mut self, firsts: &HashMap<String, u64>) {
        self.edits = Arc::new(Edits::clone(&self.edits).starting_with(firsts));
    }
}

/// Whether this is Flash Video (a signature and version 1; Adobe Flash Video File Format, E.2) or an MPEG
/// programme stream (a pack header; ISO 13818-1, 2.5.3.3).
fn has_lone_tracks(client: &Client) -> bool {
    let mut head = [0; 4];
    client.read(0, &mut head).is_ok() && matches!(&head, b"FLV\x01" | [0, 0, 1, 0xba])
}
