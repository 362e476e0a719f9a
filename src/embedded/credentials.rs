//! The one pair of keys of the embedded store.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Name of the file in the data directory.
const FILE: &str = "credentials.json";

/// Access key and secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

/// Reads the credentials, or makes them where there are none. Only the owner may read the file.
///
/// # Errors
/// If the file cannot be read or written.
pub fn load_or_create(data_dir: &Path) -> std::io::Result<Credentials> {
    let path = data_dir.join(FILE);
    match std::fs::read(&path) {
        Ok(text) => return serde_json::from_slice(&text).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let credentials = Credentials {
        access_key_id: format!("LADDERD{}", hex::encode_upper(rand::random::<[u8; 6]>())),
        secret_access_key: hex::encode(rand::random::<[u8; 20]>()),
    };
    let unfinished = data_dir.join(format!("{FILE}.part"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&serde_json::to_vec_pretty(&credentials)?)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    File::open(data_dir)?.sync_all()?;
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn they_are_made_once_and_kept_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(dir.path()).unwrap();
        let again = load_or_create(dir.path()).unwrap();
        assert_eq!(first.secret_access_key, again.secret_access_key);
        assert!(first.secret_access_key.len() >= 40);
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
