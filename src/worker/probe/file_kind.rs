//! Tells what a file is that is no video.

use crate::domain::failure_code::FailureCode;
use crate::domain::file_kind::{FileKind, HEAD_BYTES};
use crate::worker::elements::range_source::Client;
use crate::worker::protocol::Failure;

/// The failure of a source that nothing could be played of, with the kind of the file in place of what
/// GStreamer made of it. Other failures stay as they are.
pub(crate) fn explain(client: &Client, failure: Failure) -> Failure {
    let is_unplayable = matches!(
        failure.code,
        FailureCode::NotMedia
            | FailureCode::NoVideo
            | FailureCode::Undecodable
            | FailureCode::SourceDamaged
    );
    if !is_unplayable {
        return failure;
    }
    let mut head = vec![0; HEAD_BYTES];
    // A source that cannot be read any more has its failure already.
    let read = client.read(0, &mut head).unwrap_or(0);
    head.truncate(read);
    match FileKind::of(&head) {
        Some(kind) => Failure { code: kind.code(), message: kind.message(), ..failure },
        None => failure,
    }
}
