//! Why an NVIDIA GPU cannot be used, as far as such reasons are known, and what to do.

use serde::{Deserialize, Serialize};

use crate::domain::recipe::{DeviceKind, Recipe};

/// The first `GStreamer` whose encoders speak the interface that present drivers want.
const PRESENT_ENCODERS: (u32, u32) = (1, 26);
/// The first driver that is known to refuse the encoders of older releases: they may fail from 580
/// on, and their presets and rate controls were removed with 590 (NVIDIA Video Codec SDK 13.1,
/// deprecation notices).
const DOUBTFUL_DRIVER: u32 = 580;
const REFUSING_DRIVER: u32 = 590;
/// Cards without an encoder, by what their names hold (NVIDIA Video Encode and Decode GPU Support
/// Matrix).
const WITHOUT_ENCODER: [&str; 8] = ["A100", "A30", "A800", "H100", "H200", "H800", "B200", "B100"];

/// Findings of a look at this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub struct Facts {
    /// Release of `GStreamer`: major and minor.
    pub release: (u32, u32),
    /// Whether there is the plugin `nvcodec`.
    pub has_nvcodec: bool,
    /// Whether it has any element.
    pub has_cuda: bool,
    /// Whether it can scale.
    pub has_cuda_scaler: bool,
    /// Whether it can decode.
    pub has_cuda_decoder: bool,
    /// Whether it can encode.
    pub has_cuda_encoder: bool,
    /// Whether the library that compiles the scaler is found.
    pub has_nvrtc: bool,
    /// Whether Linux shows a GPU that renders.
    pub has_render_node: bool,
    /// The file with `GStreamer`'s list of plugins.
    pub registry: String,
    /// Version of the library `GStreamer`.
    #[serde(default)]
    pub version: String,
    /// Names and versions of the sets that the plugins come from, sorted.
    #[serde(default)]
    pub sets: Vec<(String, String)>,
    /// Report of the driver: its version and the names of the cards, or why there is none.
    pub driver: Driver,
}

/// Report of the NVIDIA driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Driver {
    /// It is not there, or fails.
    Absent {
        /// Why it does not answer.
        why: String,
        /// Step that mends it.
        remedy: Option<String>,
    },
    /// It works.
    Present {
        /// Version, such as `595.58.03`.
        version: String,
        /// Names of the cards.
        names: Vec<String>,
    },
}

impl Default for Driver {
    fn default() -> Self {
        Self::Absent { why: String::new(), remedy: None }
    }
}

/// Why a recipe does not work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Why.
    pub why: String,
    /// Step that mends it, if there is one.
    pub remedy: Option<String>,
}

impl Explanation {
    fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { why: why.into(), remedy: Some(remedy.into()) }
    }
}

/// Why a recipe does not work here, and what to do; none where that is not known.
#[must_use]
pub fn explain(recipe: &Recipe, facts: &Facts) -> Option<Explanation> {
    match recipe.device {
        DeviceKind::Cpu => None,
        DeviceKind::Cuda => of_nvidia(recipe, facts),
        DeviceKind::Va | DeviceKind::Single => (!facts.has_render_node).then(|| {
            let why = "there is no GPU with VA-API: Linux shows none (/dev/dri/renderD*)";
            Explanation { why: why.to_owned(), remedy: None }
        }),
    }
}

