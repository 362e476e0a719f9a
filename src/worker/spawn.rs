//! The one way to start a child process of ours: worker, trial and sandbox probe.
//!
//! Each child loads code that we do not control (decoders, vendors' drivers), so it gets a named list
//! of environment variables and no other, leads a process group of its own, and is killed with that
//! group when its handle is dropped.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};
use tokio::process::Child;

use crate::domain::gpu::DEVICE_ORDER;

/// The environment variables that a child inherits: where libraries, plugins, drivers and caches are.
/// None of them holds a secret. `GST_DEBUG` is not among them: `log.gstreamer` sets it.
pub const INHERITED: [&str; 32] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "RUST_BACKTRACE",
    // GStreamer: plugins, their registry, their ranks.
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_PATH_1_0",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_PLUGIN_SYSTEM_PATH_1_0",
    "GST_PLUGIN_SCANNER",
    "GST_PLUGIN_SCANNER_1_0",
    "GST_PLUGIN_FEATURE_RANK",
    "GST_REGISTRY",
    "GST_REGISTRY_1_0",
    // VA-API.
    "GST_VA_ALL_DRIVERS",
    "GST_VAAPI_ALL_DRIVERS",
    "GST_VAAPI_DRM_DEVICE",
    "LIBVA_DRIVER_NAME",
    "LIBVA_DRIVERS_PATH",
    // oneVPL.
    "ONEVPL_SEARCH_PATH",
    "ONEVPL_PRIORITY_PATH",
    // CUDA and NVIDIA's container runtime.
    "CUDA_PATH",
    "GST_CUDA_NVRTC_LIBNAME",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_CACHE_PATH",
    "CUDA_MODULE_LOADING",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
];

/// This program, as its children are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    gst_debug: String,
}

impl Program {
    /// The program at `path`. `gst_debug` becomes `GST_DEBUG` of every child, unless it is empty.
    #[must_use]
    pub fn new(path: PathBuf, gst_debug: &str) -> Self {
        Self { path, gst_debug: gst_debug.to_owned() }
    }

    /// A command that runs `subcommand` with the environment of a child, in a process group of its own.
    #[must_use]
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.path);
        let debug = Some(("GST_DEBUG", &self.gst_debug)).filter(|(_, value)| !value.is_empty());
        command
            .arg(subcommand)
            .env_clear()
            .envs(inherited(std::env::vars_os()))
            .envs([DEVICE_ORDER])
            .envs(debug)
            .process_group(0);
        command
    }
}

/// The variables that a child inherits from these.
fn inherited(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, _)| INHERITED.iter().any(|inherited| name == OsStr::new(inherited)))
}

/// The file that a process runs. A file that replaces it, as an update does, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFile {
    device: u64,
    inode: u64,
}

impl ProgramFile {
    /// The file that this process runs, also after it was replaced.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn running() -> std::io::Result<Self> {
        let file = std::fs::metadata("/proc/self/exe")?;
        Ok(Self { device: file.dev(), inode: file.ino() })
    }
}

/// Starts the command. The process group is killed when the handle is dropped.
///
/// # Errors
/// If the system cannot start the process.
pub fn start(command: Command) -> std::io::Result<Process> {
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    Ok(Process { child })
}

/// Lets the kernel kill this process when its parent dies. Each child calls it first.
///
/// # Errors
/// If the kernel refuses.
pub fn die_with_parent() -> rustix::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    /// Its handle; standard streams are taken from it.
    pub child: Child,
}

impl Process {
    /// Kills the process group and waits until the child is gone.
    ///
    /// # Errors
    /// If the child cannot be waited for.
    pub async fn kill(&mut self) -> std::io::Result<()> {
        self.kill_group();
        self.child.wait().await.map(drop)
    }

    /// Kills the group of a child that was not waited for: until then, its id is its own.
    fn kill_group(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { return };
        let killed = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        if let Err(error) = killed
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "failed to kill a child's process group");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_variables_are_inherited() {
        let all = ["PATH", "AWS_SECRET_ACCESS_KEY", "GST_DEBUG", "GST_PLUGIN_PATH", "PATHS"];
        let all = all.into_iter().map(|name| (OsString::from(name), OsString::from("x")));
        let names: Vec<_> = inherited(all).map(|(name, _)| name).collect();
        assert_eq!(names, ["PATH", "GST_PLUGIN_PATH"]);
    }

    #[test]
    fn the_setting_sets_gst_debug() {
        let debug = |setting| {
            let command = Program::new(PathBuf::from("/bin/true"), setting).command("worker");
            let value = command.get_envs().find(|(name, _)| *name == "GST_DEBUG");
            value.and_then(|(_, value)| value).map(OsStr::to_owned)
        };
        assert_eq!(debug(""), None);
        assert_eq!(debug("ladderd*:5"), Some(OsString::from("ladderd*:5")));
    }
}
