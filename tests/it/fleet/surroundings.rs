//! Failures of the surroundings never count against a video.

use super::short_clip;
use crate::support::appliance::Appliance;
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::servers::ServerKind;

#[tokio::test(flavor = "multi_thread")]
async fn a_video_survives_credentials_that_have_expired() {
    let faults = FaultProfile::Expired(3);
    let Some(fleet) = Fleet::with_faults(ServerKind::Moto, faults).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet.appliance().setting("queue.max_attempts", 1).start();
    let id = appliance.upload("film.mp4", clip).await;
    let video = fleet.assert_published_once(&appliance, &id).await;
    assert_eq!(video["attempt"], 1, "{video:#}");
    let refused = fleet.proxy.seen().iter().filter(|seen| seen.status == Some(400)).count();
    assert_eq!(refused, 3);
    fleet.wait_until_done().await;
}

/// An appliance that tries again after a second at most, and an upload whose key is lost.
async fn upload_with_lost_key(
    settings: &[(&str, u32)],
) -> Option<(Fleet, Appliance, String, serde_json::Value)> {
    let fleet = Fleet::with_faults(ServerKind::Moto, FaultProfile::KeyLost).await?;
    let clip = short_clip()?;
    let mut appliance = fleet
        .appliance()
        .setting("queue.max_attempts", 1)
        .setting("queue.retry.first_secs", 1)
        .setting("queue.retry.max_secs", 1);
    for (name, value) in settings {
        appliance = appliance.setting(name, *value);
    }
    let appliance = appliance.start();
    let id = appliance.upload("film.mp4", clip).await;
    let is_told = |video: &serde_json::Value| !video["error"].is_null();
    let video = appliance.wait_for(&id, is_told).await;
    Some((fleet, appliance, id, video))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_whose_key_is_lost_waits_and_is_published_once_it_is_back() {
    let Some((fleet, appliance, id, video)) = upload_with_lost_key(&[]).await else { return };
    assert_eq!(video["state"], "waiting", "{video:#}");
    assert_eq!(video["error"]["code"], "store-denied", "{video:#}");
    let message = video["error"]["message"].as_str().unwrap();
    assert!(message.contains("KMS.DisabledException") && message.contains("Check"), "{message}");
    fleet.proxy.set_faults(FaultProfile::None);
    let video = fleet.assert_published_once(&appliance, &id).await;
    assert!(video["error"].is_null(), "{video:#}");
    assert_eq!(video["attempt"], 1, "what the surroundings do is no attempt");
    fleet.wait_until_done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_waits_too_long_fails_and_can_be_retried() {
    let limit = [("jobs.surroundings_max_age_secs", 1)];
    let Some((fleet, appliance, id, _)) = upload_with_lost_key(&limit).await else { return };
    let video = appliance.wait_for(&id, |video| video["state"] == "failed").await;
    assert_eq!(video["error"]["code"], "store-denied", "{video:#}");
    // The record is written before the message goes there.
    let mut dead = Vec::new();
    while dead.is_empty() {
        dead = fleet.servers.dead_letters().await;
    }
    assert!(dead[0].1.starts_with("store-denied"), "{dead:?}");
    fleet.proxy.set_faults(FaultProfile::None);
    let retried =
        appliance.http.post(format!("{}/v1/videos/{id}/retry", appliance.api)).send().await;
    assert_eq!(retried.unwrap().status(), 202);
    fleet.assert_published_once(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_lost_after_the_claim_is_sent_again() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let Some(clip) = short_clip() else { return };
    let impatient = || {
        fleet
            .appliance()
            .setting("queue.lease_secs", 3)
            .setting("queue.retry.max_secs", 1)
            .setting("jobs.claim_renewal_secs", 1)
            .setting("housekeeping.event_grace_secs", 1)
            .setting("housekeeping.reconcile_secs", 1)
    };
    let mut first = impatient().start();
    let done = first.upload("done.mp4", clip).await;
    fleet.assert_published_once(&first, &done).await;
    let Some(id) = first.start_long_job().await else { return };
    first.kill();
    let purge = fleet.servers.sqs.purge_queue().queue_url(&fleet.servers.queue_url);
    purge.send().await.unwrap();
    assert_eq!(fleet.servers.depth().await, (0, 0, 0));
    let second = impatient().start();
    fleet.assert_published_once(&second, &id).await;
    fleet.wait_until_done().await;
    assert_eq!(fleet.proxy.flips(&done), 1, "what is done is not done again");
}
