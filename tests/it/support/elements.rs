//! Properties of GPU elements in each release of `GStreamer`, from `tests/doubles/elements.json`.

use ladderd::domain::recipe::{Elements, PropertyError};
use serde_json::Value;

/// The releases from the oldest on; the last is a development release.
pub const RELEASES: [&str; 5] = ["1.22.0", "1.24.13+", "1.26.11+", "1.28.6+", "1.29.2+"];
pub const OLDEST: &str = RELEASES[0];
pub const NEWEST: &str = RELEASES[3];

/// Rate controls of VA-API encoders. The driver decides which there are; these are all that the
/// releases know.
const VA_RATE_CONTROLS: [&str; 4] = ["cbr", "vbr", "vcm", "cqp"];
const VA_RATE_CONTROLS_SINCE_1_26: [&str; 6] = ["cbr", "vbr", "vcm", "cqp", "icq", "qvbr"];
/// `GstVideoOrientationMethod`.
const ORIENTATIONS: [&str; 10] =
    ["identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll", "auto", "custom"];

/// The properties by element and release.
pub fn extract() -> Value {
    serde_json::from_str(include_str!("../../doubles/elements.json")).unwrap()
}

/// A release on a machine that has all of its elements, with cards that can do all it knows.
pub struct Release {
    name: &'static str,
    all: Value,
}

impl Release {
    pub fn new(name: &'static str) -> Self {
        Self { name, all: extract() }
    }

    fn properties(&self, element: &str) -> Option<&serde_json::Map<String, Value>> {
        let releases = &self.all[element];
        let mut entry = &releases[self.name];
        while let Some(same) = entry.get("same_as") {
            entry = &releases[same.as_str().unwrap()];
        }
        entry.get("properties")?.as_object()
    }

    /// Whether the file has the element.
    fn is_of_gpu(&self, element: &str) -> bool {
        self.all.get(element).is_some()
    }
}

impl Elements for Release {
    fn has(&self, element: &str) -> bool {
        let is_decoder_of_vaapi = element.starts_with("vaapi") && element.ends_with("dec");
        if is_decoder_of_vaapi {
            return self.properties("vaapih264enc").is_some();
        }
        let of_gpu = ["nv", "cuda", "va", "qsv"].iter().any(|prefix| element.starts_with(prefix));
        if of_gpu { self.properties(element).is_some() } else { true }
    }

    fn has_property(&self, element: &str, property: &str) -> bool {
        if !self.is_of_gpu(element) {
            return true;
        }
        self.properties(element).is_some_and(|properties| properties.contains_key(property))
    }

    fn takes(&self, element: &str, property: &str, value: &str) -> Result<(), PropertyError> {
        if !self.is_of_gpu(element) {
            return Ok(());
        }
        let facts = self.properties(element).and_then(|properties| properties.get(property));
        let facts = facts.ok_or_else(|| PropertyError::unknown(element, property))?;
        if facts.get("readonly").is_some_and(|readonly| readonly == true) {
            return Err(PropertyError::read_only(element, property));
        }
        let takes = match self.values(element, property, facts) {
            Some(values) => values.iter().any(|known| known == value),
            None => in_range(facts, value),
        };
        takes.then_some(()).ok_or_else(|| PropertyError::value(element, property, value))
    }
}

impl Release {
    /// The names that a property takes, if it takes names.
    fn values(&self, element: &str, property: &str, facts: &Value) -> Option<Vec<String>> {
        let owned = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        if property == "video-direction" {
            return owned(&ORIENTATIONS);
        }
        if element.starts_with("va") && property == "rate-control" && facts["values"].is_null() {
            let is_old = RELEASES[..2].contains(&self.name);
            return owned(if is_old { &VA_RATE_CONTROLS } else { &VA_RATE_CONTROLS_SINCE_1_26 });
        }
        let listed = facts.get("values")?.as_array()?.iter();
        Some(listed.map(|value| value.as_str().unwrap().to_owned()).collect())
    }
}

/// Whether a boolean or a number is in range. A bound that depends on the card is not checked.
fn in_range(facts: &Value, value: &str) -> bool {
    let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "boolean" | "gboolean" => matches!(value, "true" | "false"),
        "uint" | "guint" | "int" | "gint" | "double" | "float" => {
            let Ok(number) = value.parse::<f64>() else { return false };
            let bound = |key: &str| -> Option<f64> {
                let factors = text(key).split('*').map(|factor| factor.trim().parse::<f64>().ok());
                factors.product()
            };
            let (min, max) = (bound("min"), bound("max"));
            // One source prints the greatest unsigned number as -1.
            let max = max.filter(|max| *max >= 0.0);
            min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
        }
        _ => false,
    }
}