fn of_nvidia(recipe: &Recipe, facts: &Facts) -> Option<Explanation> {
    let (version, names) = match &facts.driver {
        // It may be that only its tools are missing: the elements are here.
        Driver::Absent { .. } if facts.has_cuda => return None,
        Driver::Absent { why, remedy } => {
            let why = format!("there is no NVIDIA GPU: {why}");
            return Some(Explanation { why, remedy: remedy.clone() });
        }
        Driver::Present { version, names } => (version, names),
    };
    if !facts.has_nvcodec {
        let remedy = "install the \"bad\" set of GStreamer's plugins";
        return Some(Explanation::new("GStreamer's plugin nvcodec is not installed", remedy));
    }
    if !facts.has_cuda {
        return Some(stale(facts));
    }
    if !facts.has_cuda_scaler && !facts.has_nvrtc {
        return Some(Explanation::new(
            "libnvrtc.so cannot be loaded, which GStreamer compiles its scaler with and the driver \
             does not bring",
            "install CUDA's nvrtc library (Debian: libnvrtc11.2 of non-free, NVIDIA: cuda-nvrtc) and \
             name it with GST_CUDA_NVRTC_LIBNAME, such as libnvrtc.so.12",
        ));
    }
    // Met with 1.26.2 and libnvrtc.so.13: "invalid value for --gpu-architecture" at its first test.
    if !facts.has_cuda_scaler {
        return Some(Explanation::new(
            "GStreamer's scaler cannot be compiled by the nvrtc library that is here: it is \
             compiled for compute capability 5.2, which CUDA 13 has dropped",
            "install the nvrtc library of CUDA 12 (NVIDIA: cuda-nvrtc-12-9) and name it with \
             GST_CUDA_NVRTC_LIBNAME=libnvrtc.so.12",
        ));
    }
    if !recipe.takes_nvenc_sessions() {
        return None;
    }
    let lacks = |name: &&String| {
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|word| WITHOUT_ENCODER.iter().any(|card| word == *card || in_a_pair(word, card)))
    };
    if let Some(name) = names.iter().find(lacks).filter(|_| !facts.has_cuda_encoder) {
        return Some(Explanation {
            why: format!(
                "{name} has no encoder (NVENC): the backend nvdec decodes and scales on it, and encodes \
                 on the processor"
            ),
            remedy: None,
        });
    }
    old_interface(version, facts)
}

/// Such as `GB200` for `B200`.
fn in_a_pair(word: &str, card: &str) -> bool {
    word.strip_prefix('G').is_some_and(|rest| rest == card)
}

/// A list of plugins that was made without the GPU hides its elements: the plugin has none there.
fn stale(facts: &Facts) -> Explanation {
    let file = &facts.registry;
    Explanation::new(
        "the driver works, but GStreamer's list of plugins knows none of nvcodec's elements: it was \
         made without the GPU or under another driver",
        format!(
            "remove {file} and start again; in a container, let the driver's libraries in \
             (NVIDIA_DRIVER_CAPABILITIES=compute,video,utility)"
        ),
    )
}

