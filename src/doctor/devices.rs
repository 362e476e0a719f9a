//! GPUs as Linux shows them: device nodes, cards on the PCI bus, the kernel module of NVIDIA.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::domain::doctor::judge::Node;

/// PCI vendor of NVIDIA.
const NVIDIA: &str = "0x10de";

/// The device nodes of all GPUs, each opened once.
pub(super) fn nodes() -> Vec<Node> {
    let named = |folder: &str, accepts: fn(&str) -> bool| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names
            .filter(|name| accepts(name))
            .map(|name| format!("{folder}/{name}"))
            .collect::<Vec<_>>()
    };
    let mut paths = named("/dev/dri", |name| name.starts_with("renderD"));
    paths.extend(named("/dev", |name| {
        let number = name.strip_prefix("nvidia").unwrap_or("x");
        number.bytes().all(|byte| byte.is_ascii_digit()) || ["ctl", "-uvm"].contains(&number)
    }));
    paths.sort();
    paths.into_iter().map(node).collect()
}

fn node(path: String) -> Node {
    let opened =
        rustix::fs::open(&path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let error = opened.err().map(|error| error.to_string());
    let gid = std::fs::metadata(&path).map_or(0, |found| found.gid());
    Node { group: group(gid), path, error }
}

/// Name of a group, or its number.
fn group(gid: u32) -> String {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| gid.to_string())
}

/// Vendors of the graphics cards on the PCI bus.
fn vendors() -> Vec<String> {
    let devices = std::fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten();
    let fact = |path: &Path, name| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    let cards =
        devices.map(|device| device.path()).filter(|path| fact(path, "class").starts_with("0x03"));
    cards.map(|path| fact(&path, "vendor").trim().to_owned()).collect()
}

/// Number of graphics cards, and whether one of them is of NVIDIA.
pub(super) fn cards() -> (usize, bool) {
    let vendors = vendors();
    (vendors.len(), vendors.iter().any(|vendor| vendor == NVIDIA))
}

/// Version of the loaded kernel module of NVIDIA.
pub(super) fn nvidia_module() -> Option<String> {
    let text = std::fs::read_to_string("/sys/module/nvidia/version").ok()?;
    Some(text.trim().to_owned()).filter(|version| !version.is_empty())
}
