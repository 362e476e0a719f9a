//! Examples of bodies, made from their schemas: a table says what a member with a known name looks like.

use serde_json::{Map, Value, json};

use crate::http::error::samples::Sample;

/// Media type of errors.
const PROBLEM: &str = "application/problem+json";
/// Objects within objects that an example follows.
const MAX_DEPTH: usize = 8;

/// Values of members by name (`name`, or `TokenView.name` for those of one schema), where a schema gives no example.
/// A `null` leaves an optional member out.
const MEMBERS: &str = include_str!("examples.json");

/// Adds examples to all bodies of an operation at this path.
pub(super) fn add(operation: &mut Value, path: &str, schemas: &Value, samples: &[Sample]) {
    let members: Value = serde_json::from_str(MEMBERS).unwrap_or_default();
    let maker = Maker { schemas, members };
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        maker.add_to(content);
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for (status, response) in responses.into_iter().flatten() {
        let Some(content) = response.get_mut("content") else { continue };
        maker.add_to(content);
        if let Some(problem) = content.get_mut(PROBLEM).and_then(Value::as_object_mut) {
            problem.remove("example");
            problem.insert("examples".to_owned(), references(status, path, samples));
        }
    }
}

/// Name of the example of an error within the document.
pub(super) fn key_of(sample: &Sample) -> String {
    format!("{}-{}", sample.problem.status, sample.problem.code)
}

/// The examples of an error with this status at this path.
fn references(status: &str, path: &str, samples: &[Sample]) -> Value {
    let fits = |sample: &&Sample| {
        sample.problem.status.to_string() == status
            && sample.paths.iter().any(|begin| path.starts_with(begin))
    };
    let one = |sample: &Sample| {
        let key = key_of(sample);
        let reference = json!({ "$ref": format!("#/components/examples/{key}") });
        (sample.problem.code.clone(), reference)
    };
    Value::Object(samples.iter().filter(fits).map(one).collect())
}

/// Where a value is.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    /// Name of the schema that it is a part of.
    schema: &'a str,
    /// Name of the member that it is.
    member: &'a str,
    /// Number of objects and arrays around it.
    depth: usize,
}

/// Makes examples.
struct Maker<'a> {
    schemas: &'a Value,
    members: Value,
}

