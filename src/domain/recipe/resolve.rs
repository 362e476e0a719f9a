//! Which of a recipe's elements and properties are really here.

use std::collections::BTreeMap;

use super::property::PropertyError;
use super::render::Values;
use super::{Lack, Recipe, Step, Value};

/// Facts of elements: of a machine, or of a release of `GStreamer`.
pub trait Elements {
    /// Whether there is an element of this name.
    fn has(&self, element: &str) -> bool;
    /// Whether the element has a property of this name.
    fn has_property(&self, element: &str, property: &str) -> bool;
    /// Whether the element's property can be set to this value.
    ///
    /// # Errors
    /// Why not.
    fn takes(&self, element: &str, property: &str, value: &str) -> Result<(), PropertyError>;
}

/// A recipe with what is really there: one for each of its encoders, the best first.
pub type Resolved = Vec<Recipe>;

/// Makes a recipe concrete for a device: every element and every property that is left is there.
///
/// # Errors
/// All that is missing, each with its place in the file.
pub fn resolve(
    recipe: &Recipe,
    device: &str,
    elements: &dyn Elements,
) -> Result<Resolved, Vec<String>> {
    let looking = Looking { elements, device: Values::of_device(device) };
    let mut found = Found::default();
    let mut list = |name: &str, steps: &[Step]| looking.steps(name, steps, &mut found);
    let there = Recipe {
        prepare: list("prepare", &recipe.prepare),
        scale: list("scale", &recipe.scale),
        download: list("download", &recipe.download),
        still: list("still", &recipe.still),
        encode: Vec::new(),
        decoders: looking.decoders(&recipe.decoders),
        device_files: recipe.device_files.iter().map(|file| looking.device.fill(file)).collect(),
        ..recipe.clone()
    };
    let mut encoders = Vec::new();
    let mut missing = Vec::new();
    for (number, step) in recipe.encode.iter().enumerate() {
        match looking.step(&format!("encode[{number}]"), step) {
            Ok(step) => encoders.push(step),
            Err(faults) => missing.extend(faults),
        }
    }
    if encoders.is_empty() {
        found.faults.extend(missing);
    }
    if !found.faults.is_empty() {
        return Err(found.faults);
    }
    let with =
        |encoder| Recipe { encode: vec![encoder], cannot: found.lacks.clone(), ..there.clone() };
    Ok(encoders.into_iter().map(with).collect())
}

/// Result of the look.
#[derive(Default)]
struct Found {
    faults: Vec<String>,
    lacks: Vec<Lack>,
}

struct Looking<'a> {
    elements: &'a dyn Elements,
    device: Values,
}

