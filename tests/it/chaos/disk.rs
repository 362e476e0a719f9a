//! A small disk for the data of one daemon, which can become full and read-only. `make chaos` runs in a
//! mount namespace of its own, which takes the mounts along when it ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Room for 500 videos of two seconds with their sources.
const SIZE: &str = "size=2g";

/// The disk. It is unmounted when this is dropped.
pub struct Disk {
    path: PathBuf,
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

impl Disk {
    /// Mounts a disk on this folder. Needs the right to mount.
    pub fn mount(folder: &Path) -> Self {
        let disk = Self { path: folder.to_owned() };
        disk.run("mount", &["-t", "tmpfs", "-o", SIZE, "chaos"]);
        disk
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = Command::new(program).args(arguments).arg(&self.path).status().unwrap();
        assert!(status.success(), "{program} {arguments:?} fails: this needs CAP_SYS_ADMIN");
    }

    fn unmount(&self) {
        self.run("umount", &["-l"]);
    }

    /// Makes the disk read-only: files that the daemon opens from now on cannot be written, nor can
    /// folders. Those that it has open stay as they are, because the kernel refuses otherwise.
    pub fn set_read_only(&self) {
        let path = self.path.display().to_string();
        self.run("mount", &["--bind", &path]);
        self.run("mount", &["-o", "remount,bind,ro"]);
    }

    /// Ends this.
    pub fn set_writable(&self) {
        self.unmount();
    }

    /// Takes all free space. Returns the file that has it, which the caller removes.
    pub fn fill(&self) -> PathBuf {
        let path = self.path.join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        let block = vec![0; 1 << 20];
        while file.write_all(&block).is_ok() {}
        // The last page.
        while file.write_all(&block[..512]).is_ok() {}
        path
    }
}
