//! Compares two OpenAPI documents: which changes break a client of the old one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Schemas within schemas that are compared.
const MAX_DEPTH: usize = 12;

/// Who sends a body.
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    Client,
    Server,
}

/// The changes from `old` to `new` that break clients of `old`, a sentence each.
pub(super) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in entries(&old["paths"]) {
        for (method, operation) in entries(item) {
            let place = format!("{} {path}", method.to_uppercase());
            let now = &new["paths"][path][method];
            if now.is_null() {
                found.push(format!("{place} is gone"));
            } else {
                Comparison { old, new, found: &mut found }.operation(operation, now, &place);
            }
        }
    }
    found
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: &'a mut Vec<String>,
}

impl Comparison<'_> {
    fn operation(&mut self, old: &Value, new: &Value, place: &str) {
        if old["operationId"] != new["operationId"] {
            self.found.push(format!("{place} has another operationId"));
        }
        let (before, after) = (rights(old), rights(new));
        if (before.is_empty() && !after.is_empty())
            || before.iter().any(|right| !after.contains(right)) && !after.is_empty()
        {
            self.found.push(format!("{place} needs other rights"));
        }
        self.parameters(old, new, place);
        let (was, is) = (&old["requestBody"], &new["requestBody"]);
        if was.is_null() && is["required"] == true {
            self.found.push(format!("{place} needs a body"));
        }
        self.content(was, is, Sender::Client, &format!("{place}: body"));
        for (status, answer) in entries(&old["responses"]) {
            let is_success = status.starts_with(['2', '3']);
            let now = &new["responses"][status];
            if is_success && now.is_null() {
                self.found.push(format!("{place} answers no {status}"));
            } else if is_success {
                self.content(answer, now, Sender::Server, &format!("{place}: {status}"));
            }
        }
    }

    fn parameters(&mut self, old: &Value, new: &Value, place: &str) {
        let list =
            |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
        let (old, new) = (list(old), list(new));
        let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
        for was in &old {
            let at = format!("{place}: parameter {}", was["name"]);
            match new.iter().find(|is| same(was, is)) {
                None => self.found.push(format!("{at} is gone")),
                Some(is) => self.schema(&present(was), &present(is), Sender::Client, &at, 0),
            }
        }
        for is in new.iter().filter(|is| is["required"] == true) {
            if !old.iter().any(|was| same(was, is) && was["required"] == true) {
                self.found.push(format!("{place}: parameter {} is required", is["name"]));
            }
        }
    }

    fn content(&mut self, old: &Value, new: &Value, sender: Sender, place: &str) {
        for (kind, was) in entries(&old["content"]) {
            let is = &new["content"][kind];
            if is.is_null() {
                self.found.push(format!("{place} is no {kind}"));
            } else {
                self.schema(&was["schema"], &is["schema"], sender, place, 0);
            }
        }
    }

    fn schema(&mut self, old: &Value, new: &Value, sender: Sender, place: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let (old, new) = (resolved(self.old, old), resolved(self.new, new));
        if let (Some(before), after) = (variants(&old), variants(&new)) {
            for was in before {
                let fits = after
                    .into_iter()
                    .flatten()
                    .any(|is| self.is_compatible(was, is, sender, depth));
                if !fits {
                    self.found.push(format!("{place}: a variant is gone or has changed"));
                }
            }
            return;
        }
        let (before, after) = (types(&old), types(&new));
        let fits = match sender {
            Sender::Client => before.is_subset(&after) || after.is_empty(),
            Sender::Server => after.is_subset(&before) || before.is_empty(),
        };
        if !fits {
            self.found.push(format!("{place} has another type: {after:?} instead of {before:?}"));
            return;
        }
        if let (Sender::Client, Some(before), Some(after)) =
            (sender, old["enum"].as_array(), new["enum"].as_array())
        {
            for value in before.iter().filter(|value| !after.contains(value)) {
                self.found.push(format!("{place} takes {value} no more"));
            }
        }
        self.members(&old, &new, sender, place, depth);
        if !old["items"].is_null() {
            self.schema(&old["items"], &new["items"], sender, &format!("{place}[]"), depth + 1);
        }
    }

    fn members(&mut self, old: &Value, new: &Value, sender: Sender, place: &str, depth: usize) {
        for (name, was) in entries(&old["properties"]) {
            let is = &new["properties"][name];
            if is.is_null() {
                self.found.push(format!("{place}.{name} is gone"));
            } else {
                self.schema(was, is, sender, &format!("{place}.{name}"), depth + 1);
            }
        }
        let (before, after) = (required(old), required(new));
        match sender {
            Sender::Client => {
                for name in after.difference(&before) {
                    self.found.push(format!("{place}.{name} is required"));
                }
            }
            Sender::Server => {
                for name in
                    before.difference(&after).filter(|name| !new["properties"][**name].is_null())
                {
                    self.found.push(format!("{place}.{name} may be absent"));
                }
            }
        }
    }

    fn is_compatible(&self, old: &Value, new: &Value, sender: Sender, depth: usize) -> bool {
        let mut found = Vec::new();
        let mut inner = Comparison { old: self.old, new: self.new, found: &mut found };
        inner.schema(old, new, sender, "", depth + 1);
        found.is_empty()
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The schema behind references, with the parts of an `allOf` in one.
fn resolved(document: &Value, schema: &Value) -> Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let Some(name) = schema["$ref"].as_str() else { break };
        schema = &document["components"]["schemas"][name.rsplit('/').next().unwrap()];
    }
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut all = json!({ "type": "object", "properties": {}, "required": [] });
    for part in parts.iter().map(|part| resolved(document, part)) {
        for (name, member) in entries(&part["properties"]) {
            all["properties"][name] = member.clone();
        }
        let names = part["required"].as_array().cloned().unwrap_or_default();
        all["required"].as_array_mut().unwrap().extend(names);
    }
    all
}

