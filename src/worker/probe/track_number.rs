//! Numbers of tracks in GStreamer's stream ids.

/// The number of a track of MP4, MXF or Matroska. Their stream ids end in it: `<hash>/001`, and `<hash>/001:<uid>`
/// for Matroska.
pub(super) fn of_stream_id(stream_id: &str) -> Option<u64> {
    let last = stream_id.rsplit('/').next()?;
    last.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_ends_the_id() {
        let table = [
            ("3f2a/001", Some(1)),
            ("3f2a/012:7733", Some(12)),
            ("3f2a/e0", None),
            ("3f2a/audio", None),
            ("", None),
        ];
        for (id, expected) in table {
            assert_eq!(of_stream_id(id), expected, "{id}");
        }
    }
}
