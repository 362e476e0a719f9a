//! Uploads that have begun, so that the same command continues them.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::durable;

/// An upload that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Id of the video.
    pub(super) video_id: String,
    /// The requests that upload the file, as the appliance said; without the URLs of parts, which expire.
    pub(super) upload: Value,
}

/// The place of what is kept of one upload.
#[derive(Debug)]
pub(super) struct Place(Option<PathBuf>);

impl Place {
    /// The place for a file that goes to a server: a changed file has another one. Without a home directory,
    /// nothing is kept.
    pub(super) fn of(server: &str, file: &Path) -> std::io::Result<Self> {
        let (path, metadata) = (file.canonicalize()?, file.metadata()?);
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [server.as_bytes(), path.as_os_str().as_encoded_bytes()] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(metadata.len().to_le_bytes());
        hash.update(changed.as_nanos().to_le_bytes());
        let name = format!("{}.json", hex::encode(&hash.finalize()[..16]));
        Ok(Self(folder().map(|folder| folder.join(name))))
    }

    /// The upload that has begun, if there is one.
    pub(super) fn read(&self) -> Option<Begun> {
        serde_json::from_slice(&std::fs::read(self.0.as_ref()?).ok()?).ok()
    }

    /// Keeps an upload.
    pub(super) fn write(&self, begun: &Begun) -> std::io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        durable::replace(path, 0o600, &serde_json::to_vec(begun)?)
    }

    /// Forgets an upload that has ended.
    pub(super) fn clear(&self) {
        if let Some(path) = &self.0 {
            // There may be none.
            std::fs::remove_file(path).ok();
        }
    }
}

/// `ladderd/uploads` in the state directory of the user (XDG Base Directory Specification).
fn folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("ladderd/uploads"))
}
