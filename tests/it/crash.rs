//! Recovery after a worker or the daemon was killed or terminated.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::appliance::Appliance;
use super::support::media;

/// The video becomes ready, its stream is complete, and nothing else is public.
async fn assert_published(appliance: &Appliance, id: &str) -> Value {
    let video = appliance.wait_for_end(id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let keys = appliance.keys("public", "").await;
    let folders: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('/').nth(1)).collect();
    let attempts: Vec<&&str> = folders.iter().filter(|name| name.starts_with('a')).collect();
    assert_eq!(attempts.len(), 1, "one attempt is left: {keys:?}");
    let (_, _, main) = appliance.public(&format!("{id}/main.m3u8")).await;
    let playlist = m3u8_rs::parse_master_playlist_res(&main).unwrap();
    let variants: Vec<_> = playlist.variants.into_iter().filter(|v| !v.is_i_frame).collect();
    assert_eq!(variants.len(), 3);
    for variant in variants {
        let folder = variant.uri.strip_suffix("index.m3u8").expect("the final playlist");
        let (_, _, text) = appliance.public(&format!("{id}/{}", variant.uri)).await;
        let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
        let total: f32 = media.segments.iter().map(|segment| segment.duration).sum();
        assert!(media.end_list && (total - 30.0).abs() < 0.1, "{total}");
        for segment in media.segments {
            assert!(keys.contains(&format!("{id}/{folder}{}", segment.uri)), "{}", segment.uri);
        }
    }
    let depth = appliance.wait_for_empty_queue().await;
    assert_eq!(depth["dead"], 0);
    video
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_costs_one_attempt() {
    let appliance = Appliance::start();
    let Some(id) = appliance.start_long_job().await else { return };
    let workers = appliance.workers();
    assert_eq!(workers.len(), 1);
    kill_process(Pid::from_raw(workers[0]).unwrap(), Signal::KILL).unwrap();
    let video = assert_published(&appliance, &id).await;
    assert_eq!(video["attempt"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_takes_its_worker_along_and_resumes_after_a_restart() {
    // The death of the daemon does not count as an attempt.
    let mut appliance = Appliance::builder().setting("queue.max_attempts", 1).start();
    let Some(id) = appliance.start_long_job().await else { return };
    let worker = appliance.workers()[0];
    appliance.kill();
    let gone = std::time::Instant::now();
    while std::fs::read(format!("/proc/{worker}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(gone.elapsed() < super::support::appliance::TIMEOUT, "the worker lives on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    appliance.restart();
    let video = assert_published(&appliance, &id).await;
    assert_eq!(video["attempt"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigterm_a_job_may_finish_within_the_grace_period() {
    let mut appliance = Appliance::builder().setting("jobs.shutdown_grace_secs", 100).start();
    let Some(id) = appliance.start_long_job().await else { return };
    assert!(appliance.terminate().success());
    appliance.restart();
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!((&video["state"], &video["attempt"]), (&Value::from("ready"), &Value::from(1)));
    assert_published(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigterm_a_job_that_takes_longer_goes_back_to_the_queue() {
    let mut appliance = Appliance::builder().setting("jobs.shutdown_grace_secs", 0).start();
    let Some(id) = appliance.start_long_job().await else { return };
    assert!(appliance.terminate().success());
    let leased: u32 = appliance
        .database()
        .query_row("SELECT count(*) FROM messages WHERE receipt IS NOT NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(leased, 0, "the message is visible again");
    appliance.restart();
    assert_published(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_the_grace_period_and_sighup_stops_nothing() {
    let mut appliance = Appliance::builder().setting("jobs.shutdown_grace_secs", 80_000).start();
    let Some(id) = appliance.start_long_job().await else { return };
    let pid = Pid::from_raw(i32::try_from(appliance.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    assert_eq!(appliance.get("/healthz").await.0, 200);
    kill_process(pid, Signal::TERM).unwrap();
    // Two equal signals at once are one.
    while appliance.http.get(format!("{}/readyz", appliance.api)).send().await.unwrap().status()
        == 200
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(appliance.terminate().success());
    let waiting: u32 = appliance
        .database()
        .query_row("SELECT count(*) FROM messages WHERE receipt IS NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(waiting, 1, "the message is visible again");
    appliance.restart();
    assert_published(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_workers_all_die_becomes_a_dead_letter_with_a_record_and_can_be_retried() {
    let Some(clip) = media::clip(720, "30", 30) else { return };
    let appliance = Appliance::builder().setting("queue.max_attempts", 2).start();
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    for attempt in 1..=2 {
        let is_on = |video: &Value| video["attempt"] == attempt && video["state"] == "running";
        // A worker that dies before it has read of the source does not count.
        let has_begun = |video: &Value| is_on(video) && video["progress"].as_f64() > Some(0.0);
        appliance.wait_for(&id, has_begun).await;
        let workers = loop {
            let workers = appliance.workers();
            if !workers.is_empty() {
                break workers;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        kill_process(Pid::from_raw(workers[0]).unwrap(), Signal::KILL).unwrap();
        appliance.wait_for(&id, |video| !is_on(video)).await;
    }
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "worker-died", "{video:#}");
    assert_eq!(appliance.wait_for_empty_queue().await["dead"], 1);
    assert_eq!(appliance.keys("public", "").await, [format!("{id}/job.json")]);

    let retry = async || {
        let url = format!("{}/v1/videos/{id}/retry", appliance.api);
        let answer = appliance.http.post(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, queued) = retry().await;
    assert_eq!((status, &queued["error"]), (202, &Value::Null), "{queued:#}");
    let video = appliance.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["attempt"]), (&"ready".into(), &1.into()), "{video:#}");
    let (status, problem) = retry().await;
    assert_eq!((status, &problem["code"]), (409, &"conflict".into()), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_replaced_under_the_daemon_takes_no_attempt() {
    let Some(clip) = media::clip(144, "25", 1) else { return };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (program, next) = (dir.path().join("ladderd"), dir.path().join("next"));
    std::fs::hard_link(env!("CARGO_BIN_EXE_ladderd"), &program).unwrap();
    let mut appliance =
        Appliance::builder().program(&program).setting("queue.max_attempts", 1).start();
    std::fs::copy(&program, &next).unwrap();
    std::fs::rename(&next, &program).unwrap();
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for(&id, |video| video["state"] == "waiting").await;
    assert_eq!(video["error"]["code"], "worker-order", "{video:#}");
    appliance.restart();
    let video = appliance.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["attempt"]), (&"ready".into(), &1.into()), "{video:#}");
}
