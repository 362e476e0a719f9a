//! What comes through the queue, and what never does.

use std::time::Duration;

use ladderd::domain::job::VideoId;
use serde_json::json;

use super::{Bench, on_both, short_clip};
use crate::support::proxy::Weather;
use crate::support::servers::Make;

on_both!(what_cannot_be_done_is_dead_or_done_with_a_reason);
async fn what_cannot_be_done_is_dead_or_done_with_a_reason(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let home = bench.home(&[("LADDERD__SOURCES__SUFFIXES", ".mp4,.mov")]);
    let Some(clip) = short_clip(home.path()) else { return };
    let appliance = home.start();
    bench.servers.send("this is no JSON").await;
    let missing = json!({"bucket": "uploads", "key": "in/nobody/put/this.mp4"});
    let other = json!({"bucket": "somebody-elses", "key": "x.mp4"});
    for message in [missing, other, json!({"Event": "s3:TestEvent", "Bucket": "uploads"})] {
        bench.servers.send(&message.to_string()).await;
    }
    // Keys that every server encodes in its own way; two of them in one message of our own making.
    let keys = ["in/a b+c/ü%20.MOV", "in/plain.mp4"];
    for key in keys {
        bench.servers.put(key, &clip).await;
    }
    bench.servers.put("in/notes.txt", b"no video").await;
    for key in keys {
        let id = VideoId::of_source("uploads", key).to_string();
        appliance.wait_for(&id, |video| video["state"] == "ready").await;
        bench.check_ready(&appliance, &id).await;
    }
    let mut depth = bench.servers.depth().await;
    for _ in 0..100 {
        if (depth.0, depth.1) == (0, 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        depth = bench.servers.depth().await;
    }
    assert_eq!(depth, (0, 0, 1));
    let dead = bench.servers.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0, "this is no JSON");
    assert!(dead[0].1.starts_with("message-not-json: the message is not JSON"), "{}", dead[0].1);
    let (_, list) = appliance.get("/v1/videos").await;
    assert_eq!(list["videos"].as_array().unwrap().len(), 2, "{list:#}");
}

on_both!(an_upload_without_an_event_is_found_and_the_newest_version_wins);
async fn an_upload_without_an_event_is_found_and_the_newest_version_wins(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let home = bench.home(&[
        ("LADDERD__HOUSEKEEPING__RECONCILE_SECS", "1"),
        ("LADDERD__HOUSEKEEPING__EVENT_GRACE_SECS", "1"),
        ("LADDERD__STORE__AFTER_SUCCESS", "tag"),
    ]);
    let Some(clip) = short_clip(home.path()) else { return };
    bench.servers.notify(false).await;
    bench.servers.put("in/lost/event.mp4", &clip).await;
    let appliance = home.start();
    let id = VideoId::of_source("uploads", "in/lost/event.mp4").to_string();
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    bench.check_ready(&appliance, &id).await;
    let tags = bench.servers.s3.get_object_tagging().bucket("uploads").key("in/lost/event.mp4");
    let tags = tags.send().await.unwrap();
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("ladderd", "done"));

    // Another version under the same key, without an event as well.
    let (_, _, first) = appliance.public(&format!("{id}/main.m3u8")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut other = clip.clone();
    other.extend(b"\0\0\0\x08free");
    bench.servers.put("in/lost/event.mp4", &other).await;
    appliance.wait_for(&id, |video| video["state"] == "ready" && bench.proxy.flips(&id) == 2).await;
    let (_, _, second) = appliance.public(&format!("{id}/main.m3u8")).await;
    assert_ne!(first, second);
    bench.wait_until_done().await;
}

on_both!(the_sweep_removes_what_nobody_needs);
async fn the_sweep_removes_what_nobody_needs(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let home = bench.home(&[
        ("LADDERD__HOUSEKEEPING__SWEEP_SECS", "1"),
        ("LADDERD__HOUSEKEEPING__ORPHAN_AGE_SECS", "0"),
        ("LADDERD__STORE__AFTER_SUCCESS", "delete"),
    ]);
    let Some(clip) = short_clip(home.path()) else { return };
    let appliance = home.start();
    let id = appliance.upload("film.mp4", clip).await;
    bench.check_ready(&appliance, &id).await;
    let gone = VideoId::of_source("uploads", "in/deleted.mp4").to_string();
    let orphans = [format!("{id}/adead/720p/seg_00000.ts"), format!("{gone}/a1/720p/seg_00000.ts")];
    for key in &orphans {
        let put = bench.servers.s3.put_object().bucket("public").key(key).body(vec![0].into());
        put.send().await.unwrap();
    }
    let claim = format!("claims/{gone}.json");
    bench.servers.put(&claim, b"{}").await;
    let foreign = "somebody/elses.txt";
    let put = bench.servers.s3.put_object().bucket("public").key(foreign).body(vec![0].into());
    put.send().await.unwrap();
    for _ in 0..100 {
        let public = bench.servers.keys("public", "").await;
        let private = bench.servers.keys("uploads", "").await;
        if !orphans.iter().any(|key| public.contains(key)) && !private.contains(&claim) {
            assert!(public.contains(&foreign.to_owned()));
            assert!(!private.iter().any(|key| key.starts_with("in/")), "{private:?}");
            bench.check_ready(&appliance, &id).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{:#?}", bench.servers.keys("public", "").await);
}
