//! The root key of the embedded store. Its holder may do everything.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{durable, private_file};

/// Name of the file in the data directory.
pub(super) const FILE: &str = "credentials.json";

/// An access key with its secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Id of the access key: `LADDERD` and 12 hex digits.
    pub access_key_id: String,
    /// Secret: 40 hex digits.
    pub secret_access_key: String,
}

/// Reads `credentials.json` in the data directory, or creates it with random values. Only its owner
/// may read the file (mode 0600).
///
/// # Errors
/// If the file cannot be read, parsed or written.
pub fn load_or_create(data_dir: &Path) -> std::io::Result<Credentials> {
    let path = data_dir.join(FILE);
    match private_file::read(&path) {
        Ok(text) => return serde_json::from_slice(&text).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let credentials = Credentials {
        access_key_id: format!("LADDERD{}", hex::encode_upper(rand::random::<[u8; 6]>())),
        secret_access_key: hex::encode(rand::random::<[u8; 20]>()),
    };
    durable::replace(&path, 0o600, &serde_json::to_vec_pretty(&credentials)?)?;
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = load_or_create(dir.path()).err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn they_are_created_once_and_only_their_owner_may_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(dir.path()).unwrap();
        let again = load_or_create(dir.path()).unwrap();
        assert_eq!(first.secret_access_key, again.secret_access_key);
        assert!(first.secret_access_key.len() >= 40);
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
