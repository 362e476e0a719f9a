//! Every route with every kind of caller, against a table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ladderd::domain::auth::Scope;
use serde_json::{Value, json};

use super::{Client, upload};
use crate::support::appliance::Appliance;

/// Scopes that open each route; none for a route that is open to all. `grant` stands for an upload grant.
const ROUTES: &[(&str, &str, &[&str])] = &[
    // First, because an address that has shown too many wrong tokens may not sign in for a while.
    ("delete", "/v1/session", &[]),
    ("get", "/v1/session", &[]),
    ("post", "/v1/session", &[]),
    ("delete", "/v1/sessions", &[]),
    ("get", "/healthz", &[]),
    ("get", "/metrics", &["metrics", "admin"]),
    // They need a playback token, which is no account.
    ("get", "/play/{id}/main.m3u8", &[]),
    ("get", "/play/{id}/{attempt}/{file}", &[]),
    ("get", "/play/{id}/{attempt}/{rendition}/{file}", &[]),
    ("get", "/readyz", &[]),
    ("post", "/v1/beacons", &[]),
    ("get", "/v1/events", &["upload", "read", "manage", "admin"]),
    ("get", "/v1/playback/{id}", &[]),
    ("get", "/v1/qoe", &["read", "manage", "admin"]),
    ("get", "/v1/dead-letters", &["manage", "admin"]),
    ("delete", "/v1/dead-letters/{id}", &["manage", "admin"]),
    ("post", "/v1/dead-letters/{id}/retry", &["manage", "admin"]),
    // Last the one that ends it.
    ("post", "/v1/drain", &["admin"]),
    ("get", "/v1/drain", &["admin"]),
    ("delete", "/v1/drain", &["admin"]),
    ("get", "/v1/doctor", &["admin"]),
    ("post", "/v1/doctor", &["admin"]),
    ("get", "/v1/failures", &["read", "manage", "admin"]),
    ("get", "/v1/system", &["read", "manage", "admin"]),
    ("get", "/v1/system/history", &["read", "manage", "admin"]),
    ("get", "/v1/system/settings", &["admin"]),
    ("get", "/v1/tags", &["read", "manage", "admin"]),
    ("get", "/v1/tokens", &["admin"]),
    ("post", "/v1/tokens", &["admin"]),
    ("delete", "/v1/tokens/{id}", &["admin"]),
    ("post", "/v1/upload-grants", &["upload", "admin"]),
    ("post", "/v1/uploads", &["upload", "admin", "grant"]),
    ("delete", "/v1/uploads/{video_id}/{upload_id}", &["upload", "manage", "admin", "grant"]),
    ("get", "/v1/uploads/{video_id}/{upload_id}", &["upload", "manage", "admin", "grant"]),
    (
        "post",
        "/v1/uploads/{video_id}/{upload_id}/complete",
        &["upload", "manage", "admin", "grant"],
    ),
    ("post", "/v1/uploads/{video_id}/{upload_id}/parts", &["upload", "manage", "admin", "grant"]),
    ("get", "/v1/videos", &["read", "manage", "admin"]),
    ("post", "/v1/videos/delete", &["manage", "admin"]),
    ("post", "/v1/videos", &["upload", "admin"]),
    ("delete", "/v1/videos/{id}", &["manage", "admin"]),
    ("get", "/v1/videos/{id}", &["upload", "read", "manage", "admin", "grant"]),
    ("get", "/v1/videos/{id}/download", &["read", "manage", "admin"]),
    ("post", "/v1/videos/{id}/encode", &["manage", "admin"]),
    ("get", "/v1/videos/{id}/events", &["upload", "read", "manage", "admin", "grant"]),
    ("patch", "/v1/videos/{id}", &["manage", "admin"]),
    ("post", "/v1/videos/{id}/playback-tokens", &["read", "manage", "admin"]),
    ("delete", "/v1/videos/{id}/poster", &["manage", "admin"]),
    ("put", "/v1/videos/{id}/poster", &["manage", "admin"]),
    ("get", "/v1/videos/{id}/report", &["read", "manage", "admin"]),
    ("get", "/v1/videos/{id}/trace", &["read", "manage", "admin"]),
    ("post", "/v1/videos/{id}/restore", &["manage", "admin"]),
    ("post", "/v1/videos/{id}/retry", &["manage", "admin"]),
    ("get", "/v1/videos/{id}/text-tracks", &["upload", "read", "manage", "admin", "grant"]),
    ("delete", "/v1/videos/{id}/text-tracks/{lang}", &["manage", "admin"]),
    ("put", "/v1/videos/{id}/text-tracks/{lang}", &["manage", "admin"]),
    ("get", "/v1/webhooks", &["manage", "admin"]),
    ("post", "/v1/webhooks", &["manage", "admin"]),
    ("delete", "/v1/webhooks/{id}", &["manage", "admin"]),
    ("get", "/v1/webhooks/{id}", &["manage", "admin"]),
    ("patch", "/v1/webhooks/{id}", &["manage", "admin"]),
    ("get", "/v1/webhooks/{id}/deliveries", &["manage", "admin"]),
    ("post", "/v1/webhooks/{id}/deliveries/{delivery}/replay", &["manage", "admin"]),
    ("post", "/v1/webhooks/{id}/replay", &["manage", "admin"]),
    ("post", "/v1/webhooks/{id}/rotate", &["manage", "admin"]),
    ("post", "/v1/webhooks/{id}/test", &["manage", "admin"]),
];

