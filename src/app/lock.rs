//! The lock of the data directory.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
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
    warn_if_open(data_dir)?;
    let file = File::create(data_dir.join("lock")).with_context(|| {
        format!("failed to write to {shown}; choose another folder with --data-dir")
    })?;
    let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::flock(&file, exclusive).with_context(|| format!("another ladderd uses {shown}"))?;
    Ok(file)
}

/// Warns if other users can list the data directory. Its files are closed to them all the same.
fn warn_if_open(data_dir: &Path) -> std::io::Result<()> {
    let mode = std::fs::metadata(data_dir)?.permissions().mode() & 0o777;
    if mode & 0o700 != mode {
        let (data_dir, mode) = (data_dir.display(), format!("{mode:04o}"));
        tracing::warn!(%data_dir, mode, "other users can look into the data directory: chmod 700");
    }
    Ok(())
}

/// Makes files and folders that this process creates accessible to its user alone: they hold uploads.
pub(crate) fn private_files() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}
