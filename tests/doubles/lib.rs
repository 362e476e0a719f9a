//! A `GStreamer` plugin with doubles of GPU elements: they have the factory names and properties of
//! the real elements and work in software.
//!
//! Files in the first folder of `GST_PLUGIN_PATH` configure them: `set` has the set of elements
//! (`nvcodec`, `nvcodec-without-encoder`, `va`, `va-low-power`, `qsv` or `vaapi`; `hostile` has none but
//! attacks the daemon, see `hostile`) and the release, such
//! as `nvcodec 1.26.11+`; `devices` the number of GPUs (1 without it); `fault` the way to fail (see
//! `faults`).

#![allow(unsafe_code, reason = "the entry point of a plugin, and enums that are known at run time")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "only tests load this plugin")]
#![allow(clippy::wildcard_enum_match_arm, reason = "each place has one fault")]
#![allow(missing_docs, reason = "nothing is used by name")]

mod calls;
mod double;
mod facts;
mod faults;
mod hostile;
mod memory;

use std::path::PathBuf;

use gstreamer as gst;
use gstreamer::glib;

/// The folder with the plugin and its files.
pub(crate) fn folder() -> PathBuf {
    let folders = std::env::var_os("GST_PLUGIN_PATH").unwrap_or_default();
    std::env::split_paths(&folders).next().unwrap_or_default()
}

/// The trimmed content of a file; empty if there is none.
pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_default().trim().to_owned()
}

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    if file("set").starts_with("hostile") {
        hostile::register(plugin)
    } else {
        double::register(plugin)
    }
}

gst::plugin_define!(
    gpu_doubles,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    env!("CARGO_PKG_VERSION"),
    "MIT/X11",
    "ladderd",
    "ladderd",
    "https://example.org/ladderd"
);
