//! Free space: bodies are refused before the disk is full, so that deletes still work.

use std::io;
use std::path::PathBuf;

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::error::internal_error;

/// Bodies up to this size may use most of the reserve: claims and records, which a delete needs, too.
const SMALL_BYTES: u64 = 64 << 10;

/// Free space of the store's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Size of the disk in bytes.
    pub total_bytes: u64,
    /// Bytes that uploads leave free.
    pub reserve_bytes: u64,
}

/// The space that uploads leave free.
pub(super) struct Space {
    dir: PathBuf,
    reserve_bytes: u64,
}

impl Space {
    pub(super) fn new(dir: PathBuf, reserve_bytes: u64) -> Self {
        Self { dir, reserve_bytes }
    }

    /// Refuses a body of this length in bytes (0 if it is unknown) if too little space would be left.
    pub(super) fn check(&self, length: u64) -> S3Result<()> {
        let FreeSpace { free_bytes, reserve_bytes, .. } = self.free().map_err(internal_error)?;
        if fits(length, free_bytes, reserve_bytes) { Ok(()) } else { Err(full()) }
    }

    /// Asks the file system.
    pub(super) fn free(&self) -> io::Result<FreeSpace> {
        let file_system = rustix::fs::statvfs(&self.dir)?;
        let free_bytes = file_system.f_bavail.saturating_mul(file_system.f_frsize);
        let total_bytes = file_system.f_blocks.saturating_mul(file_system.f_frsize);
        Ok(FreeSpace { free_bytes, total_bytes, reserve_bytes: self.reserve_bytes })
    }
}

/// Whether a body fits into the free space and leaves its part of the reserve.
fn fits(length: u64, free_bytes: u64, reserve_bytes: u64) -> bool {
    let left_bytes = if length <= SMALL_BYTES { reserve_bytes / 4 } else { reserve_bytes };
    length.checked_add(left_bytes).is_some_and(|needed_bytes| free_bytes >= needed_bytes)
}

/// The answer to a body for which there is no space.
pub(super) fn full() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("InsufficientStorage".into()),
        "the disk is full",
    );
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bodies_may_use_most_of_the_reserve() {
        const MIB: u64 = 1 << 20;
        let table = [
            (100 * MIB, 356 * MIB, true),
            (100 * MIB, 355 * MIB, false),
            (1000, 65 * MIB, true),
            (1000, 64 * MIB, false),
            (u64::MAX, u64::MAX, false),
        ];
        for (length, free_bytes, expected) in table {
            assert_eq!(fits(length, free_bytes, 256 * MIB), expected, "{length} of {free_bytes}");
        }
    }
}