impl Looking<'_> {
    fn decoders(&self, names: &[String]) -> Vec<String> {
        let names = names.iter().map(|name| self.device.fill(name));
        names.filter(|name| self.elements.has(name)).collect()
    }

    /// The steps that are here. What is missing is noted.
    fn steps(&self, list: &str, steps: &[Step], found: &mut Found) -> Vec<Step> {
        let mut here = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            match self.step_or_else(&format!("{list}[{number}]"), step) {
                Ok(steps) => here.extend(steps),
                Err(faults) if step.when.is_empty() => found.faults.extend(faults),
                Err(faults) => {
                    let reason = faults.join("; ");
                    found.lacks.push(Lack { when: step.when.clone(), reason });
                }
            }
        }
        here
    }

    fn step_or_else(&self, place: &str, step: &Step) -> Result<Vec<Step>, Vec<String>> {
        let faults = match self.step(place, step) {
            Ok(step) => return Ok(vec![step]),
            Err(faults) if step.or_else.is_empty() => return Err(faults),
            Err(faults) => faults,
        };
        let mut steps = Vec::new();
        for (number, other) in step.or_else.iter().enumerate() {
            let mut other = other.clone();
            other.when.extend(&step.when);
            let place = format!("{place}.or_else[{number}]");
            let more = self.step_or_else(&place, &other);
            steps.extend(more.map_err(|more| [faults.clone(), more].concat())?);
        }
        Ok(steps)
    }

    /// The step itself, with those properties that are here.
    fn step(&self, place: &str, step: &Step) -> Result<Step, Vec<String>> {
        let element = self.device.fill(&step.element);
        if !self.elements.has(&element) {
            return Err(vec![format!("{place}: the element {element} is not installed")]);
        }
        let mut faults = Vec::new();
        let mut set = self.properties(&element, &format!("{place}.set"), &step.set, &mut faults);
        let mut level = BTreeMap::new();
        for (name, properties) in &step.level {
            let place = format!("{place}.level.{}", name.as_str());
            level.insert(*name, self.properties(&element, &place, properties, &mut faults));
        }
        for (name, value) in &step.set_if_present {
            let value = self.on_device(value);
            if self.elements.has_property(&element, name)
                && self.takes(&element, name, &value).is_ok()
            {
                set.insert(name.clone(), value);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let when = step.when.clone();
        let set_if_present = BTreeMap::new();
        Ok(Step { element, when, set, set_if_present, level, or_else: Vec::new() })
    }

    /// These properties, which must all be here and take their values.
    fn properties(
        &self,
        element: &str,
        place: &str,
        properties: &BTreeMap<String, Value>,
        faults: &mut Vec<String>,
    ) -> BTreeMap<String, Value> {
        let mut set = BTreeMap::new();
        for (name, value) in properties {
            let value = self.on_device(value);
            match self.takes(element, name, &value) {
                Ok(()) => drop(set.insert(name.clone(), value)),
                Err(reason) => faults.push(format!("{place}.{name}: {reason}")),
            }
        }
        set
    }

    fn on_device(&self, value: &Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.device.fill(text)),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => value.clone(),
        }
    }

    /// Whether the property takes the least and the most that may come.
    fn takes(&self, element: &str, property: &str, value: &Value) -> Result<(), PropertyError> {
        if !self.elements.has_property(element, property) {
            return Err(PropertyError::unknown(element, property));
        }
        let mut values: Vec<String> =
            Values::extremes().iter().map(|extreme| extreme.text(value)).collect();
        values.dedup();
        values.iter().try_for_each(|value| self.elements.takes(element, property, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::recipe::When;

    /// Elements with properties, and the values that these take.
    struct Known(Vec<(&'static str, Properties)>);

    /// Names, and the values that they take.
    type Properties = Vec<(&'static str, Vec<&'static str>)>;

    impl Known {
        fn properties(&self, element: &str) -> Option<&Properties> {
            self.0.iter().find(|(name, _)| *name == element).map(|(_, properties)| properties)
        }

        fn values(&self, element: &str, property: &str) -> Option<&Vec<&'static str>> {
            let mut properties = self.properties(element)?.iter();
            properties.find(|(name, _)| *name == property).map(|(_, values)| values)
        }
    }

    impl Elements for Known {
        fn has(&self, element: &str) -> bool {
            self.properties(element).is_some()
        }
        fn has_property(&self, element: &str, property: &str) -> bool {
            self.values(element, property).is_some()
        }
        fn takes(&self, element: &str, property: &str, value: &str) -> Result<(), PropertyError> {
            let values = self.values(element, property);
            let values = values.ok_or_else(|| PropertyError::unknown(element, property))?;
            let takes = values.contains(&value);
            takes.then_some(()).ok_or_else(|| PropertyError::value(element, property, value))
        }
    }

    fn recipe(more: &str) -> Recipe {
        let text = format!(
            r#"
            name = "x"
            priority = 1
            prepared_caps = ""
            prepared_caps_hdr = ""
            scaled_caps = ""
            encoded_caps = ""
            scale = []
            still = []
            decoders = ["h264{{device}}dec", "h265{{device}}dec"]
            {more}
            "#
        );
        Recipe::parse_all(&[("x.toml", &text)]).unwrap().remove(0)
    }

    const ENCODERS: &str = r#"
        prepare = []
        encode = [
          { element = "new{device}enc", set = { mode = "vbr", index = "{device_index}" } },
          { element = "old{device}enc", set = { mode = "vbr" }, set_if_present = { b = 2, c = "{quality}" } },
        ]
    "#;

    #[test]
    fn every_encoder_that_is_here_makes_a_recipe() {
        let known = Known(vec![
            ("newdevice1enc", vec![("mode", vec!["vbr"]), ("index", vec!["1"])]),
            ("olddevice1enc", vec![("mode", vec!["vbr"]), ("c", vec!["1"])]),
            ("h265device1dec", vec![]),
        ]);
        let found = resolve(&recipe(ENCODERS), "device1", &known).unwrap();
        let encoders: Vec<&Step> = found.iter().flat_map(|recipe| &recipe.encode).collect();
        assert_eq!(encoders.len(), 2);
        assert_eq!(encoders[0].element, "newdevice1enc");
        assert_eq!(encoders[0].set["index"], Value::Text("1".to_owned()));
        // A value that may come to more than it takes is left out, as if it was not there.
        assert_eq!(encoders[1].set.keys().collect::<Vec<_>>(), ["mode"]);
        assert_eq!(found[0].decoders, ["h265device1dec"]);
    }

    #[test]
    fn all_that_is_missing_is_told_with_its_place() {
        let known = Known(vec![("oldenc", vec![("mode", vec!["cbr"])])]);
        let faults = resolve(&recipe(ENCODERS), "", &known).map(drop).unwrap_err();
        assert_eq!(
            faults,
            [
                "encode[0]: the element newenc is not installed",
                "encode[1].set.mode: oldenc.mode does not take \"vbr\""
            ]
        );
    }

    #[test]
    fn what_stands_in_is_taken_and_what_is_only_for_some_sources_is_a_lack() {
        let prepare = r#"
            prepare = [
              { element = "turn", when = ["rotated"], or_else = [{ element = "down" }, { element = "flip" }] },
              { element = "tone", when = ["hdr", "device-decoded"] },
            ]
            encode = [{ element = "enc" }]
        "#;
        let known = Known(vec![("enc", vec![]), ("down", vec![]), ("flip", vec![])]);
        let found = resolve(&recipe(prepare), "", &known).unwrap();
        let steps: Vec<_> =
            found[0].prepare.iter().map(|s| (s.element.as_str(), &s.when)).collect();
        assert_eq!(steps, [("down", &vec![When::Rotated]), ("flip", &vec![When::Rotated])]);
        assert_eq!(found[0].cannot.len(), 1);
        assert_eq!(found[0].cannot[0].when, [When::Hdr, When::DeviceDecoded]);
        let known = Known(vec![("enc", vec![]), ("down", vec![])]);
        let lacks = resolve(&recipe(prepare), "", &known).unwrap()[0].cannot.clone();
        assert!(lacks[0].reason.contains("prepare[0].or_else[1]"), "{}", lacks[0].reason);
    }
}
