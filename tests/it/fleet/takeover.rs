//! One box takes over from another.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Bench, long_clip, on_both};
use crate::support::appliance::{Appliance, Home};
use crate::support::proxy::Weather;
use crate::support::servers::Make;

/// A job that runs on this box and has published something.
async fn in_the_middle(home: &Home, appliance: &Appliance) -> Option<String> {
    let id = appliance.upload("film.mp4", long_clip(home.path())?).await;
    let video = appliance.wait_for(&id, |video| video["playable"] == true).await;
    assert_eq!(video["state"], "running", "{video:#}");
    Some(id)
}

on_both!(a_box_that_stops_hands_its_job_to_another);
async fn a_box_that_stops_hands_its_job_to_another(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let home = bench.home(&[("LADDERD__JOBS__SHUTDOWN_GRACE_SECS", "0")]);
    let mut first = home.start();
    let Some(id) = in_the_middle(&home, &first).await else { return };
    let began = std::time::Instant::now();
    assert!(first.terminate().success());
    assert!(began.elapsed() < Duration::from_secs(20), "it takes long to stop");
    assert_eq!(bench.servers.depth().await, (1, 0, 0), "the message is visible at once");
    let other = bench.home(&[]);
    let second = other.start();
    let video = bench.check_ready(&second, &id).await;
    assert_eq!(video["attempt"], 1, "what was handed over does not count");
    bench.wait_until_done().await;
}

on_both!(a_box_that_slept_finds_its_job_taken_and_never_flips);
async fn a_box_that_slept_finds_its_job_taken_and_never_flips(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let quick = [("LADDERD__QUEUE__LEASE_SECS", "3"), ("LADDERD__JOBS__CLAIM_RENEWAL_SECS", "1")];
    let home = bench.home(&quick);
    let first = home.start();
    let Some(id) = in_the_middle(&home, &first).await else { return };
    let pid = Pid::from_raw(i32::try_from(first.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let other = bench.home(&quick);
    let second = other.start();
    let video = bench.check_ready(&second, &id).await;
    assert_eq!(video["attempt"], 2);
    kill_process(pid, Signal::CONT).unwrap();
    // The first box notices, and works on.
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
    bench.wait_until_done().await;
    // What it had published meanwhile is nothing that anybody is shown: the sweep's business.
    assert_eq!(bench.proxy.flips(&id), 1);
    let (_, _, main) = second.public(&format!("{id}/main.m3u8")).await;
    assert!(String::from_utf8(main).unwrap().contains("/index.m3u8"));
}

on_both!(a_message_that_comes_twice_waits_for_the_job_that_runs);
async fn a_message_that_comes_twice_waits_for_the_job_that_runs(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let quick = [("LADDERD__QUEUE__LEASE_SECS", "3"), ("LADDERD__JOBS__CLAIM_RENEWAL_SECS", "1")];
    let (home, other) = (bench.home(&quick), bench.home(&quick));
    let first = home.start();
    let Some(id) = in_the_middle(&home, &first).await else { return };
    // As if its message had become visible: another box gets it, too.
    let second = other.start();
    let key = bench.servers.keys("uploads", "").await;
    let key = key.iter().find(|key| key.ends_with("film.mp4")).unwrap();
    let again = serde_json::json!({"bucket": "uploads", "key": key}).to_string();
    for _ in 0..3 {
        bench.servers.send(&again).await;
    }
    let seen = second.wait_for(&id, |video| video["progress"].as_f64() > Some(0.0)).await;
    assert_eq!(seen["state"], "running", "the second box shows what the first one does");
    let video = bench.check_ready(&second, &id).await;
    assert_eq!(video["attempt"], Value::from(1));
    bench.wait_until_done().await;
    assert_eq!(bench.proxy.flips(&id), 1);
}

on_both!(any_box_deletes_what_another_works_on);
async fn any_box_deletes_what_another_works_on(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let quick = [("LADDERD__JOBS__CLAIM_RENEWAL_SECS", "1")];
    let (home, other) = (bench.home(&quick), bench.home(&quick));
    let first = home.start();
    let Some(id) = in_the_middle(&home, &first).await else { return };
    let second = other.start();
    let url = format!("{}/v1/videos/{id}", second.api);
    let deleted = second.http.delete(url).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert!(first.workers().is_empty(), "the job has ended before the answer");
    bench.wait_until_done().await;
    for appliance in [&first, &second] {
        assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
    }
    let left = [
        bench.servers.keys("public", "").await,
        bench.servers.keys("uploads", "records/").await,
        bench.servers.keys("uploads", &format!("claims/{id}")).await,
    ];
    assert_eq!(left.concat(), Vec::<String>::new());
    assert_eq!(bench.proxy.flips(&id), 0);
}
