//! Recipes: the `GStreamer` elements and properties of a backend, as data.

mod placeholders;
mod property;
mod reference;
mod render;
mod resolve;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::encode::Level;

pub use placeholders::PLACEHOLDERS;
pub use property::PropertyError;
pub use reference::reference;
pub use render::{Source, render};
pub use resolve::{Elements, Resolved, resolve};

/// A file of `pipelines/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the backend.
    pub name: String,
    /// The recipe with the highest priority that works here and can take the source is chosen.
    pub priority: i32,
    /// Kind of device.
    #[serde(default)]
    pub device: DeviceKind,
    /// Whether the device encodes; otherwise the processor does.
    #[serde(default)]
    pub encodes_on_gpu: bool,
    /// Device files that the sandbox leaves open, such as `/dev/dri`.
    #[serde(default)]
    pub device_files: Vec<String>,
    /// System calls that its driver needs and the sandbox's list lacks, by name.
    #[serde(default)]
    pub calls: Vec<String>,
    /// The device's decoders. Other streams are decoded in software.
    #[serde(default)]
    pub decoders: Vec<String>,
    /// Steps between decoder and tee: rotate, deinterlace, convert, constant rate.
    pub prepare: Vec<Step>,
    /// Caps before the tee, with placeholders.
    pub prepared_caps: String,
    /// The same for HDR sources, with the size of the largest rung, so that only shown pixels are
    /// converted.
    pub prepared_caps_hdr: String,
    /// Scales a rung down from the next larger one.
    pub scale: Vec<Step>,
    /// Caps behind the scaler, with placeholders.
    pub scaled_caps: String,
    /// Steps between a rung's scaler and its encoder: none, or a copy into the encoder's memory.
    #[serde(default)]
    pub download: Vec<Step>,
    /// Alternatives for the encoder: the first that is installed and passes the trial is used.
    pub encode: Vec<Step>,
    /// Caps behind the encoder, with placeholders.
    pub encoded_caps: String,
    /// Steps from a scaled frame to system memory, for thumbnails.
    pub still: Vec<Step>,
    /// Sources that a [resolved](resolve) recipe cannot take on this machine. Not part of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot: Vec<Lack>,
    /// Whether its trial worked only with the sandbox's deny list of system calls. Not part of the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_deny_list: bool,
}

/// Kind of device that a recipe uses, which decides how a second device is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// The CPU.
    #[default]
    Cpu,
    /// An NVIDIA GPU. `{device}` is empty for the first, `device1` for the second.
    Cuda,
    /// A GPU with VA-API. `{device}` is empty for the first, such as `renderD129` for the second.
    Va,
    /// A GPU whose recipe can name the first device only.
    Single,
}

/// One element of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Factory name, with `{device}` as placeholder.
    pub element: String,
    /// Conditions of the step: it is used if all are met.
    #[serde(default)]
    pub when: Vec<When>,
    /// Properties, with placeholders in the values. All must exist and take the values.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// Properties that only some releases or cards have; skipped where they are missing.
    #[serde(default)]
    pub set_if_present: BTreeMap<String, Value>,
    /// Properties of a quality level, which add to `set` or override it.
    #[serde(default)]
    pub level: BTreeMap<Level, BTreeMap<String, Value>>,
    /// Replacement if the element or one of its properties is missing. Without one, the recipe cannot take
    /// sources that need the step; a step without conditions must be installed.
    #[serde(default)]
    pub or_else: Vec<Self>,
}

/// A condition on the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Its frames are rotated.
    Rotated,
    /// Part of its frames is cut off. It is decoded in software then.
    Cropped,
    /// It is interlaced.
    Interlaced,
    /// It is HDR.
    Hdr,
    /// Its dynamic range is standard, and its matrix or range is not that of the output.
    NotBt709,
    /// A decoder of the device decodes it.
    DeviceDecoded,
    /// It is decoded in software.
    SoftwareDecoded,
}

impl When {
    /// The condition, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated frames",
            Self::Cropped => "frames of which a part is shown",
            Self::Interlaced => "interlaced frames",
            Self::Hdr => "high dynamic range",
            Self::NotBt709 => "colours other than BT.709 of limited range",
            Self::DeviceDecoded => "a format that the device decodes",
            Self::SoftwareDecoded => "a format that is decoded in software",
        }
    }
}

/// Sources that a recipe cannot take on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Conditions of those sources.
    pub when: Vec<When>,
    /// Why the recipe cannot take them.
    pub reason: String,
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what: Vec<&str> = self.when.iter().map(|when| when.as_str()).collect();
        write!(f, "{} ({})", what.join(", "), self.reason)
    }
}

/// A value as TOML has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Float(f64),
    /// A string or the nick of an enum, which may hold placeholders.
    Text(String),
}

/// A recipe with a plan filled in: what the worker builds.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineSpec {
    /// Name of the backend.
    pub backend: String,
    /// Decoders that are preferred; if empty, only software decoders are used.
    pub decoders: Vec<String>,
    /// Elements between decoder and tee.
    pub prepare: Vec<ElementSpec>,
    /// Caps before the tee.
    pub prepared_caps: String,
    /// The rungs, from the largest to the smallest.
    pub rungs: Vec<RungSpec>,
    /// Elements between a rung's scaled frames and RGB.
    pub still: Vec<ElementSpec>,
}

