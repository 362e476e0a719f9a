//! Who this box is to the others.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::domain::claim::Claimant;

/// Id of this start of the machine (proc(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// This box as claims name it. Its name is created at the first start.
///
/// # Errors
/// If the data directory cannot be read or written.
pub(super) fn claimant(data_dir: &Path) -> anyhow::Result<Claimant> {
    let path = data_dir.join("box-id");
    let shown = path.display();
    let box_id = match std::fs::read_to_string(&path) {
        Ok(known) if !known.trim().is_empty() => known.trim().to_owned(),
        _ => {
            let made = hex::encode(rand::random::<[u8; 8]>());
            std::fs::write(&path, &made).with_context(|| format!("failed to write {shown}"))?;
            made
        }
    };
    let file = std::fs::metadata(&path).with_context(|| format!("failed to read {shown}"))?;
    // Unknown where /proc is hidden: two copies on one machine are still told apart by their files.
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    let instance = format!("{}/{}/{}", boot.trim(), file.dev(), file.ino());
    let instance = hex::encode(&Sha256::digest(instance)[..8]);
    Ok(Claimant { box_id, instance })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_the_same_box_and_a_copy_is_another() {
        let [first, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let claimant_of = |dir: &tempfile::TempDir| claimant(dir.path()).unwrap();
        let known = claimant_of(&first);
        assert_eq!(claimant_of(&first), known);
        std::fs::copy(first.path().join("box-id"), copy.path().join("box-id")).unwrap();
        let copied = claimant_of(&copy);
        assert_eq!(copied.box_id, known.box_id);
        assert_ne!(copied.instance, known.instance);
    }
}
