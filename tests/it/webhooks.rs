//! Events and webhooks: what a receiver gets, in which order, and what becomes of one that fails.

mod endpoints;
mod failures;
mod fleet;
mod listen;
mod streams;

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::appliance::{Appliance, ApplianceBuilder, TIMEOUT};
use super::support::media;
use super::support::receiver::{Received, Receiver};

/// An appliance that may post to this machine.
fn builder() -> ApplianceBuilder {
    Appliance::builder()
        .before_trials()
        .setting("webhooks.allow_private", true)
        .setting("events.poll_secs", 1)
}

/// Asks the API. Returns status and body.
async fn ask(appliance: &Appliance, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = appliance.http.request(method, format!("{}{path}", appliance.api));
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

/// Makes a webhook. Returns its id and its secret.
async fn make(appliance: &Appliance, url: &str) -> (String, String) {
    let (status, made) = ask(appliance, Method::POST, "/v1/webhooks", json!({"url": url})).await;
    assert_eq!(status, 201, "{made:#}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Asks for an upload with these fields. Returns the video's id.
async fn create(appliance: &Appliance, fields: Value) -> String {
    let mut body = json!({"filename": "film.mp4", "size_bytes": 5});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let (status, answer) = ask(appliance, Method::POST, "/v1/uploads", body).await;
    assert_eq!(status, 201, "{answer:#}");
    answer["video_id"].as_str().unwrap().to_owned()
}

/// The deliveries of a webhook.
async fn deliveries(appliance: &Appliance, id: &str) -> Vec<Value> {
    let (status, page) = appliance.get(&format!("/v1/webhooks/{id}/deliveries")).await;
    assert_eq!(status, 200, "{page:#}");
    page["deliveries"].as_array().unwrap().clone()
}

/// Waits until the latest delivery of a webhook is as it should be.
async fn wait_for_delivery(
    appliance: &Appliance,
    id: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let mut seen = Vec::new();
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            seen = deliveries(appliance, id).await;
            if let Some(found) = seen.iter().find(|delivery| wanted(delivery)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("no such delivery: {seen:#?}"))
}

/// Verifies a request as a receiver does, by the library of Standard Webhooks.
fn verify(received: &Received, secret: &str) {
    let library = standardwebhooks::Webhook::new(secret).unwrap();
    library.verify(&received.body, &received.headers).unwrap();
}

fn types(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_told_of_a_video_from_its_upload_to_its_delete() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let receiver = Receiver::start();
    let appliance = builder().start();
    let (_, secret) = make(&appliance, &format!("{}/ok", receiver.url)).await;
    let bytes = std::fs::read(clip).unwrap();
    let body = json!({"filename": "secret-name.mp4", "size_bytes": bytes.len(), "content_type": "video/mp4",
        "title": "Secret title", "external_id": "lesson-7", "passthrough": "user=42"});
    let (_, answer) = ask(&appliance, Method::POST, "/v1/uploads", body).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.put(&answer["upload"], bytes).await.status(), 200);
    let received = receiver.wait_for("/ok", 4).await;
    assert_eq!(
        types(&received),
        ["video.created", "video.uploaded", "video.playable", "video.ready"]
    );
    for (n, one) in received.iter().enumerate() {
        verify(one, &secret);
        let event = one.json();
        assert_eq!((&event["sequence"], &event["data"]["id"]), (&json!(n + 1), &json!(id)));
        assert_eq!((&event["id"], &one.id()), (&json!(one.id()), &one.id()));
        assert_eq!(event["data"]["passthrough"], "user=42");
        assert_eq!(event["data"]["title"], "Secret title");
    }
    let last = received[3].json();
    assert_eq!(
        (&last["data"]["state"], &last["data"]["playable"]),
        (&json!("ready"), &json!(true))
    );
    assert_eq!(received[2].json()["data"]["playable"], true);
    // Another message for the same version tells nothing new.
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/retry")).await.0, 409);

    assert_eq!(appliance.delete(id).await, 202);
    appliance.wait_until_gone(id).await;
    let received = receiver.wait_for("/ok", 5).await;
    let deleted = received[4].json();
    assert_eq!((&deleted["type"], &deleted["sequence"]), (&json!("video.deleted"), &json!(5)));
    assert_eq!(deleted["data"]["external_id"], "lesson-7");
    assert_eq!(deleted["data"]["passthrough"], "user=42");
    // The events that are kept tell no more of the video than that.
    for key in appliance.keys("uploads", "outbox/").await {
        let object = appliance.s3_client().get_object().bucket("uploads").key(&key).send();
        let text = object.await.unwrap().body.collect().await.unwrap().into_bytes();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.to_lowercase().contains("secret-name"), "{key}: {text}");
        assert!(!text.contains("Secret title"), "{key}: {text}");
    }
    assert_eq!(receiver.received("/ok").len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_fails_is_told_once_with_its_reason() {
    let receiver = Receiver::start();
    let appliance = builder().start();
    make(&appliance, &format!("{}/ok", receiver.url)).await;
    let id = appliance.upload("film.mp4", b"no film".to_vec()).await;
    let video = appliance.wait_for_end(&id).await;
    let received = receiver.wait_for("/ok", 3).await;
    assert_eq!(types(&received), ["video.created", "video.uploaded", "video.failed"]);
    assert_eq!(received[2].json()["data"]["error"], video["error"]);
    // A retry that fails again is another event.
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/retry")).await.0, 202);
    let received = receiver.wait_for("/ok", 4).await;
    assert_eq!(types(&received)[3], "video.failed");
    let ids: BTreeSet<String> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 4);
}