/// One rung of a [`PipelineSpec`].
#[derive(Clone, Debug, PartialEq)]
pub struct RungSpec {
    /// Name of the rendition.
    pub name: String,
    /// Elements that scale from the next larger rung (the largest: from the prepared frame).
    pub scale: Vec<ElementSpec>,
    /// Caps behind the scaler.
    pub scaled_caps: String,
    /// Elements between the scaled frames and the encoder.
    pub download: Vec<ElementSpec>,
    /// The encoder.
    pub encode: ElementSpec,
    /// Caps behind the encoder.
    pub encoded_caps: String,
}

/// One element with its property values as text, in `gst-launch` syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementSpec {
    /// Factory name.
    pub element: String,
    /// Properties and their values.
    pub set: Vec<(String, String)>,
}

impl Recipe {
    /// Whether each rung takes an NVENC session, of which drivers limit the number.
    #[must_use]
    pub fn takes_nvenc_sessions(&self) -> bool {
        self.encodes_on_gpu && self.device == DeviceKind::Cuda
    }

    /// All steps, each with its path in the file.
    #[must_use]
    pub fn steps(&self) -> Vec<(String, &Step)> {
        let lists = [
            ("prepare", &self.prepare),
            ("scale", &self.scale),
            ("download", &self.download),
            ("encode", &self.encode),
            ("still", &self.still),
        ];
        lists.into_iter().flat_map(|(name, steps)| Step::placed(name, steps)).collect()
    }

    /// Reads recipes, given as name of the file and text, and checks what can be checked without
    /// `GStreamer`. A recipe that is `based_on` another has all that it does not say itself from it.
    ///
    /// # Errors
    /// All faults, each with the file and the key.
    pub fn parse_all(files: &[(&str, &str)]) -> Result<Vec<Self>, Vec<String>> {
        let mut faults = Vec::new();
        let mut recipes = Vec::new();
        for (file, text) in files {
            match read(file, text, files).and_then(|recipe| recipe.checked(file)) {
                Ok(recipe) => recipes.push(recipe),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() { Ok(recipes) } else { Err(faults) }
    }

    fn checked(self, file: &str) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        if self.encode.is_empty() {
            faults.push(format!("{file}: encode: at least one encoder must be named"));
        }
        for (place, value) in self.texts() {
            for name in placeholders::unknown_placeholders(value) {
                faults.push(format!(
                    "{file}: {place} = {value:?}: unknown placeholder {{{name}}}; allowed: {}",
                    PLACEHOLDERS.join(", ")
                ));
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// Every string that may hold placeholders, with its path in the file.
    fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = vec![
            ("prepared_caps".to_owned(), self.prepared_caps.as_str()),
            ("prepared_caps_hdr".to_owned(), self.prepared_caps_hdr.as_str()),
            ("scaled_caps".to_owned(), self.scaled_caps.as_str()),
            ("encoded_caps".to_owned(), self.encoded_caps.as_str()),
        ];
        for (place, step) in self.steps() {
            texts.push((format!("{place}.element"), step.element.as_str()));
            let of_levels = step.level.iter();
            let of_levels =
                of_levels.map(|(level, set)| (format!("level.{}", level.as_str()), set));
            let set = [("set", &step.set), ("set_if_present", &step.set_if_present)];
            let set = set.map(|(section, values)| (section.to_owned(), values));
            for (section, values) in set.into_iter().chain(of_levels) {
                for (name, value) in values {
                    if let Value::Text(text) = value {
                        texts.push((format!("{place}.{section}.{name}"), text));
                    }
                }
            }
        }
        texts
    }
}

/// Parses a recipe, and completes it from the one that it is based on.
fn read(file: &str, text: &str, files: &[(&str, &str)]) -> Result<Recipe, Vec<String>> {
    let fault = |error: toml::de::Error| vec![format!("{file}: {}", error.to_string().trim())];
    let own: toml::Table = toml::from_str(text).map_err(fault)?;
    let Some(base) = own.get("based_on") else { return toml::from_str(text).map_err(fault) };
    let named = |text: &str| {
        let table: toml::Table = toml::from_str(text).ok()?;
        (table.get("name") == Some(base) && !table.contains_key("based_on")).then_some(table)
    };
    let Some(mut whole) = files.iter().find_map(|(_, text)| named(text)) else {
        return Err(vec![format!("{file}: based_on = {base}: there is no such recipe")]);
    };
    whole.extend(own);
    whole.remove("based_on");
    whole.try_into().map_err(fault)
}

impl Step {
    /// These steps and their replacements, each with its path in the file.
    fn placed<'a>(list: &str, steps: &'a [Self]) -> Vec<(String, &'a Self)> {
        let mut placed = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let place = format!("{list}[{number}]");
            placed.push((place.clone(), step));
            placed.extend(Self::placed(&format!("{place}.or_else"), &step.or_else));
        }
        placed
    }
}
