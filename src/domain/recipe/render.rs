//! Fills a plan into a recipe.

use std::collections::BTreeMap;

use super::{ElementSpec, PipelineSpec, Recipe, RungSpec, Step, Value, When};
use crate::domain::encode::EncodeConfig;
use crate::domain::media::{DynamicRange, Orientation};
use crate::domain::plan::{Plan, PlannedRung, VideoPlan};

/// What may stand in braces in a recipe. The unit is part of the name.
pub const PLACEHOLDERS: [&str; 9] = [
    "width",
    "height",
    "fps",
    "gop_frames",
    "bitrate_kbps",
    "quality",
    "threads",
    "orientation",
    "vbv_ms",
];

/// How much the rate may swing: the decoder's buffer in milliseconds at the capped rate. Twice a
/// GOP's second keeps the cap without starving key frames.
const VBV_MS: u32 = 2000;

/// The pipeline that makes this plan. `threads` is what each encoder may use.
#[must_use]
pub fn render(recipe: &Recipe, plan: &Plan, encode: &EncodeConfig, threads: u32) -> PipelineSpec {
    let video = &plan.video;
    let shared = Values(vec![
        ("fps", video.fps.to_string()),
        ("gop_frames", video.gop_frames.to_string()),
        ("quality", whole(encode.quality)),
        ("threads", threads.to_string()),
        ("orientation", direction(video.orientation).to_owned()),
        ("vbv_ms", VBV_MS.to_string()),
    ]);
    let is_hdr = video.dynamic_range != DynamicRange::Standard;
    let prepared_caps = match video.rungs.first().filter(|_| is_hdr) {
        Some(largest) => shared.of_rung(largest).fill(&recipe.prepared_caps_hdr),
        None => shared.fill(&recipe.prepared_caps),
    };
    let taken = |step: &&Step| match step.when {
        When::Always => true,
        When::Rotated => video.orientation != Orientation::Upright,
        When::Interlaced => video.deinterlace,
        When::Hdr => is_hdr,
    };
    PipelineSpec {
        backend: recipe.name.clone(),
        software_decoders: recipe.software_decoders,
        prepare: recipe.prepare.iter().filter(taken).map(|step| shared.element(step)).collect(),
        prepared_caps,
        rungs: video.rungs.iter().map(|rung| rung_spec(recipe, video, rung, &shared)).collect(),
        still: recipe.still.iter().map(|step| shared.element(step)).collect(),
    }
}

fn rung_spec(recipe: &Recipe, video: &VideoPlan, rung: &PlannedRung, shared: &Values) -> RungSpec {
    debug_assert!(video.gop_frames > 0);
    let values = shared.of_rung(rung);
    RungSpec {
        name: rung.name.clone(),
        scale: recipe.scale.iter().map(|step| values.element(step)).collect(),
        scaled_caps: values.fill(&recipe.scaled_caps),
        encode: values.element(&recipe.encode),
        encoded_caps: values.fill(&recipe.encoded_caps),
    }
}

/// What the placeholders stand for.
#[derive(Clone)]
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn of_rung(&self, rung: &PlannedRung) -> Self {
        let mut values = self.clone();
        values.0.extend([
            ("width", rung.width.to_string()),
            ("height", rung.height.to_string()),
            ("bitrate_kbps", rung.max_bitrate_kbps.to_string()),
        ]);
        values
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    fn element(&self, step: &Step) -> ElementSpec {
        ElementSpec {
            element: step.element.clone(),
            set: self.properties(&step.set),
            set_if_present: self.properties(&step.set_if_present),
        }
    }

    fn properties(&self, values: &BTreeMap<String, Value>) -> Vec<(String, String)> {
        values.iter().map(|(name, value)| (name.clone(), self.text(value))).collect()
    }

    fn text(&self, value: &Value) -> String {
        match value {
            Value::Bool(switch) => switch.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => self.fill(text),
        }
    }
}

/// Encoders take whole steps of the quality scale.
fn whole(quality: f64) -> String {
    format!("{quality:.0}")
}

/// `GstVideoOrientationMethod`, by nick, that turns the picture upright.
fn direction(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Upright => "identity",
        Orientation::Rotate90 => "90r",
        Orientation::Rotate180 => "180",
        Orientation::Rotate270 => "90l",
        Orientation::FlipRotate0 => "horiz",
        // Mirrored and then turned to the right: across the other diagonal than videoflip's own
        // reading of the tag has it.
        Orientation::FlipRotate90 => "ur-ll",
        Orientation::FlipRotate180 => "vert",
        Orientation::FlipRotate270 => "ul-lr",
    }
}

/// The names in braces that are no placeholders.
pub(super) fn unknown_placeholders(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or(rest))
        .filter(|name| !PLACEHOLDERS.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_placeholders_are_found() {
        assert_eq!(unknown_placeholders("a {width} {bitrate} {"), ["bitrate", ""]);
        assert!(unknown_placeholders("{width}x{height}").is_empty());
    }

    #[test]
    fn a_recipe_with_an_unknown_placeholder_is_refused_with_its_place() {
        let text = r#"
            name = "x"
            priority = 1
            software_decoders = true
            prepare = []
            prepared_caps = "video/x-raw,framerate={rate}"
            prepared_caps_hdr = "video/x-raw"
            scale = []
            scaled_caps = "video/x-raw"
            still = []
            encode = { element = "x264enc", set = { bitrate = "{bitrate_bps}" } }
            encoded_caps = "video/x-h264"
        "#;
        let faults = Recipe::parse("pipelines/x.toml", text).map(drop).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("pipelines/x.toml: prepared_caps"), "{}", faults[0]);
        assert!(faults[1].contains("encode.set.bitrate"), "{}", faults[1]);
        let faults = Recipe::parse("pipelines/x.toml", "nome = 1").map(drop).unwrap_err();
        assert!(faults[0].contains("nome"), "{}", faults[0]);
    }
}
