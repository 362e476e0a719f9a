//! Turns of uploaders, on a real appliance.

use serde_json::json;

use super::access::Client;
use super::support::appliance::Appliance;

/// Uploads a file that is no video. Returns the video's id.
async fn upload(appliance: &Appliance, client: &Client<'_>, priority: &str) -> String {
    let body = json!({"filename": "a.mp4", "size_bytes": 1, "priority": priority});
    let (status, answer) = client.ask("POST", "/v1/uploads", Some(body)).await;
    assert_eq!(status, 201, "{answer:#}");
    assert_eq!(appliance.put(&answer["upload"], b"x".to_vec()).await.status(), 200);
    answer["video_id"].as_str().unwrap().to_owned()
}

/// When the job of a video began.
async fn started_at(appliance: &Appliance, id: &str) -> jiff::Timestamp {
    let video = appliance.wait_for_end(id).await;
    video["timings"]["started_at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_uploads_of_one_do_not_keep_another_one_waiting() {
    let mut appliance = Appliance::builder().setting("jobs.max_running", 1).start();
    appliance.authorize();
    let Some(first) = appliance.start_long_job().await else { return };
    let admin = Client::bearer(&appliance, appliance.own_token());
    let (one, two) = (admin.make(&["upload"]).await, admin.make(&["upload"]).await);
    let one = Client::bearer(&appliance, &one.token);
    let two = Client::bearer(&appliance, &two.token);
    let mut of_one = Vec::new();
    for _ in 0..5 {
        of_one.push(upload(&appliance, &one, "normal").await);
    }
    let of_two = upload(&appliance, &two, "normal").await;
    let low = upload(&appliance, &two, "low").await;
    let high = upload(&appliance, &one, "high").await;
    // The slot becomes free.
    assert_eq!(appliance.delete(&first).await, 202);
    let high = started_at(&appliance, &high).await;
    let of_two = started_at(&appliance, &of_two).await;
    let of_one_2 = started_at(&appliance, &of_one[2]).await;
    let low = started_at(&appliance, &low).await;
    let of_one_0 = started_at(&appliance, &of_one[0]).await;
    assert!(high < of_one_0.min(of_two), "high priority comes first");
    assert!(of_two < of_one_2, "the other uploader has the first or the second turn");
    assert!(of_one_2 < low, "low priority comes later");
}
