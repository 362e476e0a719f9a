//! Fills a plan into a recipe.

use super::{ElementSpec, PipelineSpec, Recipe, RungSpec, Step, Value, When};
use crate::domain::colour::{Colour, DynamicRange};
use crate::domain::encode::{EncodeConfig, Level, MAX_THREADS_PER_RUNG};
use crate::domain::media::Orientation;
use crate::domain::plan::{Plan, PlannedRung, VideoPlan};

/// Size of the decoder's buffer (VBV) in milliseconds at the capped rate. Two seconds keep the cap
/// without starving key frames.
const VBV_MS: u32 = 2000;

/// Target rate of encoders without a constant quality, in percent of the cap; complex frames use the
/// rest. It is the default of VA-API's encoders.
const AVERAGE_PERCENT: u32 = 66;

/// Facts about a source that a recipe depends on beside the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A decoder of the device takes it.
    pub device_decoded: bool,
}

impl Source {
    fn is(self, plan: &VideoPlan, when: When) -> bool {
        match when {
            When::Rotated => plan.orientation != Orientation::Upright,
            When::Cropped => plan.crop.is_some(),
            When::Interlaced => plan.deinterlace,
            When::Hdr => plan.dynamic_range != DynamicRange::Standard,
            When::NotBt709 => {
                plan.dynamic_range == DynamicRange::Standard
                    && plan.colour.as_converted() != Colour::OUTPUT
            }
            When::DeviceDecoded => self.device_decoded,
            When::SoftwareDecoded => !self.device_decoded,
        }
    }

    /// Whether all of this holds.
    #[must_use]
    pub fn is_all(self, plan: &VideoPlan, when: &[When]) -> bool {
        when.iter().all(|when| self.is(plan, *when))
    }
}

/// The pipeline that makes this plan by a recipe that was resolved. `threads` is what each encoder
/// may use.
#[must_use]
pub fn render(
    recipe: &Recipe,
    plan: &Plan,
    encode: &EncodeConfig,
    threads: u32,
    source: Source,
) -> PipelineSpec {
    let video = &plan.video;
    let shared = Values::of_video(video, threads);
    // The largest rung is what pictures are prepared for.
    let of_rung = |rung| shared.of_rung(rung, quality(encode, rung));
    let largest = video.rungs.first().map_or_else(|| shared.clone(), of_rung);
    let is_hdr = video.dynamic_range != DynamicRange::Standard;
    let prepared_caps = if is_hdr { &recipe.prepared_caps_hdr } else { &recipe.prepared_caps };
    let taken = |step: &&Step| source.is_all(video, &step.when);
    PipelineSpec {
        backend: recipe.name.clone(),
        decoders: if source.device_decoded { recipe.decoders.clone() } else { Vec::new() },
        prepare: recipe.prepare.iter().filter(taken).map(|step| largest.element(step)).collect(),
        prepared_caps: largest.fill(prepared_caps),
        rungs: (video.rungs.iter())
            .filter_map(|rung| rung_spec(recipe, rung, encode, &shared))
            .collect(),
        still: recipe.still.iter().map(|step| shared.element(step)).collect(),
    }
}

/// Constant quality of a rung: that for the box that holds it. Players magnify 854x356 as much as 854x480.
fn quality(encode: &EncodeConfig, rung: &PlannedRung) -> f64 {
    encode.quality_of(rung.box_height())
}

/// None where the recipe has no encoder, which no recipe that was resolved lacks.
fn rung_spec(
    recipe: &Recipe,
    rung: &PlannedRung,
    encode: &EncodeConfig,
    shared: &Values,
) -> Option<RungSpec> {
    let values = shared.of_rung(rung, quality(encode, rung));
    Some(RungSpec {
        name: rung.name.clone(),
        scale: recipe.scale.iter().map(|step| values.element(step)).collect(),
        scaled_caps: values.fill(&recipe.scaled_caps),
        download: recipe.download.iter().map(|step| values.element(step)).collect(),
        encode: values.encoder(recipe.encode.first()?, encode.level),
        encoded_caps: values.fill(&recipe.encoded_caps),
    })
}