/// A body that some routes need.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("post", "/v1/uploads") => upload(1),
        ("post", "/v1/tokens") => Some(json!({"name": "made", "scopes": ["read"]})),
        ("post", "/v1/beacons") => Some(beacon()),
        ("post", "/v1/session") => Some(json!({"token": "ldr_wrong"})),
        ("post", "/v1/upload-grants") => Some(json!({})),
        ("post", "/v1/videos/delete") => Some(json!({"ids": ["x"]})),
        ("post", "/v1/drain") => Some(json!({"grace_secs": 0})),
        ("post", path) if path.ends_with("/encode") => Some(json!({})),
        ("post", "/v1/videos") => Some(json!({"source_url": "http://127.0.0.1/refused.mp4"})),
        ("patch", _) => Some(json!({"visibility": "private"})),
        ("post", path) if path.ends_with("/playback-tokens") => Some(json!({})),
        ("post", path) if path.ends_with("/complete") => Some(json!({"parts": []})),
        ("post", path) if path.ends_with("/parts") => Some(json!({"numbers": [1]})),
        _ => None,
    }
}

/// The report of a player.
pub(crate) fn beacon() -> Value {
    json!({"player": "page", "watched_ms": 1, "rebuffer_ms": 0, "rebuffers": 0, "errors": 0})
}

/// A path with ids that nothing has.
fn filled(path: &str) -> String {
    path.replace("/tokens/{id}", "/tokens/0123456789abcdef")
        .replace("{id}", "00000000000000000000")
        .replace("{video_id}", "00000000000000000000")
        .replace("{upload_id}", "x")
        .replace("{lang}", "en")
        .replace("/download", "/download?rung=720p")
        .replace("{attempt}", "a1")
        .replace("{rendition}", "720p")
        .replace("{file}", "index.m3u8")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_needs_what_the_table_says() {
    let appliance = Appliance::start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let admin = Client::bearer(&appliance, &admin.token);
    let mut callers: BTreeMap<&str, String> = BTreeMap::new();
    for scope in ["upload", "read", "manage", "metrics", "admin"] {
        callers.insert(scope, admin.make(&[scope]).await.token);
    }
    let (_, document) = admin.ask("GET", "/openapi.json", None).await;
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((method.as_str(), path.as_str()));
            assert!(operation["security"].is_array(), "{method} {path} says nothing of rights");
        }
    }
    let table: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(documented, table);

    let expiring = json!({"name": "short", "scopes": ["admin"], "expires_in": 1});
    let (_, expired) = admin.ask("POST", "/v1/tokens", Some(expiring)).await;
    let expired = expired["token"].as_str().unwrap().to_owned();
    let revoked = admin.make(&["admin"]).await;
    let was_valid = Client::bearer(&appliance, &revoked.token);
    assert_eq!(was_valid.ask("GET", "/v1/tokens", None).await.0, 200);
    admin.ask("DELETE", &format!("/v1/tokens/{}", revoked.id), None).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;

    for (method, path, opened_by) in ROUTES {
        let declared = declared_scopes(&document, method, path);
        let opens = |scope: &Scope| declared.iter().any(|needed| scope.includes(*needed));
        let opening: BTreeSet<&str> =
            Scope::ALL.iter().filter(|scope| opens(scope)).map(|scope| scope.name()).collect();
        let expected: BTreeSet<&str> =
            opened_by.iter().copied().filter(|scope| *scope != "grant").collect();
        assert_eq!(opening, expected, "{method} {path}");
        let url = filled(path);
        let call = async |client: Client<'_>| {
            // The body of an event stream does not end.
            let answer = client.send(&method.to_uppercase(), &url, body(method, path)).await;
            answer.status().as_u16()
        };
        let is_open = opened_by.is_empty();
        let signs_in = (*method, *path) == ("post", "/v1/session") || path.starts_with("/play/");
        let status = call(Client::nobody(&appliance)).await;
        assert_eq!(status == 401, !is_open || signs_in, "{method} {path} by nobody: {status}");
        for (scope, token) in &callers {
            let status = call(Client::bearer(&appliance, token)).await;
            let may = is_open || opened_by.contains(scope);
            assert_eq!(status == 403, !may, "{method} {path} by {scope}: {status}");
            assert!(status < 500, "{method} {path} by {scope}: {status}");
            assert!(status != 401 || signs_in, "{method} {path} by {scope}: {status}");
        }
        let grant = admin.ask("POST", "/v1/upload-grants", Some(json!({}))).await.1;
        let status = call(Client::bearer(&appliance, grant["grant"].as_str().unwrap())).await;
        let may = is_open || opened_by.contains(&"grant");
        assert_eq!(status == 403, !may, "{method} {path} by a grant: {status}");
        // A secret that gives no rights is told, also where none are needed. Health depends on nothing.
        for token in [&expired, &revoked.token].into_iter().filter(|_| *path != "/healthz") {
            let status = call(Client::bearer(&appliance, token)).await;
            assert!([401, 429].contains(&status), "{method} {path}: {status}");
        }
    }
}

/// Scopes that the document declares for an operation.
fn declared_scopes(document: &Value, method: &str, path: &str) -> Vec<Scope> {
    let security = document["paths"][path][method]["security"].as_array().unwrap();
    let scopes = security.iter().flat_map(|entry| entry.as_object().unwrap().values());
    let scopes = scopes.flat_map(|scopes| scopes.as_array().unwrap());
    scopes.map(|scope| scope.as_str().unwrap().parse().unwrap()).collect()
}
