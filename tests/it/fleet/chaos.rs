//! Appliances that are killed, and faults between them and S3 or SQS.

use std::time::{Duration, Instant};

use ladderd::domain::job::VideoId;

use super::{on_both, short_clip};
use crate::support::appliance::Appliance;
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::servers::ServerKind;

/// Deadline for all videos of a test: each message whose delivery is lost comes back after its lease of a minute.
const LONG: Duration = Duration::from_mins(8);

on_both!(three_appliances_that_are_killed_in_turn_publish_each_video_once);
async fn three_appliances_that_are_killed_in_turn_publish_each_video_once(kind: ServerKind) {
    const VIDEOS: usize = 30;
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let start = |_| {
        fleet
            .appliance()
            .setting("queue.lease_secs", 4)
            .setting("jobs.claim_renewal_secs", 1)
            .setting("queue.max_attempts", 50)
            .setting("housekeeping.sweep_secs", 3)
            .setting("housekeeping.orphan_age_secs", 8)
            .start()
    };
    let mut appliances: Vec<Appliance> = (0..3).map(start).collect();
    let mut ids = Vec::new();
    for n in 0..VIDEOS {
        let key = format!("in/{n}.mp4");
        fleet.servers.put(&key, &clip).await;
        // Every message comes twice.
        let again = serde_json::json!({"bucket": "uploads", "key": key}).to_string();
        fleet.servers.send(&again).await;
        ids.push(VideoId::of_source("uploads", &key).to_string());
    }
    let began = Instant::now();
    let mut kills = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let done = fleet.servers.keys("public", "").await;
        let done = done.iter().filter(|key| key.ends_with("/job.json")).count();
        if done == VIDEOS {
            break;
        }
        assert!(began.elapsed() < LONG, "{done} of {VIDEOS} are done");
        let victim = kills % appliances.len();
        appliances[victim].restart();
        kills += 1;
    }
    assert!(kills > 0, "all was done before the first kill");
    fleet.wait_until_done().await;
    // The sweep removes the folders of attempts that were killed.
    let swept = async {
        loop {
            let keys = fleet.servers.keys("public", "").await;
            let folders: std::collections::BTreeSet<String> = keys
                .iter()
                .filter(|key| key.matches('/').count() > 1)
                .map(|key| key.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"))
                .collect();
            if folders.len() == VIDEOS {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), swept).await.expect("orphans are left");
    for id in &ids {
        fleet.assert_published_once(&appliances[0], id).await;
    }
}

on_both!(frequent_faults_lose_no_video);
async fn frequent_faults_lose_no_video(kind: ServerKind) {
    const VIDEOS: usize = 2;
    let Some(fleet) = Fleet::with_faults(kind, FaultProfile::Frequent).await else { return };
    let Some(clip) = short_clip() else { return };
    let mut ids = Vec::new();
    for n in 0..VIDEOS {
        let key = format!("in/{n}.mp4");
        fleet.servers.put(&key, &clip).await;
        ids.push(VideoId::of_source("uploads", &key).to_string());
    }
    // The servers send events with a delay; a message that is still to come is no lost one.
    let began = Instant::now();
    while usize::try_from(fleet.servers.depth().await.0).unwrap() < VIDEOS {
        assert!(began.elapsed() < LONG, "the events do not come");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let appliance = fleet.appliance().setting("queue.lease_secs", 60).start();
    let mut early = 0;
    loop {
        // Read in this order: the record is written before the message is acknowledged.
        let (visible, leased, dead) = fleet.servers.depth().await;
        let keys = fleet.servers.keys("public", "").await;
        let done = keys.iter().filter(|key| key.ends_with("/job.json")).count();
        let left = usize::try_from(visible + leased).unwrap();
        // For a moment, no counter has a message that is being received.
        early = if done + left < VIDEOS { early + 1 } else { 0 };
        assert!(early < 3, "a message was acknowledged before its record was there");
        assert_eq!(dead, 0);
        if left == 0 && done == VIDEOS {
            break;
        }
        assert!(began.elapsed() < LONG, "{done} are done, {left} messages are left");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let failed = fleet.proxy.seen().iter().filter(|seen| seen.status != Some(200)).count();
    assert!(failed > 10, "only {failed} requests failed");
    for id in &ids {
        let record = appliance.record(id).await;
        assert_eq!(record["outcome"], "ready", "{record:#}");
        assert!(fleet.proxy.flips(id) <= 1, "flips of {id}");
        let main = format!("{}/public/{id}/main.m3u8", fleet.servers.endpoint);
        assert_eq!(crate::support::media::decode_errors(&main), "");
    }
}

on_both!(a_store_without_conditional_writes_is_detected_and_used);
async fn a_store_without_conditional_writes_is_detected_and_used(kind: ServerKind) {
    let Some(fleet) = Fleet::with_faults(kind, FaultProfile::NoConditions).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet.appliance().start();
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["store"]["conditional_writes"], false);
    fleet.servers.put("in/film.mp4", &clip).await;
    let id = VideoId::of_source("uploads", "in/film.mp4").to_string();
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    fleet.assert_published_once(&appliance, &id).await;
    fleet.wait_until_done().await;
}
