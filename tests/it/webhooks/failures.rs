//! Receivers that fail, and a daemon that dies.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, builder, create, make, types, wait_for_delivery};
use crate::support::appliance::TIMEOUT;
use crate::support::certificates::Authority;
use crate::support::media;
use crate::support::receiver::Receiver;
use crate::support::tunnel::tls_front;

#[tokio::test(flavor = "multi_thread")]
async fn each_failing_receiver_ends_as_documented() {
    let receiver = Receiver::start();
    let address = receiver.url.strip_prefix("http://").unwrap().parse().unwrap();
    let authority = Authority::new();
    let front = tls_front(&authority.issue("front", 2), address).await;
    let appliance = builder().start();
    let hook = async |path: &str| make(&appliance, &format!("{}{path}", receiver.url)).await.0;
    let (once, gone, redirect) =
        (hook("/once").await, hook("/gone").await, hook("/redirect").await);
    let (busy, hang) = (hook("/busy").await, hook("/hang").await);
    let wrong_tls = format!("https://localhost:{}/ok/tls", front.port());
    let wrong_tls = make(&appliance, &wrong_tls).await.0;
    let closed = make(&appliance, "http://127.0.0.1:9/").await.0;
    create(&appliance, json!({})).await;

    let has_error = |text: &'static str| {
        move |delivery: &Value| {
            delivery["attempts"][0]["error"].as_str().is_some_and(|error| error.contains(text))
        }
    };
    // It fails, and works 5 s later.
    let delivered =
        wait_for_delivery(&appliance, &once, |delivery| delivery["status"] == "delivered").await;
    let statuses: Vec<&Value> =
        delivered["attempts"].as_array().unwrap().iter().map(|one| &one["status_code"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(204)], "{delivered:#}");
    let (_, shown) = appliance.get(&format!("/v1/webhooks/{once}")).await;
    assert_eq!(shown.get("failing_since"), None, "{shown:#}");

    let refused = wait_for_delivery(&appliance, &redirect, has_error("redirects are not")).await;
    assert_eq!(
        (&refused["status"], &refused["attempts"][0]["status_code"]),
        (&json!("pending"), &json!(302))
    );
    assert_eq!(receiver.received("/ok/redirected").len(), 0);

    let waits = wait_for_delivery(&appliance, &busy, has_error("429")).await;
    let next: Timestamp = waits["next_at"].as_str().unwrap().parse().unwrap();
    assert!(next.duration_since(Timestamp::now()) > SignedDuration::from_mins(50), "{waits:#}");

    wait_for_delivery(&appliance, &wrong_tls, has_error("certificate")).await;
    assert_eq!(receiver.received("/ok/tls").len(), 0);
    wait_for_delivery(&appliance, &closed, has_error("refused")).await;
    let (_, shown) = appliance.get(&format!("/v1/webhooks/{closed}")).await;
    assert!(shown["failing_since"].is_string() && shown["state"] == "active", "{shown:#}");

    wait_for_delivery(&appliance, &gone, has_error("410 Gone")).await;
    let (_, shown) = appliance.get(&format!("/v1/webhooks/{gone}")).await;
    assert_eq!(shown["state"], "paused", "{shown:#}");
    assert_eq!(shown["reason"], "the endpoint answered 410 Gone");
    let (_, text) = metrics(&appliance).await;
    assert!(text.contains("ladderd_webhook_attempts_total{outcome=\"delivered\"} 1"), "{text}");
    assert_eq!(receiver.received("/gone").len(), 1);

    let waits = wait_for_delivery(&appliance, &hang, has_error("timed out")).await;
    assert!(waits["attempts"][0]["duration_ms"].as_u64().unwrap() >= 14_000, "{waits:#}");
    // Redirect, busy, wrong certificate, closed port and this one wait.
    let (_, text) = metrics(&appliance).await;
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().trim().parse::<f64>().unwrap()
    };
    assert!(value("ladderd_webhook_pending_deliveries ") >= 5.0, "{text}");
    assert!(value("ladderd_webhook_oldest_pending_age_seconds ") >= 14.0, "{text}");
}

async fn metrics(appliance: &crate::support::appliance::Appliance) -> (u16, String) {
    let answer = appliance.http.get(format!("{}/metrics", appliance.api)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_daemon_dies_comes_again_under_the_same_id() {
    let receiver = Receiver::start();
    let mut appliance = builder().start();
    let (id, _) = make(&appliance, &format!("{}/hang", receiver.url)).await;
    create(&appliance, json!({})).await;
    let first = receiver.wait_for("/hang", 1).await;
    appliance.kill();
    receiver.unhang();
    appliance.restart();
    let received = receiver.wait_for("/hang", 2).await;
    assert_eq!(received[1].id(), first[0].id());
    assert_eq!(received[1].json(), first[0].json());
    wait_for_delivery(&appliance, &id, |delivery| delivery["status"] == "delivered").await;
    appliance.kill();
    appliance.restart();
    create(&appliance, json!({})).await;
    let all = tokio::time::timeout(TIMEOUT, async {
        while receiver.by_id("/hang").len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    all.await.unwrap();
    assert_eq!(receiver.received("/hang").len(), 3, "a delivery with a report does not come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_writer_died_is_recorded_with_the_next_message() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let receiver = Receiver::start();
    let appliance = builder().start();
    let (hook, _) = make(&appliance, &format!("{}/ok", receiver.url)).await;
    let path = format!("/v1/webhooks/{hook}");
    ask(&appliance, Method::PATCH, &path, json!({"state": "paused"})).await;
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let s3 = appliance.s3_client();
    // The place of the event is taken, and the event is not there: its writer died in between.
    let mut died = None;
    for key in appliance.keys("uploads", "outbox/events/").await {
        let object = s3.get_object().bucket("uploads").key(&key).send().await.unwrap();
        let stored = object.body.collect().await.unwrap().into_bytes();
        let stored: Value = serde_json::from_slice(&stored).unwrap();
        if stored["event"]["type"] == "video.ready" {
            s3.delete_object().bucket("uploads").key(&key).send().await.unwrap();
            died = Some(stored["event"].clone());
        }
    }
    let died = died.unwrap();
    let keys = appliance.keys("uploads", "").await;
    let source = keys.iter().find(|key| key.ends_with("film.mp4")).unwrap();
    let bytes = std::fs::read(clip).unwrap();
    s3.put_object().bucket("uploads").key(source).body(bytes.into()).send().await.unwrap();
    ask(&appliance, Method::PATCH, &path, json!({"state": "active"})).await;
    let received = receiver.wait_for("/ok", 4).await;
    assert_eq!(types(&received)[3], "video.ready");
    let again = received[3].json();
    assert_eq!((&again["id"], &again["sequence"]), (&died["id"], &died["sequence"]));
    assert_eq!((&again["data"]["id"], &again["data"]["state"]), (&json!(id), &json!("ready")));
}
