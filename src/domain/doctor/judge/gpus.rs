//! GPUs: backends, driver and device nodes.

use crate::domain::backend::{BackendState, BackendStatus};
use crate::domain::doctor::mend::{self, Caller, Mend};
use crate::domain::doctor::{Check, Finding, Severity};
use crate::domain::gpu::GpuStatus;

/// Findings on a backend that was tried. `required` are the names of those without which the daemon ends.
#[must_use]
pub fn backend(status: &BackendStatus, required: &[String]) -> Vec<Finding> {
    let label = status.label();
    if status.is_available() {
        let encoder = status.encoder.as_deref().unwrap_or("it");
        let fps = status.trial_fps.unwrap_or_default();
        let what = format!("{encoder} encodes {fps:.0} frames per second in its trial");
        let warnings = status.warnings.iter();
        let warnings =
            warnings.map(|warning| Finding::new(Check::Backends, Severity::Warning, warning));
        let found = std::iter::once(Finding::ok(Check::Backends, what)).chain(warnings);
        return found.map(|finding| finding.of(&label)).collect();
    }
    let is_cpu = status.name == "cpu";
    let is_required = is_cpu || required.contains(&status.name);
    let severity = match status.state {
        _ if is_required => Severity::Error,
        // It has worked here.
        BackendState::Quarantined => Severity::Warning,
        BackendState::Available | BackendState::Unavailable => Severity::Note,
    };
    let what = status.reason.clone().unwrap_or_else(|| "it is not available".to_owned());
    let remedy = status.remedy.as_deref().map(Mend::advice);
    let mend = remedy.or_else(|| is_cpu.then(mend::install_plugins));
    vec![Finding::new(Check::Backends, severity, what).mend_by(mend).of(label)]
}

/// Finding on the NVIDIA driver. `module` is the version of the kernel module, `has_card` whether the PCI bus has a
/// card of NVIDIA.
#[must_use]
pub fn nvidia_driver(status: &GpuStatus, module: Option<&str>, has_card: bool) -> Finding {
    let Some(library) = status.driver_version.as_deref().filter(|_| status.available) else {
        if !has_card && module.is_none() {
            return Finding::new(
                Check::NvidiaDriver,
                Severity::Skipped,
                "there is no card of NVIDIA",
            );
        }
        let why = status.why().unwrap_or("the driver does not answer").to_owned();
        let module = module.map(|version| format!(" (kernel module {version})"));
        let what = format!("{why}{}", module.unwrap_or_default());
        let mend = status.remedy.as_deref().map_or_else(mend::nvidia_silent, Mend::advice);
        return Finding::new(Check::NvidiaDriver, Severity::Warning, what).mend(mend);
    };
    match module {
        Some(module) if module != library => {
            let what =
                format!("the library has version {library}, and the loaded kernel module {module}");
            Finding::new(Check::NvidiaDriver, Severity::Error, what).mend(mend::nvidia_versions())
        }
        Some(_) | None => {
            let names: Vec<&str> =
                status.devices.iter().map(|device| device.name.as_str()).collect();
            let what = format!("version {library}: {}", names.join(", "));
            match &status.reason {
                // One of several cards does not answer.
                Some(reason) => Finding::new(
                    Check::NvidiaDriver,
                    Severity::Warning,
                    format!("{what}; {reason}"),
                ),
                None => Finding::ok(Check::NvidiaDriver, what),
            }
        }
    }
}

/// A device node of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its path.
    pub path: String,
    /// Group that it belongs to, by name or number.
    pub group: String,
    /// Why it cannot be opened for reading and writing.
    pub error: Option<String>,
}

/// Finding on a device node.
#[must_use]
pub fn device_node(node: &Node, caller: Caller) -> Finding {
    let Node { path, group, error } = node;
    let Some(error) = error else {
        return Finding::ok(Check::Devices, format!("can be opened (group {group})")).of(path);
    };
    Finding::new(Check::Devices, Severity::Warning, format!("cannot be opened: {error}"))
        .mend(mend::device(path, group, caller))
        .of(path)
}

