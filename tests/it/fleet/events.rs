//! Messages of every kind, uploads without a message, and the sweep.

use std::time::Duration;

use ladderd::domain::job::VideoId;
use serde_json::json;

use super::{on_both, short_clip};
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::servers::ServerKind;

on_both!(a_message_without_a_video_is_acknowledged_or_a_dead_letter);
async fn a_message_without_a_video_is_acknowledged_or_a_dead_letter(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet.appliance().setting("sources.suffixes", ".mp4,.mov").start();
    fleet.servers.send("this is no JSON").await;
    let missing = json!({"bucket": "uploads", "key": "in/nobody/put/this.mp4"});
    let other = json!({"bucket": "somebody-elses", "key": "x.mp4"});
    for message in [missing, other, json!({"Event": "s3:TestEvent", "Bucket": "uploads"})] {
        fleet.servers.send(&message.to_string()).await;
    }
    // Each server encodes these keys in its own way.
    let keys = ["in/a b+c/ü%20.MOV", "in/plain.mp4"];
    for key in keys {
        fleet.servers.put(key, &clip).await;
    }
    fleet.servers.put("in/notes.txt", b"no video").await;
    for key in keys {
        let id = VideoId::of_source("uploads", key).to_string();
        appliance.wait_for(&id, |video| video["state"] == "ready").await;
        fleet.assert_published_once(&appliance, &id).await;
    }
    let mut depth = fleet.servers.depth().await;
    for _ in 0..100 {
        if (depth.0, depth.1) == (0, 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        depth = fleet.servers.depth().await;
    }
    assert_eq!(depth, (0, 0, 1));
    let dead = fleet.servers.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0, "this is no JSON");
    assert!(dead[0].1.starts_with("message-not-json: the message is not JSON"), "{}", dead[0].1);
    let (_, list) = appliance.get("/v1/videos").await;
    assert_eq!(list["videos"].as_array().unwrap().len(), 2, "{list:#}");
}

on_both!(an_upload_without_an_event_is_found_and_a_newer_version_replaces_it);
async fn an_upload_without_an_event_is_found_and_a_newer_version_replaces_it(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    fleet.servers.notify(false).await;
    fleet.servers.put("in/lost/event.mp4", &clip).await;
    let appliance = fleet
        .appliance()
        .setting("housekeeping.reconcile_secs", 1)
        .setting("housekeeping.event_grace_secs", 1)
        .setting("housekeeping.adopt_existing", true)
        .setting("store.after_success", "tag")
        .start();
    let id = VideoId::of_source("uploads", "in/lost/event.mp4").to_string();
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    fleet.assert_published_once(&appliance, &id).await;
    let tags = fleet.servers.s3.get_object_tagging().bucket("uploads").key("in/lost/event.mp4");
    let tags = tags.send().await.unwrap();
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("ladderd", "done"));

    // Another version under the same key, again without an event.
    let (_, _, first) = appliance.public(&format!("{id}/main.m3u8")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut other = clip.clone();
    other.extend(b"\0\0\0\x08free");
    fleet.servers.put("in/lost/event.mp4", &other).await;
    appliance.wait_for(&id, |video| video["state"] == "ready" && fleet.proxy.flips(&id) == 2).await;
    let (_, _, second) = appliance.public(&format!("{id}/main.m3u8")).await;
    assert_ne!(first, second);
    fleet.wait_until_done().await;
}

on_both!(the_sweep_removes_orphaned_folders_and_claims);
async fn the_sweep_removes_orphaned_folders_and_claims(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet
        .appliance()
        .setting("housekeeping.sweep_secs", 1)
        .setting("housekeeping.orphan_age_secs", 0)
        .setting("store.after_success", "delete")
        .start();
    let id = appliance.upload("film.mp4", clip).await;
    fleet.assert_published_once(&appliance, &id).await;
    let gone = VideoId::of_source("uploads", "in/deleted.mp4").to_string();
    let orphans = [format!("{id}/adead/720p/seg_00000.ts"), format!("{gone}/a1/720p/seg_00000.ts")];
    for key in &orphans {
        let put = fleet.servers.s3.put_object().bucket("public").key(key).body(vec![0].into());
        put.send().await.unwrap();
    }
    let claim = format!("claims/{gone}.json");
    fleet.servers.put(&claim, b"{}").await;
    let foreign = "somebody/elses.txt";
    let put = fleet.servers.s3.put_object().bucket("public").key(foreign).body(vec![0].into());
    put.send().await.unwrap();
    for _ in 0..100 {
        let public = fleet.servers.keys("public", "").await;
        let private = fleet.servers.keys("uploads", "").await;
        if !orphans.iter().any(|key| public.contains(key)) && !private.contains(&claim) {
            assert!(public.contains(&foreign.to_owned()));
            assert!(!private.iter().any(|key| key.starts_with("in/")), "{private:?}");
            fleet.assert_published_once(&appliance, &id).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{:#?}", fleet.servers.keys("public", "").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_older_than_the_first_start_are_left_alone() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let Some(clip) = short_clip() else { return };
    fleet.servers.notify(false).await;
    fleet.servers.put("in/old.mp4", &clip).await;
    // Times of S3 have whole seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let appliance = fleet
        .appliance()
        .setting("housekeeping.reconcile_secs", 1)
        .setting("housekeeping.event_grace_secs", 1)
        .start();
    while !fleet.servers.keys("uploads", "claims/").await.contains(&"claims/first-start".to_owned())
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    fleet.servers.put("in/new.mp4", &clip).await;
    let id_of = |key| VideoId::of_source("uploads", key).to_string();
    appliance.wait_for(&id_of("in/new.mp4"), |video| video["state"] == "ready").await;
    assert_eq!(appliance.get(&format!("/v1/videos/{}", id_of("in/old.mp4"))).await.0, 404);
    assert_eq!(fleet.servers.depth().await, (0, 0, 0));
    assert_eq!(appliance.get("/v1/system").await.1["left_alone_objects"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_comes_while_its_key_is_tagged_is_published_before_it_has_the_tag() {
    let faults = FaultProfile::ReplacedOnceTagged;
    let Some(fleet) = Fleet::with_faults(ServerKind::Moto, faults).await else { return };
    let Some(clip) = short_clip() else { return };
    fleet.servers.notify(false).await;
    let appliance = fleet.appliance().setting("store.after_success", "tag").start();
    fleet.servers.put("in/film.mp4", &clip).await;
    fleet.servers.send(&json!({"bucket": "uploads", "key": "in/film.mp4"}).to_string()).await;
    let id = VideoId::of_source("uploads", "in/film.mp4").to_string();
    appliance.wait_for(&id, |_| fleet.proxy.flips(&id) == 2).await;
    fleet.wait_until_done().await;
    let requests = fleet.proxy.seen();
    let of_tags: Vec<_> = requests.iter().filter(|seen| seen.path.contains("?tagging")).collect();
    let methods: Vec<&str> = of_tags.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["PUT", "DELETE", "PUT"]);
}
