//! A thousand deliveries while the daemon is killed every two seconds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::number;
use super::rig::free_port;
use crate::support::appliance::Appliance;
use crate::support::receiver::{Received, Receiver};

/// Clients that create videos at the same time.
const CLIENTS: usize = 4;
/// Life of a daemon once it answers.
const LIFE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make chaos"]
async fn no_delivery_is_lost_while_the_daemon_is_killed() {
    let wanted = usize::try_from(number("CHAOS_DELIVERIES", 1000)).unwrap();
    let receiver = Receiver::start();
    let mut appliance = Appliance::builder()
        .ports(free_port(), free_port())
        .setting("webhooks.allow_private", true)
        .setting("http.requests_per_sec", 0)
        .setting("uploads.max_in_flight", 100_000)
        .start();
    let body = json!({"url": format!("{}/ok", receiver.url)});
    let made = appliance.http.post(format!("{}/v1/webhooks", appliance.api)).json(&body);
    assert_eq!(made.send().await.unwrap().status(), 201);

    let (is_over, created) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (http, api) = (appliance.http.clone(), appliance.api.clone());
            let created = Arc::clone(&created);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                while created.load(Ordering::SeqCst) < wanted {
                    let body = json!({"filename": "film.mp4", "size_bytes": 5});
                    let answer = http.post(format!("{api}/v1/uploads")).json(&body).send().await;
                    match answer {
                        Ok(answer) if answer.status() == 201 => {
                            let Ok(answer) = answer.json::<Value>().await else { continue };
                            created.fetch_add(1, Ordering::SeqCst);
                            ids.push(answer["video_id"].as_str().unwrap().to_owned());
                        }
                        // The daemon is dead.
                        Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                }
                ids
            })
        })
        .collect();
    let over = Arc::clone(&is_over);
    let killer = tokio::spawn(async move {
        let mut kills = 0;
        while !over.load(Ordering::SeqCst) {
            tokio::time::sleep(LIFE).await;
            appliance.kill();
            kills += 1;
            while appliance.try_restart().is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        (appliance, kills)
    });
    let mut ids = BTreeSet::new();
    for client in clients {
        ids.extend(client.await.unwrap());
    }
    let is_told = |one: &Received| one.json()["data"]["id"].as_str().unwrap().to_owned();
    let told = || receiver.received("/ok").iter().map(is_told).collect::<BTreeSet<_>>();
    // It is killed on while the rest is delivered.
    let deadline = Instant::now() + Duration::from_mins(3);
    while !ids.is_subset(&told()) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let (_appliance, kills) = killer.await.unwrap();
    let lost: Vec<&String> = ids.iter().filter(|id| !told().contains(*id)).collect();
    let by_id = receiver.by_id("/ok");
    let requests: usize = by_id.values().map(Vec::len).sum();
    println!(
        "{} videos, {} events, {requests} requests, {} duplicates, {kills} kills, {} lost, {:.0} s",
        ids.len(),
        by_id.len(),
        requests - by_id.len(),
        lost.len(),
        began.elapsed().as_secs_f64(),
    );
    assert!(lost.is_empty() && kills > 3, "lost: {lost:?}");
    // Duplicates are the same event under the same id, and each video has one.
    for same in by_id.values() {
        assert!(same.iter().all(|one| one.json() == same[0].json()));
    }
    let videos: Vec<String> = by_id.values().map(|same| is_told(&same[0])).collect();
    assert_eq!(videos.len(), videos.iter().collect::<BTreeSet<_>>().len());
}
