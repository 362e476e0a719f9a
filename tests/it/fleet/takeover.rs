//! One appliance takes over the job of another.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::on_both;
use crate::support::appliance::ApplianceBuilder;
use crate::support::fleet::Fleet;
use crate::support::servers::ServerKind;

/// An appliance whose leases and claims expire after seconds.
fn impatient(fleet: &Fleet) -> ApplianceBuilder {
    fleet.appliance().setting("queue.lease_secs", 3).setting("jobs.claim_renewal_secs", 1)
}

on_both!(an_appliance_that_terminates_hands_its_job_to_another);
async fn an_appliance_that_terminates_hands_its_job_to_another(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let mut first = fleet.appliance().setting("jobs.shutdown_grace_secs", 0).start();
    let Some(id) = first.start_long_job().await else { return };
    let began = std::time::Instant::now();
    assert!(first.terminate().success());
    assert!(began.elapsed() < Duration::from_secs(20), "it takes too long to terminate");
    assert_eq!(fleet.servers.depth().await, (1, 0, 0), "the message is visible at once");
    let second = fleet.appliance().start();
    let video = fleet.assert_published_once(&second, &id).await;
    assert_eq!(video["attempt"], 1, "an attempt that is handed over does not count");
    fleet.wait_until_done().await;
}

on_both!(an_appliance_that_slept_finds_its_job_taken_and_does_not_flip);
async fn an_appliance_that_slept_finds_its_job_taken_and_does_not_flip(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let first = impatient(&fleet).start();
    let Some(id) = first.start_long_job().await else { return };
    let pid = Pid::from_raw(i32::try_from(first.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let second = impatient(&fleet).start();
    let video = fleet.assert_published_once(&second, &id).await;
    assert_eq!(video["attempt"], 1, "an attempt that another box takes over does not count");
    kill_process(pid, Signal::CONT).unwrap();
    // The first appliance notices and works on.
    let (_, system) = first.get("/v1/system").await;
    assert_eq!(system["queue"]["dead"], 0);
    first.wait_for(&id, |video| video["state"] == "ready").await;
    for _ in 0..50 {
        if first.workers().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(first.workers().is_empty(), "its worker has ended");
    fleet.wait_until_done().await;
    // Its own segments are orphans, which no playlist names.
    assert_eq!(fleet.proxy.flips(&id), 1);
    let (_, _, main) = second.public(&format!("{id}/main.m3u8")).await;
    assert!(String::from_utf8(main).unwrap().contains("/index.m3u8"));
}

on_both!(a_duplicate_message_waits_for_the_running_job);
async fn a_duplicate_message_waits_for_the_running_job(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let first = impatient(&fleet).start();
    let Some(id) = first.start_long_job().await else { return };
    // Another appliance receives a copy of the message.
    let second = impatient(&fleet).start();
    let key = fleet.servers.keys("uploads", "").await;
    let key = key.iter().find(|key| key.ends_with("film.mp4")).unwrap();
    let again = serde_json::json!({"bucket": "uploads", "key": key}).to_string();
    for _ in 0..3 {
        fleet.servers.send(&again).await;
    }
    let seen = second.wait_for(&id, |video| video["progress"].as_f64() > Some(0.0)).await;
    assert_eq!(seen["state"], "running", "the second appliance shows the first one's progress");
    let video = fleet.assert_published_once(&second, &id).await;
    assert_eq!(video["attempt"], Value::from(1));
    fleet.wait_until_done().await;
    assert_eq!(fleet.proxy.flips(&id), 1);
}

on_both!(any_appliance_can_delete_a_video_that_another_one_encodes);
async fn any_appliance_can_delete_a_video_that_another_one_encodes(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let start = || fleet.appliance().setting("jobs.claim_renewal_secs", 1).start();
    let first = start();
    let Some(id) = first.start_long_job().await else { return };
    let second = start();
    assert_eq!(second.delete(&id).await, 202);
    second.wait_until_gone(&id).await;
    assert!(first.workers().is_empty(), "the job has ended before the video is gone");
    fleet.wait_until_done().await;
    for appliance in [&first, &second] {
        assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
    }
    let left = [
        fleet.servers.keys("public", "").await,
        fleet.servers.keys("uploads", "records/").await,
        fleet.servers.keys("uploads", &format!("claims/{id}")).await,
    ];
    assert_eq!(left.concat(), Vec::<String>::new());
    assert_eq!(fleet.proxy.flips(&id), 0);
}