impl Maker<'_> {
    /// Adds an example to each media type that has none.
    fn add_to(&self, content: &mut Value) {
        for (kind, media) in content.as_object_mut().into_iter().flatten() {
            if media.get("example").is_some() || media.get("examples").is_some() {
                continue;
            }
            let Some(schema) = media.get("schema") else { continue };
            let example = match kind.split(';').next().unwrap_or_default() {
                "application/vnd.apple.mpegurl" => {
                    json!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n")
                }
                "text/vtt" => {
                    json!("WEBVTT\n\n00:00.000 --> 00:10.000\nstoryboard_000.jpg#xywh=0,0,160,90\n")
                }
                "text/plain" => json!("ok\n"),
                "application/openmetrics-text" => {
                    json!("# TYPE ladderd_queue_visible gauge\nladderd_queue_visible 0\n# EOF\n")
                }
                "text/event-stream" => {
                    json!(format!("data: {}\n\n", self.value(schema, Place::default())))
                }
                _ => self.value(schema, Place::default()),
            };
            media["example"] = example;
        }
    }

    /// The value that the table has for a member.
    fn known(&self, place: Place<'_>) -> Option<&Value> {
        let own = self.members.get(format!("{}.{}", place.schema, place.member));
        own.or_else(|| self.members.get(place.member))
    }

    /// An example of a schema.
    fn value(&self, schema: &Value, place: Place<'_>) -> Value {
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        if let Some(example) = schema.pointer("/examples/0") {
            return example.clone();
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            // A string or a list with a name of its own is still that member.
            let is_object = self.schemas[name].get("properties").is_some();
            let place = if is_object { Place { schema: name, ..place } } else { place };
            return self.value(&self.schemas[name], place);
        }
        for key in ["oneOf", "anyOf"] {
            let variants = schema.get(key).and_then(Value::as_array).into_iter().flatten();
            if let Some(first) = variants.into_iter().find(|variant| variant["type"] != "null") {
                return self.value(first, place);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let parts = parts.iter().map(|part| self.value(part, place));
            return parts.reduce(merged).unwrap_or_default();
        }
        self.of_type(schema, place)
    }

    fn of_type(&self, schema: &Value, place: Place<'_>) -> Value {
        let values = schema.get("enum").and_then(Value::as_array);
        let known = self.known(place);
        if let Some(values) = values {
            let known = known.filter(|known| values.contains(known));
            return known.or(values.first()).cloned().unwrap_or_default();
        }
        let kind = type_of(schema);
        if let Some(known) = known.filter(|known| has_type(known, kind)) {
            return known.clone();
        }
        match kind {
            "object" => self.object(schema, place),
            "array" => {
                let items = schema.get("items").filter(|_| place.depth < MAX_DEPTH);
                let place = Place { depth: place.depth + 1, ..place };
                items.map(|items| self.value(items, place)).into_iter().collect()
            }
            "string" if schema["format"] == "date-time" => json!("2026-11-30T12:00:00Z"),
            "string" => json!(place.member),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, place: Place<'_>) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let within = |member| Place { schema: place.schema, member, depth: place.depth + 1 };
        for (name, member) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let place = within(name);
            let is_left_out = self.known(place).is_some_and(Value::is_null);
            if place.depth <= MAX_DEPTH && (is_required(name) || !is_left_out) {
                object.insert(name.clone(), self.value(member, place));
            }
        }
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        if let (Some(others), true) = (others, object.is_empty()) {
            object.insert("name".to_owned(), self.value(others, within("name")));
        }
        Value::Object(object)
    }
}

/// The type of a schema; of several, the first that is not `null`.
fn type_of(schema: &Value) -> &str {
    let kind = &schema["type"];
    let first = || kind.as_array()?.iter().filter_map(Value::as_str).find(|name| *name != "null");
    kind.as_str().or_else(first).unwrap_or_default()
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        // A schema without a type takes any value.
        "" => true,
        _ => false,
    }
}

/// An object with the members of both.
fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut all), Value::Object(more)) => {
            all.extend(more);
            Value::Object(all)
        }
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_follow_from_schemas() {
        let schemas = json!({ "Kind": { "type": "string", "enum": ["public", "private"] } });
        let maker = Maker {
            schemas: &schemas,
            members: json!({ "title": "A film", "error": null, "kind": "private", "size": "no number" }),
        };
        let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
        let text = json!({ "type": ["string", "null"] });
        let table = [
            (json!({ "type": "string", "format": "date-time" }), json!("2026-11-30T12:00:00Z")),
            (json!({ "example": 7 }), json!(7)),
            (json!({ "$ref": "#/components/schemas/Kind" }), json!("public")),
            (
                object(json!({ "kind": { "$ref": "#/components/schemas/Kind" } }), json!([])),
                json!({ "kind": "private" }),
            ),
            (
                object(json!({ "title": text, "error": text }), json!([])),
                json!({ "title": "A film" }),
            ),
            (object(json!({ "error": text }), json!(["error"])), json!({ "error": "error" })),
            (
                object(json!({ "size": { "type": "integer", "minimum": 0 } }), json!([])),
                json!({ "size": 0 }),
            ),
            (json!({ "type": "array", "items": { "type": "boolean" } }), json!([true])),
            (json!({ "oneOf": [{ "type": "null" }, { "type": "boolean" }] }), json!(true)),
            (
                json!({ "allOf": [object(json!({ "title": text }), json!([])), object(json!({ "a": { "type": "number" } }), json!([]))] }),
                json!({ "title": "A film", "a": 1 }),
            ),
        ];
        for (schema, expected) in table {
            assert_eq!(maker.value(&schema, Place::default()), expected, "{schema}");
        }
    }
}
