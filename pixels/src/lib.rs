//! Arithmetic on the samples of video frames: scaling, fitting, alpha, colour matrices, tone mapping,
//! poster scores.
//! No I/O, no clock, no framework; tables and sizes arrive as arguments.
//!
//! The crate stands apart so that Cargo optimises it even in debug builds (`profile.dev.package` in
//! the root's `Cargo.toml`): without optimisation, one second of 1080p takes a minute.

#![allow(
    clippy::inline_always,
    clippy::needless_pass_by_value,
    reason = "the compiler emits AVX2 only for code inlined into a function with that target feature"
)]

pub mod alpha;
pub mod colour;
pub mod fit;
pub mod poster;
pub mod scale;
pub mod tone_map;

/// A read-only plane of samples, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// All rows with their padding.
    pub bytes: &'a [u8],
    /// Bytes from the start of one row to the start of the next.
    pub stride: usize,
}

impl<'a> Plane<'a> {
    /// The bytes from the start of row `number` to the end of the plane; empty below the last row.
    #[must_use]
    pub fn row(&self, number: usize) -> &'a [u8] {
        self.bytes.get(number * self.stride..).unwrap_or_default()
    }

    /// The plane without its first `rows` rows.
    #[must_use]
    pub fn skip_rows(self, rows: usize) -> Self {
        Self { bytes: self.row(rows), ..self }
    }
}

/// A writable plane, or a band of its rows.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// All rows with their padding.
    pub bytes: &'a mut [u8],
    /// Bytes from the start of one row to the start of the next.
    pub stride: usize,
}