/// Schema of a parameter. It may be absent, but never `null`.
fn present(parameter: &Value) -> Value {
    let mut schema = parameter["schema"].clone();
    if let Some(types) = schema["type"].as_array_mut() {
        types.retain(|kind| kind != "null");
    }
    schema
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())
}

fn types(schema: &Value) -> BTreeSet<&str> {
    let kind = &schema["type"];
    let several = kind.as_array().into_iter().flatten().filter_map(Value::as_str);
    several.chain(kind.as_str()).collect()
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The alternatives of rights that open an operation; none if all may call it.
fn rights(operation: &Value) -> BTreeSet<String> {
    operation["security"].as_array().into_iter().flatten().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document with one operation, whose request and answer have this schema.
    fn document(schema: &Value) -> Value {
        let content =
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Film" } } });
        json!({
            "components": { "schemas": { "Film": schema } },
            "paths": { "/films": { "post": {
                "operationId": "createFilm",
                "parameters": [{ "name": "q", "in": "query", "schema": { "type": "string" } }],
                "security": [{ "token": ["read"] }],
                "requestBody": { "content": content },
                "responses": { "201": { "content": content }, "404": {} },
            } } },
        })
    }

    fn film(members: &Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": members, "required": required })
    }

    fn before() -> Value {
        let state = json!({ "type": "string", "enum": ["ready", "failed"] });
        let text = json!({ "type": ["string", "null"] });
        document(&film(
            &json!({ "state": state, "title": text, "size": { "type": "integer" } }),
            &["state"],
        ))
    }

    /// The same document after a change at this place.
    fn changed(pointer: &str, to: Value) -> Vec<String> {
        let mut after = before();
        *after.pointer_mut(pointer).unwrap() = to;
        breaks(&before(), &after)
    }

    #[test]
    fn additions_break_nothing() {
        assert_eq!(breaks(&before(), &before()), [""; 0]);
        let parameter = "/paths/~1films/post/parameters/0/schema/type";
        assert_eq!(changed(parameter, json!(["string", "null"])), [""; 0]);
        let members = "/components/schemas/Film/properties";
        let mut more = before().pointer(members).unwrap().clone();
        more["label"] = json!({ "type": "string" });
        assert_eq!(changed(members, more), [""; 0]);
        let states = json!(["ready", "failed", "waiting"]);
        assert_eq!(changed(&format!("{members}/state/enum"), states), [""; 0]);
        let mut after = before();
        after["paths"]["/films"]["get"] = json!({});
        after["paths"]["/films"]["post"]["parameters"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "name": "r", "in": "query" }));
        after["paths"]["/films"]["post"]["responses"]["404"] = Value::Null;
        assert_eq!(breaks(&before(), &after), [""; 0]);
    }

    #[test]
    fn every_kind_of_break_is_named() {
        let post = "/paths/~1films/post";
        let film = "/components/schemas/Film";
        let table: &[(String, Value, &[&str])] = &[
            ("/paths/~1films".to_owned(), json!({}), &["POST /films is gone"]),
            (
                format!("{post}/operationId"),
                json!("addFilm"),
                &["POST /films has another operationId"],
            ),
            (
                format!("{post}/security/0/token"),
                json!(["admin"]),
                &["POST /films needs other rights"],
            ),
            (format!("{post}/parameters"), json!([]), &["POST /films: parameter \"q\" is gone"]),
            (
                format!("{post}/parameters/0/schema/type"),
                json!("integer"),
                &[
                    "POST /films: parameter \"q\" has another type: {\"integer\"} instead of {\"string\"}",
                ],
            ),
            (format!("{post}/responses"), json!({}), &["POST /films answers no 201"]),
            (
                format!("{film}/required"),
                json!(["state", "size"]),
                &["POST /films: body.size is required"],
            ),
            (format!("{film}/required"), json!([]), &["POST /films: 201.state may be absent"]),
            (
                format!("{film}/properties/state/enum"),
                json!(["ready"]),
                &["POST /films: body.state takes \"failed\" no more"],
            ),
            (
                format!("{film}/properties/title/type"),
                json!("string"),
                &[
                    "POST /films: body.title has another type: {\"string\"} instead of {\"null\", \"string\"}",
                ],
            ),
            (
                format!("{film}/properties/size/type"),
                json!(["integer", "null"]),
                &[
                    "POST /films: 201.size has another type: {\"integer\", \"null\"} instead of {\"integer\"}",
                ],
            ),
            (
                format!("{film}/properties"),
                json!({ "state": { "type": "string" }, "title": { "type": ["string", "null"] } }),
                &["POST /films: body.size is gone", "POST /films: 201.size is gone"],
            ),
        ];
        for (pointer, to, expected) in table {
            assert_eq!(changed(pointer, to.clone()), *expected, "{pointer}");
        }
    }
}
