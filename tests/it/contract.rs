//! The OpenAPI document as a contract: complete, true, and kept from one release to the next.

mod breaking;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::breaking::breaks;
use super::browser::{browse, has_browser};
use super::support::appliance::Appliance;
use super::support::root;

/// The document of the last release.
const RELEASED: &str = "docs/reference/openapi-released.json";

/// Calls `each` with method, path and operation.
fn for_each_operation(document: &Value, mut each: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            each(method, path, operation);
        }
    }
}

#[test]
fn no_change_breaks_clients_of_the_last_release() {
    let released = std::fs::read(root().join(RELEASED)).unwrap();
    let released = serde_json::from_slice(&released).unwrap();
    let found = breaks(&released, &ladderd::http::openapi());
    assert!(
        found.is_empty(),
        "docs/explanation/api-changes.md allows none of these:\n{}",
        found.join("\n")
    );
}

#[test]
fn every_operation_has_a_name_a_tag_a_summary_and_examples() {
    let document = ladderd::http::openapi();
    let mut names = BTreeSet::new();
    for_each_operation(&document, |method, path, operation| {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{method} {path}: {name} is taken");
        assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{method} {path} has no summary");
        let bodies = operation["responses"].as_object().unwrap().iter();
        let bodies = bodies.map(|(status, response)| (status.as_str(), &response["content"]));
        for (status, content) in bodies.chain([("request", &operation["requestBody"]["content"])]) {
            for (kind, media) in content.as_object().into_iter().flatten() {
                let has_one = !media["example"].is_null()
                    || media["examples"].as_object().is_some_and(|all| !all.is_empty());
                assert!(has_one, "{method} {path} has no example of {kind} ({status})");
            }
        }
    });
    let info = &document["info"];
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["license"]["identifier"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_takes_the_examples_of_all_requests() {
    let mut appliance = Appliance::serving();
    // Once there is a token, nobody may call it without one.
    appliance.authorize();
    let (_, document) = appliance.get("/openapi.json").await;
    assert_eq!(document, ladderd::http::openapi());
    let mut requests = Vec::new();
    for_each_operation(&document, |method, path, operation| {
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        if !body.is_null() {
            requests.push((method.to_uppercase(), path.to_owned(), body.clone()));
        }
    });
    assert!(requests.len() > 5);
    for (method, path, body) in requests {
        let path = path
            .replace("{id}", "00000000000000000000")
            .replace("{video_id}", "00000000000000000000");
        let url = path.replace("{upload_id}", "x");
        let send = async |body: &Value| {
            let request = appliance.request(method.parse().unwrap(), &url).json(body);
            request.send().await.unwrap().status().as_u16()
        };
        let status = send(&body).await;
        // The videos of the paths do not exist, and external ids are taken; the bodies are right.
        assert!(
            [200, 201, 202, 204, 401, 404, 409].contains(&status),
            "{method} {path} {body}: {status}"
        );
        // The schemas of requests name all members.
        let mut more = body.clone();
        more["a_member_of_no_schema"] = json!(1);
        let status = send(&more).await;
        assert!([400, 404, 422].contains(&status), "{method} {path} {more}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_the_body_of_its_example() {
    let appliance = Appliance::serving();
    let document = ladderd::http::openapi();
    let url = format!("{}/v1/videos", appliance.api);
    let answer = appliance.http.patch(url).send().await.unwrap();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem, document["components"]["examples"]["405-method-not-allowed"]["value"]);
    let url = format!("{}/v1/videos/5f2b9c1d7e3a40688d10", appliance.api);
    let problem: Value = appliance.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(problem, document["components"]["examples"]["404-not-found"]["value"]);
    assert_eq!(problem["type"], json!("about:blank"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_page_shows_every_operation_without_other_hosts() {
    if !has_browser() {
        return;
    }
    let appliance = Appliance::serving();
    let (result, is_success) = browse("docs.mjs", &[&appliance.api]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert!(is_success, "{result:#}");
    let mut names = BTreeSet::new();
    let document = ladderd::http::openapi();
    for_each_operation(&document, |_, _, operation| {
        names.insert(operation["operationId"].as_str().unwrap().to_owned());
    });
    let shown: BTreeSet<String> = serde_json::from_value(result["operations"].clone()).unwrap();
    assert_eq!(shown, names);
    assert_eq!(result["overflow"], json!([]), "{result:#}");
    let host = appliance.api.strip_prefix("http://").unwrap();
    assert_eq!(result["hosts"], json!([host]), "{result:#}");
    let example: Value = serde_json::from_str(result["example"].as_str().unwrap()).unwrap();
    assert_eq!(example["filename"], "film.mp4");
}
