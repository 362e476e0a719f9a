//! Arithmetic on the samples of pictures: no I/O, no clock, no framework.
//!
//! A crate of its own, because it is the one part of the project that no build can do without
//! optimisation: a second of 1080p would take a minute.

#![allow(
    clippy::inline_always,
    clippy::needless_pass_by_value,
    reason = "loops are vectors only in the function that knows of AVX2"
)]

pub mod alpha;
pub mod fit;
pub mod scale;

/// A plane that is read, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The rows.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl<'a> Source<'a> {
    /// A row and all behind it; nothing where there is none.
    #[must_use]
    pub fn row(&self, number: usize) -> &'a [u8] {
        self.bytes.get(number * self.stride..).unwrap_or_default()
    }

    /// The plane without its first rows.
    #[must_use]
    pub fn below(self, rows: usize) -> Self {
        Self { bytes: self.row(rows), ..self }
    }
}

/// A plane, or a band of its rows, that is written.
#[derive(Debug)]
pub struct Target<'a> {
    /// The rows.
    pub bytes: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}
