//! One file of the segments of a published stream, without encoding: a download.

use crate::domain::download::{self, Muxer, Place, Remux};
use crate::domain::failure_code::FailureCode;
use crate::worker::elements::range_source::Client;
use crate::worker::output::Output;
use crate::worker::protocol::Failure;

/// Largest segment in bytes: 6 s at the highest bitrate that settings allow are half of it.
const MAX_SEGMENT_BYTES: u64 = 256 << 20;
/// Bytes of a piece of the file.
const PIECE_BYTES: usize = 1 << 20;

/// Reasons why a file cannot be made.
enum Fault {
    Stream(download::Error),
    Read(String),
}

impl From<download::Error> for Fault {
    fn from(error: download::Error) -> Self {
        Self::Stream(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Stream(error) => Self::new(FailureCode::SourceDamaged, error.to_string()),
            Fault::Read(reason) => Self::new(FailureCode::SourceRead, reason),
        }
    }
}

/// Sends the file in pieces.
///
/// # Errors
/// If a segment cannot be read, or is damaged.
pub(super) fn make(client: &Client, remux: &Remux, output: &Output) -> Result<(), Failure> {
    let read = |place| read(client, place);
    let write = |bytes: &[u8]| bytes.chunks(PIECE_BYTES).for_each(|piece| output.data(0, 0, piece));
    let muxer = Muxer::new(remux, read)?;
    write(&muxer.head());
    muxer.write(read, write)?;
    output.done(0);
    Ok(())
}

fn read(client: &Client, place: Place) -> Result<Vec<u8>, Fault> {
    let len = usize::try_from(place.len.min(MAX_SEGMENT_BYTES)).unwrap_or(0);
    let mut bytes = vec![0; len];
    let filled = client.read(place.offset, &mut bytes).map_err(|e| Fault::Read(e.to_string()))?;
    bytes.truncate(filled);
    Ok(bytes)
}
