//! The OpenAPI document of the API. The routes give paths, parameters and schemas; this adds what all
//! operations have alike: title, tags, operation ids, examples of every body, and links between operations.

mod examples;
mod links;
mod names;
mod reference;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use self::examples::key_of;
use self::names::METHODS;
pub use self::reference::reference;
use super::error::samples::{Sample, samples};

/// Tags: beginning of the paths, name, description. The first that fits counts.
const TAGS: &[(&str, &str, &str)] = &[
    ("/v1/upload", "Uploads", "Send files straight to the store, by one PUT or in parts."),
    ("/v1/videos", "Videos", "Find, follow, change and delete videos."),
    ("/v1/tags", "Videos", "Find, follow, change and delete videos."),
    ("/v1/webhooks", "Webhooks", "Have events of videos sent to your server."),
    ("/v1/events", "Events", "Follow all videos."),
    (
        "/v1/playback",
        "Playback",
        "Videos for viewers, and files of private streams for players with a playback token.",
    ),
    (
        "/play",
        "Playback",
        "Videos for viewers, and files of private streams for players with a playback token.",
    ),
    ("/v1/beacons", "Quality of playback", "Reports of players, and their sum."),
    ("/v1/qoe", "Quality of playback", "Reports of players, and their sum."),
    ("/v1/session", "Sessions", "Sign in and out on the page."),
    ("/v1/tokens", "Tokens", "Tokens of programs and people."),
    ("/", "Operation", "State of the appliance."),
];

/// Text at the top of the document.
const DESCRIPTION: &str = "Turns uploaded video into HLS streams.

Send a token with each request: `Authorization: Bearer ldr_…` (`ladderd token create` makes one); each operation \
lists the scopes of which one is needed. Requests from the appliance's own machine need none until it is opened to \
others.

Errors are `application/problem+json` (RFC 9457): `code` is stable, `detail` is for people. Clients must accept \
unknown members of objects and unknown values of enumerations in answers: later versions may add some.";

/// Completes the document of the routes.
pub(super) fn complete(routes: &OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    document["info"] = json!({
        "title": "ladderd",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "A streaming appliance: uploaded video in, HLS ladder out",
        "description": DESCRIPTION,
        "license": { "name": "Apache-2.0 OR MIT", "identifier": env!("CARGO_PKG_LICENSE") },
    });
    document["servers"] = json!([{ "url": "/", "description": "This appliance" }]);
    let samples = samples();
    let schemas = document["components"]["schemas"].clone();
    let mut paths = document["paths"].take();
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                operation["operationId"] = names::operation_id(method, path).into();
                operation["tags"] = json!([tag_of(path)]);
                examples::add(operation, path, &schemas, &samples);
                describe_events(operation);
            }
        }
    }
    close_requests(&paths, &mut document["components"]["schemas"]);
    document["tags"] = tags_in_use(&paths);
    document["components"]["links"] = links::add(&mut paths);
    document["paths"] = paths;
    document["components"]["examples"] = components(&samples);
    document
}

/// Describes the events of a stream, whose data are JSON, as `OpenAPI` 3.2 does.
fn describe_events(operation: &mut Value) {
    let Some(media) = operation.pointer_mut("/responses/200/content/text~1event-stream") else {
        return;
    };
    let data = media["schema"].take();
    media["schema"] = json!({
        "type": "object",
        "description": "One event of the stream.",
        "required": ["data"],
        "properties": {
            "event": { "type": "string" },
            "id": { "type": "string" },
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": data },
        },
    });
}

/// Says of the bodies of all requests that the API refuses unknown members. The derived schemas leave that out where
/// members are flattened.
fn close_requests(paths: &Value, schemas: &mut Value) {
    let operations = paths
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .flat_map(|item| METHODS.iter().filter_map(move |method| item.get(method)));
    for operation in operations {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let name = body.as_str().and_then(|reference| reference.rsplit('/').next());
        if let Some(schema) = name.and_then(|name| schemas.get_mut(name))
            && schema.get("properties").is_some()
        {
            schema["additionalProperties"] = false.into();
        }
    }
}

/// Name of the tag of a path.
fn tag_of(path: &str) -> &'static str {
    let tag = TAGS.iter().find(|(prefix, ..)| path.starts_with(prefix));
    tag.map_or("Operation", |(_, name, _)| name)
}

/// The tags that some path has, in the order of the table.
fn tags_in_use(paths: &Value) -> Value {
    let used: Vec<&str> =
        paths.as_object().into_iter().flatten().map(|(path, _)| tag_of(path)).collect();
    let mut tags: Vec<Value> = TAGS
        .iter()
        .filter(|(_, name, _)| used.contains(name))
        .map(|(_, name, text)| json!({ "name": name, "description": text }))
        .collect();
    // Several paths may have one tag.
    tags.dedup();
    tags.into()
}

/// Bodies of errors, which operations refer to.
fn components(samples: &[Sample]) -> Value {
    let one = |sample: &Sample| {
        let example = json!({ "summary": sample.problem.code, "value": sample.problem });
        (key_of(sample), example)
    };
    Value::Object(samples.iter().map(one).collect::<Map<_, _>>())
}
