//! Boxes tell each other about changed videos.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fleet, ServerKind, on_both, short_clip};
use crate::support::appliance::{Appliance, TIMEOUT};

/// Waits until the list of a box shows one video like this.
async fn wait_until_listed(appliance: &Appliance, query: &str, wanted: impl Fn(&Value) -> bool) {
    let mut last = Value::Null;
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            last = appliance.get(&format!("/v1/videos?{query}")).await.1;
            if last["videos"].as_array().is_some_and(|all| all.len() == 1 && wanted(&all[0])) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{query} shows {last:#}"));
}

on_both!(a_box_lists_the_videos_of_the_others);
async fn a_box_lists_the_videos_of_the_others(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let first = fleet.appliance().setting("changes.poll_secs", 1).start();
    let second = fleet.appliance().setting("changes.poll_secs", 1).start();
    let id = first.upload("film.mp4", clip).await;
    for appliance in [&first, &second] {
        wait_until_listed(appliance, "q=film&state=ready", |video| video["id"] == id.as_str())
            .await;
    }
    let request = second.request(reqwest::Method::PATCH, &format!("/v1/videos/{id}"));
    let changed = request.json(&json!({"title": "Renamed"})).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    wait_until_listed(&first, "q=renamed", |video| video["title"] == "Renamed").await;
    let changes = fleet.servers.keys("uploads", "changes/").await;
    assert!(!changes.is_empty() && changes.len() < 20, "{changes:#?}");
}
