//! Links of answers: the operations that an answer has the parameters of. Programs that read the document can follow
//! them, such as fuzzers that walk over the states of a video.

use serde_json::{Map, Value, json};

use super::names::METHODS;

/// Schema of an answer's body, beginning of the paths, and the sources of the parameters of these paths.
type Source = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The ids that answers have.
const SOURCES: &[Source] = &[
    ("VideoView", "/v1/videos/{id}", &[("id", "$response.body#/id")]),
    ("UploadAnswer", "/v1/videos/{id}", &[("id", "$response.body#/video_id")]),
    (
        "UploadAnswer",
        "/v1/uploads/{video_id}/{upload_id}",
        &[
            ("video_id", "$response.body#/video_id"),
            ("upload_id", "$response.body#/upload/upload_id"),
        ],
    ),
    ("WebhookWithSecret", "/v1/webhooks/{id}", &[("id", "$response.body#/id")]),
    ("WebhookView", "/v1/webhooks/{id}", &[("id", "$response.body#/id")]),
    (
        "Delivery",
        "/v1/webhooks/{id}/deliveries/{delivery}",
        &[("id", "$request.path.id"), ("delivery", "$response.body#/id")],
    ),
    ("MadeToken", "/v1/tokens/{id}", &[("id", "$response.body#/id")]),
    ("TokenView", "/v1/tokens/{id}", &[("id", "$response.body#/id")]),
];

/// The stream of a video's states, which does not end.
const ENDLESS: &str = "listVideoEvents";

/// Adds links to all answers of these paths. Returns the links, to which the answers refer by name.
pub(super) fn add(paths: &mut Value) -> Value {
    let targets = targets(paths);
    let mut links = Map::new();
    for item in paths.as_object_mut().into_iter().flat_map(Map::values_mut) {
        for method in METHODS {
            let responses = item.get_mut(method).and_then(|one| one["responses"].as_object_mut());
            for response in responses.into_iter().flat_map(Map::values_mut) {
                let Some(schema) = schema_of(response) else { continue };
                let found = links_from(&schema, &targets);
                if !found.is_empty() {
                    response["links"] = references(&found);
                }
                links.extend(found.into_iter().map(|(name, _, link)| (name, link)));
            }
        }
    }
    Value::Object(links)
}

/// Paths and ids of the operations that links lead to.
fn targets(paths: &Value) -> Vec<(String, String)> {
    let items = paths.as_object().into_iter().flatten();
    let operations = items.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| {
            let id = item.get(method)?["operationId"].as_str()?;
            Some((path.clone(), id.to_owned()))
        })
    });
    operations.filter(|(_, id)| id != ENDLESS).collect()
}

/// Name of the schema of an answer's body, if it is JSON.
fn schema_of(response: &Value) -> Option<String> {
    let reference = response.pointer("/content/application~1json/schema/$ref")?.as_str()?;
    reference.rsplit('/').next().map(str::to_owned)
}

/// The links of an answer with this schema: name, id of the operation, and the link itself.
fn links_from(schema: &str, targets: &[(String, String)]) -> Vec<(String, String, Value)> {
    let sources = SOURCES.iter().filter(|(from, ..)| *from == schema);
    let all = sources.flat_map(|(from, prefix, parameters)| {
        targets.iter().filter(move |(path, _)| path.starts_with(prefix)).map(move |(_, id)| {
            let parameters: Map<_, _> =
                parameters.iter().map(|(name, from)| ((*name).to_owned(), json!(from))).collect();
            let link = json!({ "operationId": id, "parameters": parameters });
            (format!("{from}-{id}"), id.clone(), link)
        })
    });
    all.collect()
}

fn references(links: &[(String, String, Value)]) -> Value {
    let one = |(name, id, _): &(String, String, Value)| {
        (id.clone(), json!({ "$ref": format!("#/components/links/{name}") }))
    };
    Value::Object(links.iter().map(one).collect())
}