fn old_interface(version: &str, facts: &Facts) -> Option<Explanation> {
    let major: u32 = version.split('.').next()?.parse().ok()?;
    let from = if facts.has_cuda_encoder { REFUSING_DRIVER } else { DOUBTFUL_DRIVER };
    if facts.release >= PRESENT_ENCODERS || major < from {
        return None;
    }
    let (gst_major, gst_minor) = facts.release;
    Some(Explanation::new(
        format!(
            "GStreamer {gst_major}.{gst_minor} speaks an interface of NVENC (11.1) that the driver \
             {version} refuses"
        ),
        format!(
            "use GStreamer 1.26 or newer (Debian 13), or a driver older than {DOUBTFUL_DRIVER}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::recipe::Recipe;

    fn recipe(name: &str) -> Recipe {
        let on_gpu = name != "nvdec";
        let encoder = if on_gpu { "nvh264{device}enc" } else { "x264enc" };
        let text = format!(
            "name = \"{name}\"\npriority = 1\ndevice = \"cuda\"\nencodes_on_gpu = {on_gpu}\nprepare = []\nprepared_caps = \"\"\n\
             prepared_caps_hdr = \"\"\nscale = []\nscaled_caps = \"\"\nencoded_caps = \"\"\nstill = []\n\
             encode = [{{ element = \"{encoder}\" }}]"
        );
        Recipe::parse_all(&[("x.toml", &text)]).unwrap().remove(0)
    }

    /// An L4 under Debian 13: all is well.
    fn well() -> Facts {
        Facts {
            release: (1, 26),
            has_nvcodec: true,
            has_cuda: true,
            has_cuda_scaler: true,
            has_cuda_decoder: true,
            has_cuda_encoder: true,
            has_nvrtc: true,
            has_render_node: false,
            registry: String::new(),
            version: String::new(),
            sets: Vec::new(),
            driver: driver("595.58.03", "NVIDIA L4"),
        }
    }

    fn absent() -> Driver {
        Driver::Absent { why: "no library".to_owned(), remedy: Some("install it".to_owned()) }
    }

    fn driver(version: &str, name: &str) -> Driver {
        Driver::Present { version: version.to_owned(), names: vec![name.to_owned()] }
    }

    #[test]
    fn every_known_reason_is_told_with_what_to_do() {
        let without = Facts { has_cuda_encoder: false, ..well() };
        let old = Facts { release: (1, 22), ..well() };
        let cases: [(Facts, &str, Option<&str>); 14] = [
            (well(), "nvenc", None),
            (old.clone(), "nvenc", Some("GStreamer 1.22 speaks")),
            (old.clone(), "nvdec", None),
            (Facts { driver: driver("570.1", "NVIDIA L4"), ..old.clone() }, "nvenc", None),
            // At 585 those that registered may work, those that did not never will.
            (Facts { driver: driver("585.1", "NVIDIA L4"), ..old.clone() }, "nvenc", None),
            (
                Facts { driver: driver("585.1", "NVIDIA L4"), has_cuda_encoder: false, ..old },
                "nvenc",
                Some("1.26 or newer (Debian 13)"),
            ),
            (
                Facts { driver: driver("595.1", "NVIDIA H200"), ..without.clone() },
                "nvenc",
                Some("NVIDIA H200 has no encoder"),
            ),
            (
                Facts { driver: driver("595.1", "NVIDIA GB200"), ..without.clone() },
                "nvenc",
                Some("nvdec"),
            ),
            (Facts { driver: driver("595.1", "NVIDIA A10"), ..without }, "nvenc", None),
            (
                Facts { has_cuda_scaler: false, has_nvrtc: false, ..well() },
                "nvdec",
                Some("GST_CUDA_NVRTC_LIBNAME"),
            ),
            (Facts { has_cuda_scaler: false, ..well() }, "nvdec", Some("CUDA 13 has dropped")),
            (
                Facts { has_cuda: false, registry: "/r.bin".to_owned(), ..well() },
                "nvenc",
                Some("remove /r.bin and start again"),
            ),
            (
                Facts { driver: absent(), has_cuda: false, ..well() },
                "nvenc",
                Some("no NVIDIA GPU: no library: install it"),
            ),
            (Facts { driver: absent(), ..well() }, "nvenc", None),
        ];
        for (facts, name, told) in cases {
            let found = explain(&recipe(name), &facts);
            let reason = found.map(|found| {
                // An encoder that is not there cannot be had.
                let has_remedy = !found.why.contains("has no encoder");
                assert_eq!(found.remedy.is_some(), has_remedy, "{found:?}");
                format!("{}: {}", found.why, found.remedy.unwrap_or_default())
            });
            match told {
                None => assert_eq!(reason, None, "{facts:?}"),
                Some(told) => assert!(reason.unwrap_or_default().contains(told), "{facts:?}"),
            }
        }
    }

    #[test]
    fn other_gpus_are_there_or_not() {
        let recipe = Recipe { device: DeviceKind::Va, ..recipe("vaapi") };
        assert!(explain(&recipe, &Facts::default()).unwrap().why.contains("/dev/dri/renderD*"));
        let there = Facts { has_render_node: true, ..Facts::default() };
        assert_eq!(explain(&recipe, &there), None);
    }
}
