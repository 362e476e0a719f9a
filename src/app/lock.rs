//! The lock of the data directory.

use std::fs::File;
use std::path::Path;

use anyhow::Context as _;

/// Creates the data directory and locks it against other processes until the file is dropped.
///
/// # Errors
/// If the directory cannot be written, or another process has the lock.
pub(crate) fn lock(data_dir: &Path) -> anyhow::Result<File> {
    private_files();
    let shown = data_dir.display();
    std::fs::create_dir_all(data_dir).with_context(|| {
        format!("failed to create {shown}; choose another folder with --data-dir")
    })?;
    let file = File::create(data_dir.join("lock")).with_context(|| {
        format!("failed to write to {shown}; choose another folder with --data-dir")
    })?;
    let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::flock(&file, exclusive).with_context(|| format!("another ladderd uses {shown}"))?;
    Ok(file)
}

/// Makes files and folders that this process creates accessible to its user alone: they hold uploads.
fn private_files() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}