/// Values of the placeholders.
#[derive(Clone)]
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    fn of_video(video: &VideoPlan, threads: u32) -> Self {
        let crop = video.crop.unwrap_or_default();
        Self(vec![
            ("crop_left", crop.left.to_string()),
            ("crop_top", crop.top.to_string()),
            ("crop_right", crop.right.to_string()),
            ("crop_bottom", crop.bottom.to_string()),
            ("fps", video.fps.to_string()),
            ("gop_frames", video.gop_frames.to_string()),
            ("threads", threads.to_string()),
            ("orientation", direction(video.orientation).to_owned()),
            ("vbv_ms", VBV_MS.to_string()),
        ])
    }

    /// The least and the most that may come, to hold against what properties take.
    pub(super) fn extremes() -> Vec<Self> {
        let rung = |width, height, max_bitrate_kbps| PlannedRung {
            name: String::new(),
            width,
            height,
            max_bitrate_kbps,
        };
        let least = (rung(2, 2, 50), "5/1", 5, 10.0, 1, Orientation::Rotate90);
        let most = (
            rung(3840, 3840, 150_000),
            "60/1",
            240,
            40.0,
            MAX_THREADS_PER_RUNG,
            Orientation::FlipRotate270,
        );
        [least, most]
            .map(|(rung, fps, gop_frames, quality, threads, orientation)| {
                let crop = ["crop_left", "crop_top", "crop_right", "crop_bottom"];
                let crop = crop.map(|side| (side, (rung.width - 2).to_string()));
                let shared = [
                    ("fps", fps.to_owned()),
                    ("gop_frames", gop_frames.to_string()),
                    ("threads", threads.to_string()),
                    ("orientation", direction(orientation).to_owned()),
                    ("vbv_ms", VBV_MS.to_string()),
                ];
                Self(crop.into_iter().chain(shared).collect()).of_rung(&rung, quality)
            })
            .to_vec()
    }

    /// A device's name and number.
    pub(super) fn of_device(name: &str) -> Self {
        let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let index = if digits.is_empty() { "0" } else { digits };
        Self(vec![("device", name.to_owned()), ("device_index", index.to_owned())])
    }

    fn of_rung(&self, rung: &PlannedRung, quality: f64) -> Self {
        let cap = u64::from(rung.max_bitrate_kbps);
        let vbv_kbits = cap * u64::from(VBV_MS) / 1000;
        let mut values = self.clone();
        values.0.extend([
            ("width", rung.width.to_string()),
            ("height", rung.height.to_string()),
            ("quality", whole(quality)),
            ("bitrate_kbps", cap.to_string()),
            ("bitrate_kibps", (cap * 1000 / 1024).to_string()),
            ("average_kbps", (cap * u64::from(AVERAGE_PERCENT) / 100).to_string()),
            ("vbv_kbits", vbv_kbits.to_string()),
            ("vbv_kibits", (vbv_kbits * 1000 / 1024).to_string()),
        ]);
        values
    }

    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// An element with what this level sets.
    fn encoder(&self, step: &Step, level: Level) -> ElementSpec {
        let mut step = step.clone();
        step.set.extend(step.level.remove(&level).unwrap_or_default());
        self.element(&step)
    }

    fn element(&self, step: &Step) -> ElementSpec {
        let set = step.set.iter().map(|(name, value)| (name.clone(), self.text(value)));
        ElementSpec { element: step.element.clone(), set: set.collect() }
    }

    pub(super) fn text(&self, value: &Value) -> String {
        match value {
            Value::Bool(switch) => switch.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => self.fill(text),
        }
    }
}

/// Rounds a quality: encoders take integers only.
fn whole(quality: f64) -> String {
    format!("{quality:.0}")
}

/// Nick of the `GstVideoOrientationMethod` that turns the frames upright.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_with_an_unknown_placeholder_is_refused_with_its_place() {
        let text = r#"
            name = "x"
            priority = 1
            prepare = []
            prepared_caps = "video/x-raw,framerate={rate}"
            prepared_caps_hdr = "video/x-raw"
            scale = []
            scaled_caps = "video/x-raw"
            still = []
            encode = [{ element = "x264enc", set = { bitrate = "{bitrate_bps}" } }]
            encoded_caps = "video/x-h264"
        "#;
        let faults = Recipe::parse_all(&[("pipelines/x.toml", text)]).map(drop).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("pipelines/x.toml: prepared_caps"), "{}", faults[0]);
        assert!(faults[1].contains("encode[0].set.bitrate"), "{}", faults[1]);
        let based = format!("{text}\nbased_on = \"y\"");
        let faults = Recipe::parse_all(&[("x.toml", &based)]).map(drop).unwrap_err();
        assert_eq!(faults, ["x.toml: based_on = \"y\": there is no such recipe"]);
        let faults = Recipe::parse_all(&[("pipelines/x.toml", "nome = 1")]).map(drop).unwrap_err();
        assert!(faults[0].contains("nome"), "{}", faults[0]);
    }
}
