//! Endpoints: who they are, their secrets, their deliveries, and their end.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, builder, create, deliveries, make, types, verify, wait_for_delivery};
use crate::support::appliance::Appliance;
use crate::support::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_changed_tested_rotated_and_removed() {
    let receiver = Receiver::start();
    let appliance = builder().start();
    let url = format!("{}/ok", receiver.url);
    let (id, first) = make(&appliance, &url).await;
    let path = format!("/v1/webhooks/{id}");
    let (_, shown) = appliance.get(&path).await;
    assert_eq!((&shown["state"], &shown["url"]), (&json!("active"), &json!(url)));
    assert!(!shown.to_string().contains("whsec_"), "{shown:#}");
    assert!(first.starts_with("whsec_"));

    let (_, ping) = ask(&appliance, Method::POST, &format!("{path}/test"), Value::Null).await;
    assert_eq!((&ping["status"], &ping["type"]), (&json!("delivered"), &json!("webhook.ping")));
    assert_eq!(ping["attempts"][0]["status_code"], 204, "{ping:#}");
    let received = receiver.wait_for("/ok", 1).await;
    verify(&received[0], &first);

    let rotated = ask(&appliance, Method::POST, &format!("{path}/rotate"), Value::Null).await.1;
    let second = rotated["secret"].as_str().unwrap();
    assert!(rotated["old_secret_expires_at"].is_string(), "{rotated:#}");
    let change = json!({"events": ["video.deleted", "video.created"], "description": "lessons"});
    let (status, changed) = ask(&appliance, Method::PATCH, &path, change).await;
    assert_eq!((status, &changed["description"]), (200, &json!("lessons")), "{changed:#}");
    create(&appliance, json!({})).await;
    let received = receiver.wait_for("/ok", 2).await;
    for secret in [&first, second] {
        verify(&received[1], secret);
    }

    // A paused webhook gets nothing, and what has waited for it afterwards.
    let pause = json!({"state": "paused"});
    let (_, paused) = ask(&appliance, Method::PATCH, &path, pause).await;
    assert_eq!(paused["reason"], "paused by request");
    let video = create(&appliance, json!({})).await;
    assert_eq!(appliance.delete(&video).await, 202);
    appliance.wait_until_gone(&video).await;
    assert_eq!(receiver.received("/ok").len(), 2);
    ask(&appliance, Method::PATCH, &path, json!({"state": "active"})).await;
    let received = receiver.wait_for("/ok", 4).await;
    assert_eq!(types(&received[2..]), ["video.created", "video.deleted"]);

    assert_eq!(ask(&appliance, Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(appliance.get(&path).await.0, 404);
    create(&appliance, json!({})).await;
    let gone = async {
        while !appliance.keys("uploads", "outbox/").await.iter().all(|key| !key.contains(&id)) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::support::appliance::TIMEOUT, gone).await.unwrap();
    assert_eq!(receiver.received("/ok").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_page_by_page_and_sent_once_more() {
    let receiver = Receiver::start();
    let appliance = builder().start();
    let (id, _) = make(&appliance, &format!("{}/ok", receiver.url)).await;
    let began = Timestamp::now() - SignedDuration::from_mins(1);
    for _ in 0..5 {
        create(&appliance, json!({})).await;
    }
    receiver.wait_for("/ok", 5).await;
    let oldest = receiver.received("/ok")[0].id();
    let is_oldest = |delivery: &Value| delivery["id"].as_str().unwrap().ends_with(&oldest);
    wait_for_delivery(&appliance, &id, |delivery| {
        is_oldest(delivery) && delivery["status"] == "delivered"
    })
    .await;
    let all = async {
        while deliveries(&appliance, &id).await.len() < 5 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::support::appliance::TIMEOUT, all).await.unwrap();
    let (mut cursor, mut listed) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/webhooks/{id}/deliveries?limit=2{cursor}");
        let (status, page) = appliance.get(&path).await;
        assert_eq!(status, 200, "{page:#}");
        let deliveries = page["deliveries"].as_array().unwrap();
        assert!(deliveries.len() <= 2);
        listed.extend(deliveries.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed.len(), 5, "{listed:#?}");
    assert!(listed.windows(2).all(|pair| pair[0] > pair[1]), "{listed:#?}");

    let place = listed.last().unwrap();
    let path = format!("/v1/webhooks/{id}/deliveries/{place}/replay");
    assert_eq!(ask(&appliance, Method::POST, &path, Value::Null).await.0, 202);
    receiver.wait_for("/ok", 6).await;
    assert_eq!(receiver.by_id("/ok")[&oldest].len(), 2);
    let replayed = wait_for_delivery(&appliance, &id, |delivery| {
        is_oldest(delivery) && delivery["attempts"].as_array().unwrap().len() == 2
    })
    .await;
    assert_eq!(replayed["status"], "delivered", "{replayed:#}");
    let path = format!("/v1/webhooks/{id}/replay");
    let (status, _) = ask(&appliance, Method::POST, &path, json!({"since": began})).await;
    assert_eq!(status, 202);
    receiver.wait_for("/ok", 11).await;
    let counts: Vec<usize> = receiver.by_id("/ok").values().map(Vec::len).collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (5, 11), "{counts:?}");
    // One that the filter leaves out by now is sent all the same.
    let filter = json!({"events": ["video.ready"]});
    ask(&appliance, Method::PATCH, &format!("/v1/webhooks/{id}"), filter).await;
    let path = format!("/v1/webhooks/{id}/deliveries/{place}/replay");
    assert_eq!(ask(&appliance, Method::POST, &path, Value::Null).await.0, 202);
    receiver.wait_for("/ok", 12).await;
    assert_eq!(receiver.by_id("/ok")[&oldest].len(), 4);
    let unknown =
        format!("/v1/webhooks/{id}/deliveries/0000000000000000-evt_{}/replay", "0".repeat(24));
    assert_eq!(ask(&appliance, Method::POST, &unknown, Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let receiver = Receiver::start();
    let appliance = Appliance::serving();
    let port = receiver.url.rsplit(':').next().unwrap();
    for url in [
        format!("{}/ok", receiver.url),
        format!("http://[::1]:{port}/ok"),
        format!("http://[::ffff:127.0.0.1]:{port}/ok"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "ftp://example.com/".to_owned(),
        "nonsense".to_owned(),
    ] {
        let (status, error) =
            ask(&appliance, Method::POST, "/v1/webhooks", json!({"url": url})).await;
        assert_eq!((status, &error["code"]), (400, &json!("invalid-request")), "{url}: {error:#}");
    }
    // A name is judged when it is resolved.
    let (id, _) = make(&appliance, &format!("http://localhost:{port}/ok")).await;
    let path = format!("/v1/webhooks/{id}/test");
    let (_, ping) = ask(&appliance, Method::POST, &path, Value::Null).await;
    let error = ping["attempts"][0]["error"].as_str().unwrap();
    assert!(error.contains("its name leads to no address of the public internet"), "{error}");
    assert_eq!(ping["status"], "failed");
    assert_eq!(receiver.received("/ok").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_are_sent_once_more_in_several_steps() {
    let receiver = Receiver::start();
    let appliance = builder().start();
    let began = Timestamp::now() - SignedDuration::from_mins(1);
    create(&appliance, json!({})).await;
    // As many more of other videos.
    let client = appliance.s3_client();
    let key = appliance.keys("uploads", "outbox/events/").await.remove(0);
    let object = client.get_object().bucket("uploads").key(&key).send().await.unwrap();
    let object = object.body.collect().await.unwrap().into_bytes();
    let mut stored: Value = serde_json::from_slice(&object).unwrap();
    let time = stored["position"].as_str().unwrap().split('-').next().unwrap().to_owned();
    for n in 0..70 {
        let event = format!("evt_{n:024x}");
        let place = format!("{time}-{event}");
        (stored["event"]["id"], stored["position"]) = (json!(event), json!(place));
        stored["event"]["data"]["id"] = json!(format!("{n:020x}"));
        let put = client.put_object().bucket("uploads").key(format!("outbox/events/{place}.json"));
        put.body(stored.to_string().into_bytes().into()).send().await.unwrap();
    }
    let (id, _) = make(&appliance, &format!("{}/ok", receiver.url)).await;
    let path = format!("/v1/webhooks/{id}/replay");
    assert_eq!(ask(&appliance, Method::POST, &path, json!({"since": began})).await.0, 202);
    let all = async {
        while receiver.by_id("/ok").len() < 71 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::support::appliance::TIMEOUT, all).await.unwrap();
}
