//! Metadata of videos: changes, ids of other systems, ends.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask_with, found, send, wait_until_found};
use crate::support::appliance::Appliance;

/// Changes a video if it has this entity tag. Returns the status and the new tag, or the problem.
async fn change(
    appliance: &Appliance,
    id: &str,
    seen: Option<&str>,
    change: Value,
) -> (u16, String, Value) {
    let mut request = appliance.request(Method::PATCH, &format!("/v1/videos/{id}")).json(&change);
    if let Some(seen) = seen {
        request = request.header("if-match", seen);
    }
    let response = request.send().await.unwrap();
    let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    (response.status().as_u16(), tag.unwrap_or_default(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_made_blindly_is_refused_and_others_stay() {
    let appliance = Appliance::serving();
    let id = ask_with(&appliance, "1.mp4", json!({"title": "One", "tags": ["a", "a"]})).await;
    let path = format!("/v1/videos/{id}");
    let seen = appliance.request(Method::GET, &path).send().await.unwrap();
    let seen = seen.headers()["etag"].to_str().unwrap().to_owned();
    let (status, tag, video) =
        change(&appliance, &id, Some(&seen), json!({"title": "Two", "description": "Text"})).await;
    assert_eq!((status, &video["title"], &video["tags"]), (200, &json!("Two"), &json!(["a"])));
    assert_ne!(tag, seen);
    let (status, _, problem) =
        change(&appliance, &id, Some(&seen), json!({"title": "Three"})).await;
    assert_eq!((status, &problem["code"]), (412, &json!("changed")));
    let (status, _, video) =
        change(&appliance, &id, Some(&format!("\"x\", {tag}")), json!({"description": null})).await;
    assert_eq!(
        (status, &video["title"], &video["description"]),
        (200, &json!("Two"), &Value::Null)
    );
    assert_eq!(found(&appliance, "q=two").await, [id.as_str()]);
    assert!(found(&appliance, "q=text").await.is_empty());
    for (body, status, word) in [
        (json!({"title": ""}), 400, "title"),
        (json!({"tags": vec!["x"; 33]}), 200, ""),
        (json!({"tags": (0..33).map(|n| n.to_string()).collect::<Vec<_>>()}), 400, "tags"),
        (json!({"titel": "x"}), 422, "titel"),
        (json!({"expires_at": "soon"}), 422, "year"),
        (json!({"visibility": "secret"}), 422, "visibility"),
    ] {
        let (got, _, answer) = change(&appliance, &id, None, body.clone()).await;
        assert_eq!(got, status, "{body}: {answer:#}");
        assert!(answer["detail"].as_str().unwrap_or_default().contains(word), "{body}: {answer:#}");
    }
    assert_eq!(change(&appliance, "00000000000000000000", None, json!({})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_is_of_one_video_until_that_gives_it_back() {
    let appliance = Appliance::serving();
    let first = ask_with(&appliance, "1.mp4", json!({"external_id": "lesson"})).await;
    let second = ask_with(&appliance, "2.mp4", json!({})).await;
    let body = json!({"filename": "3.mp4", "size_bytes": 1, "external_id": "lesson"});
    let (status, problem) = send(&appliance, Method::POST, "/v1/uploads", &body).await;
    assert_eq!(status, 409, "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains("external_id"), "{problem:#}");
    let lesson = json!({"external_id": "lesson"});
    assert_eq!(change(&appliance, &second, None, lesson.clone()).await.0, 409);
    // A change is made as a whole or not at all.
    let both = json!({"visibility": "private", "title": "Two", "external_id": "lesson"});
    assert_eq!(change(&appliance, &second, None, both).await.0, 409);
    let (_, kept) = appliance.get(&format!("/v1/videos/{second}")).await;
    assert_eq!((&kept["visibility"], &kept["title"]), (&json!("public"), &Value::Null));
    let both = json!({"visibility": "private", "title": "Two", "external_id": "other"});
    let (status, _, video) = change(&appliance, &second, None, both).await;
    let changed = [&video["visibility"], &video["title"], &video["external_id"]];
    assert_eq!((status, changed), (200, [&json!("private"), &json!("Two"), &json!("other")]));
    assert_eq!(change(&appliance, &first, None, json!({"external_id": null})).await.0, 200);
    assert_eq!(change(&appliance, &second, None, lesson.clone()).await.0, 200);
    assert_eq!(found(&appliance, "external_id=lesson").await, [second.as_str()]);
    // A deleted video gives it back.
    assert_eq!(appliance.delete(&second).await, 202);
    appliance.wait_until_gone(&second).await;
    assert!(appliance.keys("uploads", "external-ids/").await.is_empty());
    assert_eq!(change(&appliance, &first, None, lesson).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_deleted_at_its_end() {
    let appliance = Appliance::serving();
    let kept = ask_with(&appliance, "1.mp4", json!({"expires_at": "2999-01-01T00:00:00Z"})).await;
    let ends = ask_with(&appliance, "2.mp4", json!({"expires_at": "2999-01-01T00:00:00Z"})).await;
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(change(&appliance, &ends, None, past).await.0, 200);
    appliance.wait_until_gone(&ends).await;
    wait_until_found(&appliance, "", &[&kept]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_by_a_grant_has_the_metadata_of_the_grant() {
    let appliance = Appliance::serving();
    let grant = json!({"title": "Lesson", "external_id": "lesson", "passthrough": "p", "visibility": "private"});
    let (status, made) = send(&appliance, Method::POST, "/v1/upload-grants", &grant).await;
    assert_eq!(status, 201, "{made:#}");
    let body = json!({"filename": "1.mp4", "size_bytes": 1, "title": "Mine", "description": "By me",
        "external_id": "other", "passthrough": "q", "priority": "high", "visibility": "public"});
    let request = appliance.http.post(format!("{}/v1/uploads", appliance.api)).json(&body);
    let answer = request.bearer_auth(made["grant"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    let (_, video) = appliance.get(answer["video_url"].as_str().unwrap()).await;
    for (name, value) in grant.as_object().unwrap() {
        assert_eq!(&video[name], value, "{name}");
    }
    assert_eq!((&video["description"], &video["priority"]), (&json!("By me"), &json!("normal")));
}
