//! Files that hold secrets: they are read only if they are kept from other users.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Largest file that is read. Keys and tokens are far smaller.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a file to which only its owner and its group have access.
///
/// # Errors
/// If the file cannot be read or is no plain file, if it is larger than 1 MiB, or if others may read or write it.
/// The message has the path and the remedy, and nothing of the content.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let shown = path.display();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{shown}: {error}"));
    // Opened first, so that the checked file is the one that is read.
    let file = File::open(path).map_err(named)?;
    let metadata = file.metadata().map_err(named)?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("{shown}: this is no plain file")));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if !is_private(mode) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{shown}: other users have access to it (mode {mode:04o}): chmod 600 {shown}"),
        ));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(named)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "{shown}: the file is larger than {MAX_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

/// Whether a mode keeps a file from other users. The group may read: systemd shows access that it gives by ACL as
/// access of the group, and Debian has a group for the keys of servers.
fn is_private(mode: u32) -> bool {
    mode & 0o027 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "hush").unwrap();
        let table = [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o440, true),
            (0o644, false),
            (0o604, false),
            (0o660, false),
            (0o601, false),
            (0o666, false),
        ];
        for (mode, expected) in table {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            match read(&path) {
                Ok(bytes) => assert!(expected && bytes == b"hush", "{mode:o}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!expected && text.contains("chmod 600") && !text.contains("hush"));
                }
            }
        }
        assert!(read(dir.path()).unwrap_err().to_string().contains("no plain file"));
        let missing = read(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("/none: "), "{missing}");
    }
}
