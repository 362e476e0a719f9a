//! `Idempotency-Key`: a request that is sent twice makes one video.

use reqwest::Method;
use serde_json::{Value, json};

use super::found;
use crate::support::appliance::Appliance;

/// POSTs with a key. Returns status, whether the answer is an old one, and the body.
async fn post(appliance: &Appliance, path: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    let request = appliance.request(Method::POST, path).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers.contains_key("location"), status == 201 && path == "/v1/uploads");
    (status, headers.contains_key("idempotency-replayed"), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_makes_one_video_and_has_one_answer() {
    let appliance = Appliance::serving();
    let body = json!({"filename": "1.mp4", "size_bytes": 1});
    let (status, is_old, first) = post(&appliance, "/v1/uploads", "k1", &body).await;
    assert_eq!((status, is_old), (201, false));
    let (status, is_old, second) = post(&appliance, "/v1/uploads", "k1", &body).await;
    assert_eq!((status, is_old, &second), (201, true, &first));
    // The URL of the first answer works.
    let put = appliance.put(&second["upload"], vec![0]).await;
    assert_eq!(put.status(), 200);
    let (status, _, third) = post(&appliance, "/v1/uploads", "k2", &body).await;
    assert_eq!(status, 201);
    assert_ne!(third["video_id"], first["video_id"]);
    assert_eq!(found(&appliance, "").await.len(), 2);
    // Another request by the same key is none of its repetitions.
    let other = json!({"filename": "2.mp4", "size_bytes": 1});
    let (status, _, problem) = post(&appliance, "/v1/uploads", "k1", &other).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    for key in ["", "two words", &"x".repeat(256)] {
        assert_eq!(post(&appliance, "/v1/uploads", key, &body).await.0, 400, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_at_the_same_time_one_runs() {
    let appliance = Appliance::serving();
    let body = json!({"filename": "1.mp4", "size_bytes": 1});
    let sent = (0..8).map(|_| post(&appliance, "/v1/uploads", "same", &body));
    let answers = futures_util::future::join_all(sent).await;
    for (status, _, answer) in &answers {
        assert!(matches!(status, 201 | 409), "{status} {answer:#}");
    }
    let made: std::collections::BTreeSet<_> = answers
        .iter()
        .filter(|(status, ..)| *status == 201)
        .map(|(.., a)| a["video_id"].to_string())
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(found(&appliance, "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_may_be_mended_and_secrets_are_kept_encrypted() {
    let appliance = Appliance::serving();
    let wrong = json!({"expires_in": 0});
    assert_eq!(post(&appliance, "/v1/upload-grants", "g", &wrong).await.0, 400);
    let (status, _, made) = post(&appliance, "/v1/upload-grants", "g", &json!({})).await;
    assert_eq!(status, 201);
    let (status, is_old, again) = post(&appliance, "/v1/upload-grants", "g", &json!({})).await;
    assert_eq!((status, is_old, &again), (201, true, &made));
    let notes = appliance.keys("uploads", "idempotency/").await;
    assert_eq!(notes.len(), 1);
    let note = appliance.s3_client().get_object().bucket("uploads").key(&notes[0]).send().await;
    let note = note.unwrap().body.collect().await.unwrap().into_bytes();
    let (note, secret) =
        (String::from_utf8(note.to_vec()).unwrap(), made["grant"].as_str().unwrap());
    assert!(!note.contains(&secret[..12]), "{note}");
}