/// Findings on all nodes. `cards` is the number of graphics cards that the PCI bus has.
#[must_use]
pub fn devices(nodes: &[Node], cards: usize, caller: Caller) -> Vec<Finding> {
    if !nodes.is_empty() {
        return nodes.iter().map(|node| device_node(node, caller)).collect();
    }
    let finding = match cards {
        0 => Finding::new(Check::Devices, Severity::Skipped, "the machine has no GPU"),
        _ => Finding::new(
            Check::Devices,
            Severity::Note,
            "there is a graphics card, and no device node of it (/dev/dri/renderD*, /dev/nvidia*): its driver is not \
             loaded, it cannot render, or the unit hides it",
        ),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::Device;

    fn status(name: &str, state: BackendState) -> BackendStatus {
        BackendStatus {
            name: name.to_owned(),
            device: String::new(),
            priority: 0,
            state,
            reason: Some("no element x264enc".to_owned()),
            remedy: None,
            encoder: Some("x264enc".to_owned()),
            cannot: Vec::new(),
            warnings: Vec::new(),
            trial_fps: Some(60.4),
            trial_pixels_per_sec: None,
        }
    }

    #[test]
    fn a_backend_that_nobody_needs_is_a_note() {
        use BackendState::{Available, Quarantined, Unavailable};
        let required = ["qsv".to_owned()];
        let table = [
            ("cpu", Available, Severity::Ok),
            ("cpu", Unavailable, Severity::Error),
            ("qsv", Unavailable, Severity::Error),
            ("nvenc", Unavailable, Severity::Note),
            ("nvenc", Quarantined, Severity::Warning),
        ];
        for (name, state, severity) in table {
            let found = backend(&status(name, state), &required);
            assert_eq!(found[0].severity, severity, "{name} {state:?}");
            assert_eq!(found[0].mend.is_some(), name == "cpu" && state == Unavailable);
        }
        let warned =
            BackendStatus { warnings: vec!["it is weak".to_owned()], ..status("cpu", Available) };
        assert_eq!(backend(&warned, &[])[1].severity, Severity::Warning);
    }

    #[test]
    fn the_library_and_the_module_of_a_driver_have_one_version() {
        let card = Device { name: "NVIDIA L4".to_owned(), ..Device::default() };
        let works = GpuStatus {
            available: true,
            driver_version: Some("595.58".to_owned()),
            devices: vec![card],
            ..GpuStatus::default()
        };
        let absent = GpuStatus::absent("libnvidia-ml.so.1 cannot be loaded");
        let table = [
            (&works, Some("595.58"), true, Severity::Ok),
            (&works, None, true, Severity::Ok),
            (&works, Some("580.1"), true, Severity::Error),
            (&absent, None, false, Severity::Skipped),
            (&absent, None, true, Severity::Warning),
            (&absent, Some("580.1"), false, Severity::Warning),
        ];
        for (status, module, has_card, severity) in table {
            let found = nvidia_driver(status, module, has_card);
            assert_eq!(found.severity, severity, "{module:?} {}", found.what);
            assert_eq!(found.mend.is_some(), severity >= Severity::Warning);
        }
    }

    #[test]
    fn a_node_that_cannot_be_opened_names_its_group() {
        let node = |error: Option<&str>| Node {
            path: "/dev/dri/renderD128".to_owned(),
            group: "render".to_owned(),
            error: error.map(str::to_owned),
        };
        let closed = [node(Some("Permission denied"))];
        let of_unit = devices(&closed, 1, Caller::Service).remove(0);
        assert_eq!(of_unit.severity, Severity::Warning);
        assert!(of_unit.mend.unwrap().contains("SupplementaryGroups=render"));
        let of_user = devices(&closed, 1, Caller::User(1000)).remove(0);
        assert!(of_user.mend.unwrap().starts_with("usermod -aG render \"$(id -un 1000)\""));
        assert_eq!(devices(&[node(None)], 1, Caller::Service)[0].severity, Severity::Ok);
        assert_eq!(devices(&[], 0, Caller::Service)[0].severity, Severity::Skipped);
        assert_eq!(devices(&[], 2, Caller::Service)[0].severity, Severity::Note);
    }
}
