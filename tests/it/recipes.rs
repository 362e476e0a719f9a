//! The recipes of `pipelines/` against the elements of each release of `GStreamer`.

use std::fmt::Write;

use ladderd::backend;
use ladderd::domain::crop::Crop;
use ladderd::domain::encode::EncodeConfig;
use ladderd::domain::ladder::Ladder;
use ladderd::domain::media::MediaInfo;
use ladderd::domain::plan::{self, Plan};
use ladderd::domain::recipe::{
    ElementSpec, Elements, PipelineSpec, Recipe, Source, Value, render, resolve,
};

use super::support::elements::{NEWEST, OLDEST, RELEASES, Release, extract};
use super::support::{Need, root, skip};

/// Names of the encoders that a release offers to a recipe.
fn encoders(recipe: &Recipe, release: &'static str) -> Vec<String> {
    let found = resolve(recipe, "", &Release::new(release)).unwrap_or_default();
    found.iter().map(|recipe| recipe.encode[0].element.clone()).collect()
}

#[test]
fn each_release_offers_the_expected_encoders() {
    let (va, low) = ("vah264enc", "vah264lpenc");
    let table: [(&str, &str, &[&str]); 16] = [
        ("nvenc", "1.22.0", &["nvcudah264enc"]),
        ("nvenc", "1.24.13+", &["nvcudah264enc"]),
        ("nvenc", "1.26.11+", &["nvh264enc"]),
        ("nvenc", "1.28.6+", &["nvh264enc"]),
        ("nvenc", "1.29.2+", &["nvh264enc"]),
        ("nvdec", "1.22.0", &["x264enc"]),
        ("nvdec", "1.28.6+", &["x264enc"]),
        // Constant quality with a bitrate cap came with 1.26.
        ("vaapi", "1.22.0", &[va, low]),
        ("vaapi", "1.26.11+", &[va, va, low, low]),
        ("vaapi", "1.28.6+", &[va, va, low, low]),
        ("qsv", "1.22.0", &["qsvh264enc", "qsvh264enc"]),
        ("qsv", "1.28.6+", &["qsvh264enc", "qsvh264enc"]),
        ("vaapi-legacy", "1.22.0", &["vaapih264enc", "vaapih264enc"]),
        // GStreamer has removed it.
        ("vaapi-legacy", "1.28.6+", &[]),
        ("cpu", "1.22.0", &["x264enc"]),
        ("cpu", "1.28.6+", &["x264enc"]),
    ];
    let recipes = backend::recipes().unwrap();
    for (name, release, expected) in table {
        let recipe = recipes.iter().find(|recipe| recipe.name == name).unwrap();
        assert_eq!(encoders(recipe, release), expected, "{name} in {release}");
    }
}

#[test]
fn x264_has_the_same_settings_in_all_recipes() {
    let recipes = backend::recipes().unwrap();
    let encode = |name| &recipes.iter().find(|recipe| recipe.name == name).unwrap().encode;
    assert_eq!(encode("nvdec"), encode("cpu"));
}

#[test]
fn a_recipe_that_resolves_lacks_nothing() {
    for recipe in backend::recipes().unwrap() {
        for release in RELEASES {
            for found in resolve(&recipe, "", &Release::new(release)).unwrap_or_default() {
                assert_eq!(found.cannot, [], "{} in {release}", recipe.name);
            }
        }
    }
}

