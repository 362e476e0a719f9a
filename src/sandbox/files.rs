//! Landlock layer: the process may read libraries and their data and use its devices, nothing else.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::error::Error;
use super::policy::Policy;

/// Newest Landlock ABI in use (Linux 6.15). Older kernels enforce the part that they know.
const NEWEST: ABI = ABI::V7;

/// Folders and files of libraries, plugins and their data, and descriptions of processors and
/// devices. `/proc` as a whole is left out because it shows the daemon's environment.
const READABLE: [&str; 14] = [
    "/usr",
    "/lib",
    "/lib64",
    "/opt",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/vulkan",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/driver/nvidia",
    "/sys",
];
/// Devices that every process may use.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];
/// Environment variables that name further library folders, separated by colons.
const FOLDERS: [&str; 4] =
    ["LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "LIBVA_DRIVERS_PATH"];

/// Applies the ruleset to this process. Returns a description of it.
pub(super) fn restrict(policy: &Policy) -> Result<String, Error> {
    match apply(policy)? {
        RulesetStatus::FullyEnforced => Ok("files, connections and signals".to_owned()),
        RulesetStatus::PartiallyEnforced => Err(Error::LandlockPartial),
        RulesetStatus::NotEnforced => Err(Error::LandlockMissing),
    }
}

fn apply(policy: &Policy) -> Result<RulesetStatus, RulesetError> {
    let reading: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let using = reading | AccessFs::WriteFile | AccessFs::IoctlDev;
    let devices = DEVICES.iter().map(PathBuf::from).chain(policy.devices.iter().cloned());
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(readable(), reading))?
        .add_rules(path_beneath_rules(devices, using))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn readable() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = READABLE.iter().map(PathBuf::from).collect();
    for folders in FOLDERS.iter().filter_map(std::env::var_os) {
        paths.extend(std::env::split_paths(&folders).filter(|path| path.is_absolute()));
    }
    paths.extend(registry());
    paths
}

/// GStreamer's plugin registry: the file that `GST_REGISTRY` names, else the default folder.
fn registry() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("GST_REGISTRY") {
        return Some(file.into());
    }
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    Some(cache.join("gstreamer-1.0"))
}
