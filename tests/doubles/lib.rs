//! Doubles of GPU elements, as a plugin for `GStreamer`: they have the factory names and the
//! properties of the real ones and work in software.
//!
//! They are configured by files in the folder that `GST_PLUGIN_PATH` names first: `set` holds which
//! of them there are (`nvcodec`, `nvcodec-without-encoder`, `va`, `qsv` or `vaapi`) and of which
//! release, such as `nvcodec 1.26.11+`; `devices`, if there, how many GPUs; `fault`, if there, how
//! they fail (see `faults`).

#![allow(unsafe_code, reason = "the entry point of a plugin, and enums that are known at run time")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "for tests alone")]
#![allow(clippy::wildcard_enum_match_arm, reason = "each place has one fault")]
#![allow(missing_docs, reason = "nothing is used by name")]

mod double;
mod facts;
mod faults;
mod memory;

use std::path::PathBuf;

use gstreamer as gst;
use gstreamer::glib;

/// The folder with the plugin and its files.
pub(crate) fn folder() -> PathBuf {
    let folders = std::env::var_os("GST_PLUGIN_PATH").unwrap_or_default();
    std::env::split_paths(&folders).next().unwrap_or_default()
}

/// What is in one of the files; nothing where it is not there.
pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_default().trim().to_owned()
}

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    double::register(plugin)
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
