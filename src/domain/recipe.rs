//! Recipes: which `GStreamer` elements and properties make a backend, as data.

mod render;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use render::{PLACEHOLDERS, render};

/// A file of `pipelines/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the backend.
    pub name: String,
    /// The recipe with the highest priority that works here is taken.
    pub priority: i32,
    /// Only software decoders may be plugged (`decodebin force-sw-decoders`).
    pub software_decoders: bool,
    /// Devices that the sandbox leaves open, such as `/dev/dri`.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Steps between decoder and tee that turn, deinterlace, convert and rate the picture.
    pub prepare: Vec<Step>,
    /// Caps before the tee, with placeholders.
    pub prepared_caps: String,
    /// The same for a source that is not of standard dynamic range: with the size of the largest
    /// rung, so that no more pixels are converted than are shown.
    pub prepared_caps_hdr: String,
    /// Scales a rung down from the next larger one.
    pub scale: Vec<Step>,
    /// Caps behind the scaler, with placeholders.
    pub scaled_caps: String,
    /// The encoder.
    pub encode: Step,
    /// Caps behind the encoder, with placeholders.
    pub encoded_caps: String,
    /// Makes RGB of any size, in system memory, of a scaled picture: for poster and storyboard.
    pub still: Vec<Step>,
}

/// One element of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Factory name.
    pub element: String,
    /// When the step is taken: always unless said otherwise.
    #[serde(default)]
    pub when: When,
    /// Properties, with placeholders in the values. All must exist.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// Properties that only some releases or cards have.
    #[serde(default)]
    pub set_if_present: BTreeMap<String, Value>,
}

/// When a step of `prepare` is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// For every source.
    #[default]
    Always,
    /// For a source whose picture is not upright.
    Rotated,
    /// For a source with interlaced pictures.
    Interlaced,
    /// For a source that is not of standard dynamic range.
    Hdr,
}

/// A value as TOML has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text or the nick of an enum, which may hold placeholders.
    Text(String),
}

/// A recipe with a plan filled in: what the worker builds.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineSpec {
    /// Name of the backend.
    pub backend: String,
    /// Only software decoders may be plugged.
    pub software_decoders: bool,
    /// Elements between decoder and tee.
    pub prepare: Vec<ElementSpec>,
    /// Caps before the tee.
    pub prepared_caps: String,
    /// The rungs, from the largest to the smallest.
    pub rungs: Vec<RungSpec>,
    /// Elements between a rung's scaled pictures and RGB.
    pub still: Vec<ElementSpec>,
}

/// One rung of a [`PipelineSpec`].
#[derive(Clone, Debug, PartialEq)]
pub struct RungSpec {
    /// Name of the rendition.
    pub name: String,
    /// Elements that scale from the rung before (the first rung: from the prepared picture).
    pub scale: Vec<ElementSpec>,
    /// Caps behind the scaler.
    pub scaled_caps: String,
    /// The encoder.
    pub encode: ElementSpec,
    /// Caps behind the encoder.
    pub encoded_caps: String,
}

/// One element with its values as text, the way `gst-launch` takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementSpec {
    /// Factory name.
    pub element: String,
    /// Properties that must exist.
    pub set: Vec<(String, String)>,
    /// Properties that are left out where the element lacks them.
    pub set_if_present: Vec<(String, String)>,
}

impl Recipe {
    /// All steps with the place where each stands in the file.
    pub fn steps(&self) -> impl Iterator<Item = (String, &Step)> {
        let prepare = self.prepare.iter().enumerate().map(|(n, s)| (format!("prepare[{n}]"), s));
        let scale = self.scale.iter().enumerate().map(|(n, s)| (format!("scale[{n}]"), s));
        let still = self.still.iter().enumerate().map(|(n, s)| (format!("still[{n}]"), s));
        let encode = std::iter::once(("encode".to_owned(), &self.encode));
        prepare.chain(scale).chain(still).chain(encode)
    }

    /// Reads a recipe and checks what can be checked without GStreamer.
    ///
    /// # Errors
    /// All faults, each with the file and the key.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<String>> {
        let recipe: Self = toml::from_str(text)
            .map_err(|error| vec![format!("{file}: {}", error.to_string().trim())])?;
        let mut faults = Vec::new();
        for (place, value) in recipe.texts() {
            for name in render::unknown_placeholders(value) {
                faults.push(format!(
                    "{file}: {place} = {value:?}: unknown placeholder {{{name}}}; allowed: {}",
                    PLACEHOLDERS.join(", ")
                ));
            }
        }
        if faults.is_empty() { Ok(recipe) } else { Err(faults) }
    }

    /// Every text that may hold placeholders, with its place in the file.
    fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = vec![
            ("prepared_caps".to_owned(), self.prepared_caps.as_str()),
            ("prepared_caps_hdr".to_owned(), self.prepared_caps_hdr.as_str()),
            ("scaled_caps".to_owned(), self.scaled_caps.as_str()),
            ("encoded_caps".to_owned(), self.encoded_caps.as_str()),
        ];
        for (place, step) in self.steps() {
            for (section, values) in [("set", &step.set), ("set_if_present", &step.set_if_present)]
            {
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
