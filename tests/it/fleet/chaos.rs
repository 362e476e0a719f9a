//! Boxes that die, and networks that fail.

use std::time::{Duration, Instant};

use ladderd::domain::job::VideoId;

use super::{Bench, on_both, short_clip};
use crate::support::appliance::{Appliance, Home};
use crate::support::proxy::Weather;
use crate::support::servers::Make;

/// How long the fleet may take for all of it.
const LONG: Duration = Duration::from_mins(4);

on_both!(three_boxes_of_which_one_dies_all_the_time_publish_each_video_once);
async fn three_boxes_of_which_one_dies_all_the_time_publish_each_video_once(make: Make) {
    const VIDEOS: usize = 30;
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let settings = [
        ("LADDERD__QUEUE__LEASE_SECS", "4"),
        ("LADDERD__JOBS__CLAIM_RENEWAL_SECS", "1"),
        ("LADDERD__QUEUE__MAX_ATTEMPTS", "50"),
        ("LADDERD__HOUSEKEEPING__SWEEP_SECS", "3"),
        ("LADDERD__HOUSEKEEPING__ORPHAN_AGE_SECS", "8"),
    ];
    let homes: Vec<Home> = (0..3).map(|_| bench.home(&settings)).collect();
    let Some(clip) = short_clip(homes[0].path()) else { return };
    let mut boxes: Vec<Appliance> = homes.iter().map(Home::start).collect();
    let mut ids = Vec::new();
    for n in 0..VIDEOS {
        let key = format!("in/{n}.mp4");
        bench.servers.put(&key, &clip).await;
        // Every message comes twice.
        let again = serde_json::json!({"bucket": "uploads", "key": key}).to_string();
        bench.servers.send(&again).await;
        ids.push(VideoId::of_source("uploads", &key).to_string());
    }
    let began = Instant::now();
    let mut kills = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let done = bench.servers.keys("public", "").await;
        let done = done.iter().filter(|key| key.ends_with("/job.json")).count();
        if done == VIDEOS {
            break;
        }
        assert!(began.elapsed() < LONG, "{done} of {VIDEOS} are done");
        let victim = kills % boxes.len();
        boxes[victim].kill();
        boxes[victim] = homes[victim].start();
        kills += 1;
    }
    assert!(kills > 0, "all was done before the first kill");
    bench.wait_until_done().await;
    // What the dead have left goes with the sweep.
    let swept = async {
        loop {
            let keys = bench.servers.keys("public", "").await;
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
        bench.check_ready(&boxes[0], id).await;
    }
}

on_both!(foul_weather_loses_nothing);
async fn foul_weather_loses_nothing(make: Make) {
    const VIDEOS: usize = 2;
    let Some(bench) = Bench::start(make, Weather::Foul).await else { return };
    let home = bench.home(&[("LADDERD__QUEUE__LEASE_SECS", "60")]);
    let Some(clip) = short_clip(home.path()) else { return };
    let mut ids = Vec::new();
    for n in 0..VIDEOS {
        let key = format!("in/{n}.mp4");
        bench.servers.put(&key, &clip).await;
        ids.push(VideoId::of_source("uploads", &key).to_string());
    }
    // The servers send events a little later: what is not there yet was not acknowledged.
    let began = Instant::now();
    while usize::try_from(bench.servers.depth().await.0).unwrap() < VIDEOS {
        assert!(began.elapsed() < LONG, "the events do not come");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let appliance = home.start();
    let mut early = 0;
    loop {
        // Looked at in this order: what is acknowledged has its record.
        let (visible, leased, dead) = bench.servers.depth().await;
        let keys = bench.servers.keys("public", "").await;
        let done = keys.iter().filter(|key| key.ends_with("/job.json")).count();
        let left = usize::try_from(visible + leased).unwrap();
        // A message that is being received may be counted nowhere, for a moment.
        early = if done + left < VIDEOS { early + 1 } else { 0 };
        assert!(early < 3, "a message was acknowledged before its record was there");
        assert_eq!(dead, 0);
        if left == 0 && done == VIDEOS {
            break;
        }
        assert!(began.elapsed() < LONG, "{done} are done, {left} messages are left");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let failed = bench.proxy.seen().iter().filter(|seen| seen.status != Some(200)).count();
    assert!(failed > 10, "{failed} requests failed: this was no foul weather");
    for id in &ids {
        let url = format!("{}/public/{id}/job.json", bench.servers.endpoint);
        let record: serde_json::Value =
            appliance.http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(record["outcome"], "ready", "{record:#}");
        assert!(bench.proxy.flips(id) <= 1, "flips of {id}");
        let main = format!("{}/public/{id}/main.m3u8", bench.servers.endpoint);
        assert_eq!(crate::support::media::decode_errors(&main), "");
    }
}

on_both!(a_store_without_conditions_is_found_out_and_used_all_the_same);
async fn a_store_without_conditions_is_found_out_and_used_all_the_same(make: Make) {
    let Some(bench) = Bench::start(make, Weather::NoConditions).await else { return };
    let home = bench.home(&[]);
    let Some(clip) = short_clip(home.path()) else { return };
    let appliance = home.start();
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["store"]["conditional_writes"], false);
    bench.servers.put("in/film.mp4", &clip).await;
    let id = VideoId::of_source("uploads", "in/film.mp4").to_string();
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    bench.check_ready(&appliance, &id).await;
    bench.wait_until_done().await;
}
