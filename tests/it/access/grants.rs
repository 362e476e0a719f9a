//! Upload grants, and uploads that belong to their tokens.

use serde_json::{Value, json};

use super::{Client, upload};
use crate::support::appliance::Appliance;
use crate::support::media;

async fn grant(client: &Client<'_>, body: Value) -> String {
    let (status, answer) = client.ask("POST", "/v1/upload-grants", Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    answer["grant"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_makes_one_upload_and_nothing_else() {
    // Every upload is in parts.
    let appliance = Appliance::builder().setting("uploads.single_put_max_bytes", 0).start();
    let made = Client::nobody(&appliance).make(&["upload"]).await;
    let uploader = Client::bearer(&appliance, &made.token);
    let (_, other) = uploader.ask("POST", "/v1/uploads", upload(7)).await;
    let text = grant(&uploader, json!({"max_bytes": 10, "expires_in": 600})).await;
    let stranger = Client::bearer(&appliance, &text);
    assert_eq!(stranger.ask("POST", "/v1/uploads", upload(11)).await.0, 413);
    let (status, answer) = stranger.ask("POST", "/v1/uploads", upload(10)).await;
    assert_eq!(status, 201, "{answer}");
    let again = stranger.refusal("POST", "/v1/uploads", upload(10)).await;
    assert_eq!(again, (401, "invalid-grant".into()));
    let path = |answer: &Value| answer["upload"]["abort_url"].as_str().unwrap().to_owned();
    assert_eq!(stranger.ask("GET", &path(&answer), None).await.0, 200);
    assert_eq!(stranger.ask("GET", answer["video_url"].as_str().unwrap(), None).await.0, 200);
    for method in ["GET", "DELETE"] {
        assert_eq!(stranger.ask(method, &path(&other), None).await.0, 404, "{method}");
    }
    assert_eq!(stranger.ask("GET", other["video_url"].as_str().unwrap(), None).await.0, 404);
    assert_eq!(stranger.ask("GET", "/v1/videos", None).await.0, 403);
    assert_eq!(stranger.ask("POST", "/v1/upload-grants", Some(json!({}))).await.0, 403);
    let video = answer["video_url"].as_str().unwrap();
    assert_eq!(stranger.ask("DELETE", video, None).await.0, 403);
    // It belongs to who made the grant.
    assert_eq!(uploader.ask("GET", video, None).await.0, 200);
    assert_eq!(stranger.ask("DELETE", &path(&answer), None).await.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_end_and_are_for_one_origin() {
    let appliance = Appliance::start();
    let app = "https://app.example.com";
    let nobody = Client::nobody(&appliance);
    for (body, expected) in [
        (json!({"allowed_origin": app, "expires_in": 60, "max_bytes": 5}), 201),
        (json!({"allowed_origin": "app.example.com"}), 400),
        (json!({"expires_in": 0}), 400),
        (json!({"expires_in": 604_801}), 400),
        (json!({"max_bytes": 0}), 400),
        (json!({"max_bytes": 1_u64 << 60}), 400),
        (json!({"other": 1}), 422),
    ] {
        let (status, answer) = nobody.ask("POST", "/v1/upload-grants", Some(body.clone())).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let text = grant(&nobody, json!({"allowed_origin": app})).await;
    let from = |origin: &str| Client::bearer(&appliance, &text).header("origin", origin);
    let refused = from("https://evil.example").send("POST", "/v1/uploads", upload(1)).await;
    assert_eq!(refused.status(), 403);
    let preflight = |origin: &str, path: &'static str, method: &str| {
        let client = Client::nobody(&appliance).header("origin", origin);
        let client = client.header("access-control-request-method", method);
        async move {
            let client = client.header("access-control-request-headers", "authorization");
            let response = client.send("OPTIONS", path, None).await;
            let allowed = response.headers().get("access-control-allow-origin");
            assert!(!response.headers().contains_key("access-control-allow-credentials"));
            allowed.map(|origin| origin.to_str().unwrap().to_owned())
        }
    };
    assert_eq!(preflight(app, "/v1/uploads", "POST").await.as_deref(), Some(app));
    assert_eq!(preflight(app, "/v1/videos/0", "GET").await.as_deref(), Some(app));
    assert_eq!(preflight(app, "/v1/videos/0", "DELETE").await, None);
    assert_eq!(preflight(app, "/v1/videos", "GET").await, None);
    assert_eq!(preflight(app, "/v1/tokens", "POST").await, None);
    let allowed = from(app).send("POST", "/v1/uploads", upload(1)).await;
    assert_eq!(allowed.status(), 201);
    assert_eq!(allowed.headers()["access-control-allow-origin"], app);
    let short = grant(&nobody, json!({"expires_in": 1})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let late = Client::bearer(&appliance, &short).refusal("POST", "/v1/uploads", upload(1)).await;
    assert_eq!(late, (401, "invalid-grant".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_belong_to_their_token() {
    let appliance = Appliance::builder().setting("uploads.single_put_max_bytes", 0).start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let by_admin = Client::bearer(&appliance, &admin.token);
    let [mine, other, manager] = [
        by_admin.make(&["upload"]).await,
        by_admin.make(&["upload"]).await,
        by_admin.make(&["manage"]).await,
    ];
    let mine = Client::bearer(&appliance, &mine.token);
    let other = Client::bearer(&appliance, &other.token);
    let manager = Client::bearer(&appliance, &manager.token);
    let (_, answer) = mine.ask("POST", "/v1/uploads", upload(7)).await;
    let video = answer["video_url"].as_str().unwrap();
    let events = format!("{video}/events");
    let parts = answer["upload"]["abort_url"].as_str().unwrap();
    let sign = format!("{parts}/parts");
    let numbers = || Some(json!({"numbers": [1]}));
    for (client, expected) in [(&mine, 200), (&other, 404), (&manager, 200)] {
        assert_eq!(client.ask("GET", video, None).await.0, expected);
        assert_eq!(client.send("GET", &events, None).await.status(), expected);
        assert_eq!(client.ask("GET", parts, None).await.0, expected);
        assert_eq!(client.ask("POST", &sign, numbers()).await.0, expected);
    }
    assert_eq!(other.ask("DELETE", parts, None).await.0, 404);
    assert_eq!(mine.ask("DELETE", parts, None).await.0, 204);
    let (_, answer) = by_admin.ask("POST", "/v1/uploads", upload(7)).await;
    assert_eq!(mine.ask("GET", answer["video_url"].as_str().unwrap(), None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_with_its_token_and_costs_its_maker_no_room() {
    let appliance = Appliance::builder().setting("uploads.max_in_flight", 2).start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let by_admin = Client::bearer(&appliance, &admin.token);
    let made = by_admin.make(&["upload"]).await;
    let shop = Client::bearer(&appliance, &made.token);
    let used = grant(&shop, json!({})).await;
    let visitor = Client::bearer(&appliance, &used);
    assert_eq!(visitor.ask("POST", "/v1/uploads", upload(1)).await.0, 201);
    for _ in 0..5 {
        assert_eq!(visitor.ask("POST", "/v1/uploads", upload(1)).await.0, 401);
    }
    for _ in 0..2 {
        assert_eq!(shop.ask("POST", "/v1/uploads", upload(1)).await.0, 201);
    }
    assert_eq!(shop.ask("POST", "/v1/uploads", upload(1)).await.0, 429);
    // A visitor of a full shop still uploads.
    let second = grant(&shop, json!({})).await;
    let visitor = Client::bearer(&appliance, &second);
    assert_eq!(visitor.ask("POST", "/v1/uploads", upload(1)).await.0, 201);
    let third = grant(&shop, json!({})).await;
    by_admin.ask("DELETE", &format!("/v1/tokens/{}", made.id), None).await;
    let late = Client::bearer(&appliance, &third).refusal("POST", "/v1/uploads", upload(1)).await;
    assert_eq!(late, (401, "invalid-grant".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_keeps_the_record_of_a_video_that_was_worked_on() {
    let appliance = Appliance::builder().setting("store.after_success", "delete").start();
    let Some(film) = media::clip(180, "25", 2) else { return };
    let (id, _) = appliance.publish("film.mp4", &film).await;
    let nobody = Client::nobody(&appliance);
    assert_eq!(nobody.ask("DELETE", &format!("/v1/uploads/{id}/x"), None).await.0, 204);
    let (_, listed) = nobody.ask("GET", "/v1/videos", None).await;
    assert_eq!(listed["videos"][0]["id"], id.as_str(), "{listed:#}");
}
