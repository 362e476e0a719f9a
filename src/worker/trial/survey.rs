//! Which elements are here.

use std::collections::BTreeSet;
use std::path::Path;

use gstreamer as gst;
use gstreamer::glib;

use crate::domain::backend::{Driver, Facts, Found, Sizes, Survey};
use crate::domain::recipe::{self, DeviceKind, Elements, Recipe};
use crate::worker::graph::element::Installed;

/// How many devices beside the first are looked for.
const MORE_DEVICES: u32 = 15;
/// Number of the first render node of Linux.
const FIRST_RENDER_NODE: u32 = 128;
/// Most sets of plugins that are told.
const MAX_SETS: usize = 100;
/// The library that compiles CUDA's scaler, as GStreamer asks for it.
const NVRTC: &str = "libnvrtc.so";

/// Looks for the recipes' elements on every device.
pub(super) fn survey(recipes: &[Recipe]) -> Survey {
    let installed = Installed::default();
    let mut found = Vec::new();
    for recipe in recipes {
        for device in devices(recipe, &installed) {
            let (here, faults) = match recipe::resolve(recipe, &device, &installed) {
                Ok(here) => (here, Vec::new()),
                Err(faults) => (Vec::new(), faults),
            };
            let encoder = here.first().and_then(|recipe| recipe.encode.first());
            let sizes = encoder.map_or_else(Sizes::default, |step| sizes(&step.element));
            found.push(Found { name: recipe.name.clone(), device, recipes: here, faults, sizes });
        }
    }
    Survey { facts: facts(&installed), found }
}

/// The names of the devices: that of the first, which is empty, and of others with elements of
/// their own.
fn devices(recipe: &Recipe, installed: &Installed) -> Vec<String> {
    let more: Vec<String> = match recipe.device {
        DeviceKind::Cpu | DeviceKind::Single => Vec::new(),
        DeviceKind::Cuda => (1..=MORE_DEVICES).map(|number| format!("device{number}")).collect(),
        DeviceKind::Va => (1..=MORE_DEVICES)
            .map(|number| format!("renderD{}", FIRST_RENDER_NODE + number))
            .collect(),
    };
    let encoders = recipe.encode.iter().map(|step| &step.element);
    let named: Vec<&String> =
        encoders.chain(&recipe.decoders).filter(|name| name.contains("{device}")).collect();
    let has_own =
        |device: &String| named.iter().any(|name| installed.has(&name.replace("{device}", device)));
    std::iter::once(String::new()).chain(more.into_iter().filter(has_own)).collect()
}

/// The sizes that an encoder's pad takes, by its template: drivers put their limits there.
fn sizes(encoder: &str) -> Sizes {
    let Some(factory) = gst::ElementFactory::find(encoder) else { return Sizes::default() };
    let mut sinks = factory.static_pad_templates().into_iter();
    let Some(sink) = sinks.find(|template| template.direction() == gst::PadDirection::Sink) else {
        return Sizes::default();
    };
    let caps = sink.caps();
    let range = |field: &str| {
        let ranges = caps.iter().filter_map(|structure| span(structure.value(field).ok()?));
        ranges.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    };
    let (min_width, max_width) = range("width").unwrap_or((1, u32::MAX));
    let (min_height, max_height) = range("height").unwrap_or((1, u32::MAX));
    Sizes { min_width, max_width, min_height, max_height }
}

fn span(value: &glib::SendValue) -> Option<(u32, u32)> {
    let range = value.get::<gst::IntRange<i32>>().ok()?;
    Some((u32::try_from(range.min()).unwrap_or(0), u32::try_from(range.max()).ok()?))
}

fn facts(installed: &Installed) -> Facts {
    let registry = gst::Registry::get();
    let (major, minor, ..) = gst::version();
    let cuda_features = registry.features_by_plugin("nvcodec");
    let any = |names: &[&str]| names.iter().any(|name| installed.has(name));
    Facts {
        release: (major, minor),
        has_nvcodec: registry.find_plugin("nvcodec").is_some(),
        has_cuda: !cuda_features.is_empty(),
        has_cuda_scaler: any(&["cudaconvertscale"]),
        has_cuda_decoder: any(&["nvh264dec", "nvh265dec"]),
        has_cuda_encoder: any(&["nvh264enc", "nvcudah264enc"]),
        has_nvrtc: has_nvrtc(),
        has_render_node: has_render_node(),
        registry: list_of_plugins(),
        version: version_text(gst::version()),
        sets: sets(&registry),
        driver: Driver::default(),
    }
}

fn version_text((major, minor, micro, _): (u32, u32, u32, u32)) -> String {
    format!("{major}.{minor}.{micro}")
}

/// Names and versions of the sets that the plugins come from.
fn sets(registry: &gst::Registry) -> Vec<(String, String)> {
    let plugins = registry.plugins();
    let named =
        plugins.iter().map(|plugin| (plugin.source().to_string(), plugin.version().to_string()));
    named.collect::<BTreeSet<_>>().into_iter().take(MAX_SETS).collect()
}

/// The file that GStreamer keeps its list of plugins in.
fn list_of_plugins() -> String {
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| "~/.cache".to_owned());
    let usual = || format!("{cache}/gstreamer-1.0/registry.*.bin");
    std::env::var("GST_REGISTRY").unwrap_or_else(|_| usual())
}

fn has_render_node() -> bool {
    let nodes = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    nodes.into_iter().any(|node| node.file_name().to_string_lossy().starts_with("renderD"))
}

/// Whether the loader would find the library: named by the operator, in a folder that the
/// environment names, or in the loader's own list.
fn has_nvrtc() -> bool {
    if std::env::var_os("GST_CUDA_NVRTC_LIBNAME").is_some() {
        return true;
    }
    let folders = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&folders);
    let listed = || {
        let name = format!("{NVRTC}\0");
        let list = std::fs::read(Path::new("/etc/ld.so.cache")).unwrap_or_default();
        list.windows(name.len()).any(|piece| piece == name.as_bytes())
    };
    folders.any(|folder| folder.join(NVRTC).try_exists().unwrap_or(false)) || listed()
}
