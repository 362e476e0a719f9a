//! Deletes on S3: by any box, on buckets with versioning, and against late uploads.

use std::time::Duration;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use futures_util::{StreamExt, stream};
use ladderd::domain::job::VideoId;
use ladderd::store::{Bucket, Removal};

use super::on_both;
use crate::support::appliance::Appliance;
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::servers::ServerKind;

/// Puts tiny objects into the folder of an attempt.
async fn fill(fleet: &Fleet, id: &str, count: u32) {
    let keys = (0..count).map(|n| format!("{id}/a1/720p/seg_{n:05}.ts"));
    let put = |key: String| {
        let put = fleet.servers.s3.put_object().bucket("public").key(key).body(vec![0].into());
        async move { put.send().await.unwrap() }
    };
    stream::iter(keys).map(put).buffer_unordered(16).collect::<Vec<_>>().await;
}

/// Objects of a video that are left in both buckets.
async fn left(fleet: &Fleet, id: &str) -> Vec<String> {
    let servers = &fleet.servers;
    [
        servers.keys("public", &format!("{id}/")).await,
        servers.keys("uploads", "in/").await,
        servers.keys("uploads", &format!("records/{id}")).await,
        servers.keys("uploads", &format!("claims/{id}")).await,
    ]
    .concat()
}

on_both!(another_box_ends_the_purge_of_one_that_was_killed);
async fn another_box_ends_the_purge_of_one_that_was_killed(kind: ServerKind) {
    let Some(fleet) = Fleet::with_faults(kind, FaultProfile::OneBatch).await else { return };
    let mut first = fleet.appliance().setting("jobs.claim_renewal_secs", 1).start();
    let id = first.ask("film.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    fill(&fleet, &id, 1200).await;
    assert_eq!(first.delete(&id).await, 202);
    // The proxy passes the first batch only.
    let part_is_gone = async {
        while left(&fleet, &id).await.len() > 1000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), part_is_gone).await.expect("no batch is deleted");
    assert_eq!(first.get(&format!("/v1/videos/{id}")).await.1["state"], "deleting");
    first.kill();
    assert!(!left(&fleet, &id).await.is_empty(), "the purge has ended before the kill");
    // This one reaches the servers without the proxy.
    let servers = &fleet.servers;
    let second = Appliance::builder()
        .environment(servers.environment(&servers.endpoint, &servers.endpoint))
        .store_url(&servers.endpoint)
        .setting("jobs.claim_renewal_secs", 1)
        .setting("housekeeping.purge_secs", 1)
        .start();
    second.wait_until_gone(&id).await;
    assert_eq!(left(&fleet, &id).await, Vec::<String>::new());
}

on_both!(a_bucket_with_versioning_keeps_no_version_of_a_deleted_video);
async fn a_bucket_with_versioning_keeps_no_version_of_a_deleted_video(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    for bucket in ["uploads", "public"] {
        let status = BucketVersioningStatus::Enabled;
        let config = VersioningConfiguration::builder().status(status).build();
        let request = fleet.servers.s3.put_bucket_versioning().bucket(bucket);
        request.versioning_configuration(config).send().await.unwrap();
    }
    let appliance = fleet.appliance().start();
    let key = "in/film.mp4";
    let id = VideoId::of_source("uploads", key).to_string();
    for size in [5000, 6000] {
        fleet.servers.put(key, &vec![7; size]).await;
        appliance.wait_for_end(&id).await;
    }
    fleet.wait_until_done().await;
    for _ in 0..2 {
        fill(&fleet, &id, 20).await;
    }
    let versions = async |bucket: &str, prefix: String| {
        let list = fleet.servers.s3.list_object_versions().bucket(bucket).prefix(prefix);
        let list = list.send().await.unwrap();
        list.versions().len() + list.delete_markers().len()
    };
    assert!(versions("public", format!("{id}/")).await > 40);
    assert!(versions("uploads", key.to_owned()).await > 1);
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    for (bucket, prefix) in [
        ("public", format!("{id}/")),
        ("uploads", key.to_owned()),
        ("uploads", format!("claims/{id}")),
        ("uploads", format!("records/{id}")),
    ] {
        assert_eq!(versions(bucket, prefix.clone()).await, 0, "{bucket}/{prefix}");
    }
}

on_both!(a_late_upload_is_removed_and_a_new_one_of_a_free_key_is_a_new_video);
async fn a_late_upload_is_removed_and_a_new_one_of_a_free_key_is_a_new_video(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let appliance = fleet.appliance().start();
    let answer = appliance.ask("film.mp4", 5).await;
    let issued = answer["video_id"].as_str().unwrap();
    let free = VideoId::of_source("uploads", "in/free.mp4").to_string();
    fleet.servers.put("in/free.mp4", &[7; 5000]).await;
    appliance.wait_for_end(&free).await;
    for id in [issued, &free] {
        assert_eq!(appliance.delete(id).await, 202);
        appliance.wait_until_gone(id).await;
    }
    for id in [issued, &free] {
        assert_eq!(left(&fleet, id).await, Vec::<String>::new());
    }
    assert_eq!(appliance.put(&answer["upload"], vec![7; 5]).await.status(), 200);
    fleet.servers.put("in/free.mp4", &[8; 5000]).await;
    let video = appliance.wait_for_end(&free).await;
    assert_eq!(video["error"]["code"], "not-media", "{video:#}");
    fleet.wait_until_done().await;
    assert_eq!(fleet.servers.keys("uploads", "in/").await, ["in/free.mp4"]);
    assert_eq!(appliance.get(&format!("/v1/videos/{issued}")).await.0, 404);
}

on_both!(a_delete_names_a_version_where_the_store_can);
async fn a_delete_names_a_version_where_the_store_can(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let s3 = fleet.servers.s3.clone();
    let bucket = Bucket::new(&s3, s3.clone(), "public");
    let has = bucket.probe_conditional_deletes("probe").await.unwrap();
    assert_eq!(has, kind == ServerKind::Moto);
    assert_eq!(fleet.servers.keys("public", "").await, Vec::<String>::new());
    let bucket = if has { bucket } else { bucket.without_conditional_deletes() };
    let mut etags = Vec::new();
    for text in ["first", "second"] {
        let put = s3.put_object().bucket("public").key("k").body(text.as_bytes().to_vec().into());
        etags.push(put.send().await.unwrap().e_tag().unwrap().trim_matches('"').to_owned());
    }
    assert_eq!(bucket.delete_version("k", &etags[0]).await.unwrap(), Removal::Changed);
    assert_eq!(fleet.servers.keys("public", "").await, ["k"]);
    assert_eq!(bucket.delete_version("k", &etags[1]).await.unwrap(), Removal::Gone);
    assert_eq!(fleet.servers.keys("public", "").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_upload_whose_event_is_lost_is_removed() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let appliance = fleet
        .appliance()
        .setting("housekeeping.reconcile_secs", 1)
        .setting("housekeeping.event_grace_secs", 0)
        .start();
    let answer = appliance.ask("film.mp4", 5).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.delete(id).await, 202);
    appliance.wait_until_gone(id).await;
    fleet.servers.notify(false).await;
    assert_eq!(appliance.put(&answer["upload"], vec![7; 5]).await.status(), 200);
    let is_removed = async {
        while !left(&fleet, id).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), is_removed).await.expect("the upload stays");
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
}
