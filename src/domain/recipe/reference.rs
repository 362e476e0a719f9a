//! The reference of the recipes, as Markdown.

use std::collections::BTreeMap;

use super::{DeviceKind, Recipe, Step, Value, When};

const INTRO: &str = "\
# Recipes

<!-- GENERATED from pipelines/*.toml: do not edit. -->

A recipe says with which GStreamer elements and properties a backend decodes, converts, scales and encodes.
[Backends](../explanation/backends.md) says how one is chosen, and
[contributing](../../CONTRIBUTING.md#add-a-recipe) how to add one. Texts in braces are placeholders, which the plan
of a job fills in. Steps with a condition are used for sources that meet it. Of several encoders, the first that is
installed and passes its trial is used. A property with a question mark is skipped where it is missing.
";

/// The text of `docs/reference/recipes.md`: a table of the backends, and one of the elements of each.
#[must_use]
pub fn reference(recipes: &[Recipe]) -> String {
    let mut sorted: Vec<&Recipe> = recipes.iter().collect();
    sorted.sort_by_key(|recipe| (-recipe.priority, &recipe.name));
    let head =
        "\n| backend | priority | device | encodes on | device files |\n|---|---|---|---|---|\n";
    let mut parts = vec![INTRO.to_owned(), head.to_owned()];
    parts.extend(sorted.iter().map(|recipe| row(recipe)));
    parts.extend(sorted.iter().map(|recipe| section(recipe)));
    parts.concat()
}

/// The row of a recipe in the table of the backends.
fn row(recipe: &Recipe) -> String {
    let device = match recipe.device {
        DeviceKind::Cpu => "none",
        DeviceKind::Cuda => "NVIDIA (CUDA)",
        DeviceKind::Va => "VA-API",
        DeviceKind::Single => "the first one",
    };
    let encodes_on = if recipe.encodes_on_gpu { "GPU" } else { "CPU" };
    let Recipe { name, priority, .. } = recipe;
    let files = code(&recipe.device_files);
    format!("| [`{name}`](#{name}) | {priority} | {device} | {encodes_on} | {files} |\n")
}

/// The decoders and elements of a recipe.
fn section(recipe: &Recipe) -> String {
    let mut parts = vec![format!("\n## `{}`\n\n", recipe.name)];
    if !recipe.decoders.is_empty() {
        parts.push(format!("Decoders of the device: {}.\n\n", code(&recipe.decoders)));
    }
    parts.push("| step | element | sources | properties |\n|---|---|---|---|\n".to_owned());
    for (place, step) in recipe.steps() {
        let place = place.replace(['[', ']'], " ").replace("or_else", "or else").replace('.', "");
        let words: Vec<&str> = step.when.iter().copied().map(When::as_str).collect();
        let (place, element, sources) = (place.trim_end(), &step.element, words.join("; "));
        parts.push(format!("| {place} | `{element}` | {sources} | {} |\n", properties(step)));
    }
    parts.concat()
}

/// The properties of a step and of its levels.
fn properties(step: &Step) -> String {
    let mut own = pairs(&step.set, "");
    own.extend(pairs(&step.set_if_present, "?"));
    let levels = step.level.iter();
    let levels = levels
        .map(|(level, set)| format!("level `{}`: {}", level.as_str(), pairs(set, "").join(", ")));
    std::iter::once(own.join(", ")).chain(levels).collect::<Vec<_>>().join("; ")
}

/// The properties as name and value, with this mark behind the name.
fn pairs(set: &BTreeMap<String, Value>, mark: &str) -> Vec<String> {
    let shown = |value: &Value| match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => value.clone(),
    };
    set.iter().map(|(name, value)| format!("`{name}{mark}={}`", shown(value))).collect()
}

fn code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
