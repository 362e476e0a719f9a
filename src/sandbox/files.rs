//! Files (Landlock): libraries and their data may be read, devices used, nothing else.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Policy;

/// The newest Landlock whose rights are asked for: that of Linux 6.15. Older kernels give what they
/// have.
const NEWEST: ABI = ABI::V7;

/// Where libraries, plugins and their data are, and what tells of processors and devices. `/proc`
/// as a whole is not among them: it shows the daemon's environment.
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
/// What every process may use.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];
/// Variables of the environment that name further folders with libraries, separated by colons.
const FOLDERS: [&str; 4] =
    ["LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "LIBVA_DRIVERS_PATH"];

/// Builds the wall. Says what stands.
pub(super) fn restrict(policy: &Policy) -> Result<String, String> {
    match build(policy) {
        Ok(RulesetStatus::FullyEnforced) => Ok("files, connections and signals".to_owned()),
        Ok(RulesetStatus::PartiallyEnforced) => {
            Err("this kernel knows only part of it: Linux 6.15 has all".to_owned())
        }
        Ok(RulesetStatus::NotEnforced) => {
            Err("this kernel has none: Linux 5.13 or newer with lsm=landlock has".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn build(policy: &Policy) -> Result<RulesetStatus, RulesetError> {
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

/// GStreamer's list of plugins: a file, or a folder where the file has the machine's name.
fn registry() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("GST_REGISTRY") {
        return Some(file.into());
    }
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    Some(cache.join("gstreamer-1.0"))
}
