//! Landlock layer: the process may read libraries and their data and use its devices, nothing else.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::error::Error;
use super::layer::{Applied, Part};
use super::policy::Policy;
use super::rights;

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
/// Devices that every process may use. A shared mapping of `/dev/zero` would be memory without a limit.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/random", "/dev/urandom"];
/// Environment variables that name further library folders, separated by colons.
const FOLDERS: [&str; 4] =
    ["LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "LIBVA_DRIVERS_PATH"];

/// Applies the ruleset to this process. Returns a description of it.
pub(super) fn restrict(policy: &Policy) -> Result<Applied, Error> {
    let newest = policy.landlock_abi.map_or(rights::NEWEST, ABI::from).min(rights::NEWEST);
    let status = apply(policy, newest)?;
    let abi = match status {
        RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. } => {
            return Err(Error::LandlockMissing);
        }
        RestrictionStatus { landlock: LandlockStatus::Available { effective_abi, .. }, .. } => {
            effective_abi.min(newest)
        }
        _ => return Err(Error::LandlockMissing),
    };
    let rules = format!("files, connections and signals, ABI {abi}");
    let missing: Vec<&str> = rights::missing(abi).map(|later| later.what).collect();
    if missing.is_empty() {
        return Ok(Applied { part: Part::Whole, rules });
    }
    let rules = format!("{rules}; seccomp alone refuses: {}", missing.join(", "));
    Ok(Applied { part: Part::Enough, rules })
}

fn apply(policy: &Policy, abi: ABI) -> Result<RestrictionStatus, RulesetError> {
    let reading: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let using = reading | AccessFs::WriteFile | AccessFs::IoctlDev;
    let using = using & AccessFs::from_all(abi);
    let devices = DEVICES.iter().map(PathBuf::from).chain(policy.devices.iter().cloned());
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?;
    let (net, scope) = (AccessNet::from_all(abi), Scope::from_all(abi));
    // The crate takes no empty sets.
    if !net.is_empty() {
        ruleset = ruleset.handle_access(net)?;
    }
    if !scope.is_empty() {
        ruleset = ruleset.scope(scope)?;
    }
    ruleset
        .create()?
        .add_rules(path_beneath_rules(readable(), reading))?
        .add_rules(path_beneath_rules(devices, using))?
        .restrict_self()
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