/// Optional properties exist in some release; one that exists in none is a typing error.
#[test]
fn every_property_and_value_is_known_to_some_release() {
    let releases = RELEASES.map(Release::new);
    let mut unknown = Vec::new();
    for recipe in backend::recipes().unwrap() {
        for (place, step) in recipe.steps() {
            let element = step.element.replace("{device}", "");
            if !releases.iter().any(|release| release.has(&element)) {
                unknown.push(format!("{}: {place}: {element}", recipe.name));
            }
            let of_levels = step.level.values().flatten();
            for (property, value) in step.set.iter().chain(&step.set_if_present).chain(of_levels) {
                let value = sample(value);
                let takes = |release: &Release| release.takes(&element, property, &value).is_ok();
                if !releases.iter().any(takes) {
                    unknown.push(format!("{}: {place}: {property} = {value}", recipe.name));
                }
            }
        }
        for decoder in &recipe.decoders {
            let name = decoder.replace("{device}", "");
            if !releases.iter().any(|release| release.has(&name)) {
                unknown.push(format!("{}: {name}", recipe.name));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// A value with an example in place of a placeholder.
fn sample(value: &Value) -> String {
    match value {
        Value::Bool(switch) => switch.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) if text == "{orientation}" => "90r".to_owned(),
        Value::Text(text) if text == "{device_index}" => "0".to_owned(),
        Value::Text(text) if text.starts_with('{') => "25".to_owned(),
        Value::Text(text) => text.clone(),
    }
}

#[test]
fn the_extract_of_gpu_elements_agrees_with_the_facts_of_all_elements() {
    let Some(path) = std::env::var_os("LADDERD_GST_ELEMENTS") else {
        return skip(Need::Elements, "LADDERD_GST_ELEMENTS names no file with all elements");
    };
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let own = extract();
    for (element, releases) in own.as_object().unwrap() {
        let of_all = all[element].as_object().unwrap();
        let names: Vec<&String> = releases.as_object().unwrap().keys().collect();
        assert_eq!(names, of_all.keys().collect::<Vec<_>>(), "{element}");
        for (release, entry) in releases.as_object().unwrap() {
            let theirs = &of_all[release];
            assert_eq!(entry.get("same_as"), theirs.get("same_as"), "{element} {release}");
            let properties = entry.get("properties").and_then(|p| p.as_object());
            let count = theirs["properties"].as_object().map(serde_json::Map::len);
            assert_eq!(properties.map(serde_json::Map::len), count, "{element} {release}");
            for (name, facts) in properties.into_iter().flatten() {
                for (key, value) in facts.as_object().unwrap() {
                    assert_eq!(*value, theirs["properties"][name][key], "{element}.{name}.{key}");
                }
            }
        }
    }
}

/// The plan of a phone's video: 1080p at 29.97 fps, H.264, rotated by 90 degrees.
fn film() -> Plan {
    let media: MediaInfo = serde_json::from_value(serde_json::json!({
        "container": "Quicktime", "duration_ns": 60_000_000_000_u64, "audio": [], "undecodable": [],
        "video": [{
            "stream_id": "v", "codec": "video/x-h264", "width": 1920, "height": 1080,
            "fps": { "num": 30000, "den": 1001 }, "pixel_aspect": { "num": 1, "den": 1 },
            "orientation": "rotate90", "interlaced": false, "bit_depth": 8, "is_image": false,
        }],
    }))
    .unwrap();
    plan::plan(&media, &Ladder::default(), &EncodeConfig::default(), "").unwrap()
}

#[test]
fn the_same_plan_through_every_recipe() {
    let plan = film();
    for recipe in backend::recipes().unwrap() {
        for (release, age) in [(OLDEST, "oldest"), (NEWEST, "newest")] {
            let Ok(found) = resolve(&recipe, "", &Release::new(release)) else { continue };
            let source = Source { device_decoded: !recipe.decoders.is_empty() };
            let spec = render(&found[0], &plan, &EncodeConfig::default(), 2, source);
            insta::assert_snapshot!(format!("{}-{age}", recipe.name), described(&spec));
        }
    }
}

/// In software, since no device crops in every release.
#[test]
fn every_recipe_crops_before_it_turns_and_scales() {
    let mut plan = film();
    plan.video.crop = Some(Crop { left: 2, top: 4, right: 6, bottom: 8 });
    for recipe in backend::recipes().unwrap() {
        for release in [OLDEST, NEWEST] {
            let Ok(found) = resolve(&recipe, "", &Release::new(release)) else { continue };
            let spec = render(&found[0], &plan, &EncodeConfig::default(), 2, Source::default());
            let at = |name: &str| spec.prepare.iter().position(|step| step.element == name);
            let crop = &spec.prepare[at("videocrop").unwrap()].set;
            let sides = [("left", "2"), ("top", "4"), ("right", "6"), ("bottom", "8")];
            let has = |(side, pixels): (&str, &str)| crop.contains(&(side.into(), pixels.into()));
            assert!(sides.into_iter().all(has), "{crop:?}");
            // Behind the deinterlacer, before anything that turns frames or takes them to the device.
            let turns =
                |step: &ElementSpec| step.set.iter().any(|(name, _)| name == "video-direction");
            let upload = at("cudaupload").unwrap_or(usize::MAX);
            let turn = spec.prepare.iter().position(turns).unwrap();
            assert!(at("deinterlace") < at("videocrop"), "{}", recipe.name);
            assert!(at("videocrop").unwrap() < turn.min(upload), "{}", recipe.name);
        }
    }
}

#[test]
fn a_second_gpu_has_elements_of_its_own() {
    let recipes = backend::recipes().unwrap();
    let nvenc = recipes.iter().find(|recipe| recipe.name == "nvenc").unwrap();
    let faults = resolve(nvenc, "device1", &Release::new(NEWEST)).unwrap_err();
    assert!(faults.iter().any(|fault| fault.contains("nvh264device1enc")), "{faults:?}");
}

/// A pipeline as text, one element per line.
fn described(spec: &PipelineSpec) -> String {
    let element = |spec: &ElementSpec| {
        let values = spec.set.iter().map(|(name, value)| format!(" {name}={value}"));
        format!("  {}{}\n", spec.element, values.collect::<String>())
    };
    let list = |specs: &[ElementSpec]| specs.iter().map(element).collect::<String>();
    let mut text = format!("decoders {:?}\nprepare\n", spec.decoders);
    writeln!(text, "{}  {}", list(&spec.prepare), spec.prepared_caps).unwrap();
    for rung in &spec.rungs {
        writeln!(text, "{}\n{}  {}", rung.name, list(&rung.scale), rung.scaled_caps).unwrap();
        let download = list(&rung.download);
        writeln!(text, "{download}{}  {}", element(&rung.encode), rung.encoded_caps).unwrap();
    }
    write!(text, "still\n{}", list(&spec.still)).unwrap();
    text
}
