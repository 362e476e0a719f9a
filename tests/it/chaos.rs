//! `make chaos`: hundreds of uploads while daemons are killed and stopped, clocks jump, disks are full
//! and read-only, stores fail, and events are lost or come twice. Nothing may be lost, published twice,
//! shown broken or left behind.
//!
//! `CHAOS_UPLOADS` is the number of uploads (500), `CHAOS_SEED` repeats the choices of a run; their
//! timing stays that of the machine.

mod book;
mod dice;
mod disk;
mod disturber;
mod events;
mod outage;
mod rig;
mod uploader;
mod verdict;
mod watcher;
mod webhooks;

use std::sync::Arc;
use std::time::Instant;

use super::support::media;
use super::support::servers::ServerKind;
use book::Book;
use dice::Dice;
use rig::Rig;
use uploader::Uploader;
use watcher::Watcher;

/// Players at the same time.
const PLAYERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make chaos"]
async fn on_the_embedded_store() {
    run("embedded", None).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make chaos"]
async fn on_moto() {
    run("moto", Some(ServerKind::Moto)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make chaos"]
async fn on_localstack() {
    run("localstack", Some(ServerKind::LocalStack)).await;
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

async fn run(name: &str, servers: Option<ServerKind>) {
    let uploads = usize::try_from(number("CHAOS_UPLOADS", 500)).unwrap();
    let seed = number("CHAOS_SEED", rand::random::<u64>() >> 32);
    println!("CHAOS_UPLOADS={uploads} CHAOS_SEED={seed} on {name}");
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let Some(rig) = Rig::start(name, servers).await else { return };
    let (rig, book) = (Arc::new(rig), Arc::new(Book::default()));
    let began = Instant::now();
    let watcher = Watcher::new(Arc::clone(&rig), Arc::clone(&book));
    let mut background: Vec<_> = (0..PLAYERS)
        .map(|n| tokio::spawn(Arc::clone(&watcher).run(Dice::new(seed ^ n as u64))))
        .collect();
    let (supervised, tally) = (Arc::clone(&rig), Arc::clone(&book));
    background.push(tokio::spawn(async move { supervised.supervise(&tally.tally).await }));
    let uploader = Arc::new(Uploader {
        rig: Arc::clone(&rig),
        book: Arc::clone(&book),
        clip: std::fs::read(clip).unwrap(),
    });
    let disturber =
        disturber::run(Arc::clone(&rig), Arc::clone(&book), uploads, Dice::new(seed + 1));
    let (uploaded, disturbed) =
        tokio::join!(tokio::spawn(uploader.run(uploads, Dice::new(seed))), tokio::spawn(disturber));
    uploaded.unwrap();
    disturbed.unwrap();

    let mut lost = verdict::settle(&rig, &book).await;
    for task in &background {
        task.abort();
    }
    if lost.is_empty() {
        lost = verdict::last_look(&book, &watcher).await;
    }
    let sweeping = [
        ("housekeeping.orphan_age_secs", 1),
        ("housekeeping.sweep_secs", 3),
        ("uploads.url_ttl_secs", 60),
        ("housekeeping.upload_ttl_secs", 60),
        ("embedded.multipart_ttl_secs", 60),
    ];
    rig.restart_with(&sweeping).await;
    let left = verdict::leftovers(&rig, &book).await;
    let (duplicated, broken) = (book.duplicates(), book.broken.lock().unwrap().clone());

    println!("\nchaos on {name}, seed {seed}");
    for (row, number) in book.tally.rows() {
        println!("{row:24}{number:8}");
    }
    let bad = [
        ("broken looks", &broken),
        ("lost", &lost),
        ("duplicated", &duplicated),
        ("leftovers", &left),
    ];
    for (row, found) in bad {
        println!("{row:24}{:8}", found.len());
    }
    println!("{:24}{:8}", "seconds", began.elapsed().as_secs());
    for (row, found) in bad {
        for what in found.iter().take(20) {
            println!("{row}: {what}");
        }
    }
    assert!(bad.iter().all(|(_, found)| found.is_empty()), "see above");
}
