//! The bytes of a source, by ranges.
