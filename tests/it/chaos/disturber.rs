//! Faults of the machines while clients upload and players play.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::book::{Book, count};
use super::dice::Dice;
use super::events;
use super::rig::Rig;
use crate::support::proxy::FaultProfile;

/// Length of an outage of the disk, the store or the network.
const OUTAGE: Duration = Duration::from_secs(20);
/// Length of a stop.
const STOP: Duration = Duration::from_mins(1);
/// By how much a clock is wrong, in seconds.
const WRONG: [i64; 3] = [-120, 0, 120];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbance {
    Kill,
    Stop,
    ClockStep,
    ReadOnlyDisk,
    FullDisk,
    Storm,
    StopOfTheServers,
}

/// All disturbances of a run, shuffled.
fn deck(is_embedded: bool, uploads: usize, dice: &mut Dice) -> Vec<Disturbance> {
    use Disturbance::{ClockStep, FullDisk, Kill, ReadOnlyDisk, Stop, StopOfTheServers, Storm};
    let one_per = |uploads_each: usize| (uploads / uploads_each).max(1);
    let mut deck = vec![Kill; one_per(20).max(3)];
    deck.extend(vec![Stop; one_per(250)]);
    deck.extend(vec![ClockStep; one_per(40).max(3)]);
    for outage in if is_embedded { [ReadOnlyDisk, FullDisk] } else { [Storm, StopOfTheServers] } {
        deck.extend(vec![outage; one_per(125)]);
    }
    dice.shuffle(&mut deck);
    deck
}

/// Disturbs at even distances until the uploads are done.
pub async fn run(rig: Arc<Rig>, book: Arc<Book>, uploads: usize, mut dice: Dice) {
    let deck = deck(rig.fleet.is_none(), uploads, &mut dice);
    println!("disturbances: {deck:?}");
    for (n, disturbance) in deck.iter().enumerate() {
        let at = (n + 1) * uploads / (deck.len() + 1);
        while book.tally.uploads.load(Ordering::SeqCst) < at {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("{at} uploads: {disturbance:?}");
        disturb(*disturbance, &rig, &book, &mut dice).await;
    }
}

async fn disturb(disturbance: Disturbance, rig: &Rig, book: &Book, dice: &mut Dice) {
    let tally = &book.tally;
    match disturbance {
        Disturbance::Kill => {
            let mut machines = rig.machines.lock().await;
            let victim = dice.below(machines.len());
            let appliance = &mut machines[victim].appliance;
            let _outage = rig.fleet.is_none().then(|| rig.outages.begin());
            rig.set_up(victim, false);
            appliance.kill();
            if rig.fleet.is_none() {
                events::disturb_rows(&appliance.database(), tally);
            }
            tokio::task::block_in_place(|| appliance.restart());
            rig.set_up(victim, true);
            count(&tally.kills);
        }
        Disturbance::Stop => {
            let victim = dice.below(rig.machines.lock().await.len());
            let pid = rig.machines.lock().await[victim].appliance.pid();
            let _outage = rig.fleet.is_none().then(|| rig.outages.begin());
            rig.set_up(victim, false);
            stop_for(pid, STOP).await;
            rig.set_up(victim, true);
            count(&tally.stops_of_60_s);
        }
        Disturbance::ClockStep => {
            let machines = rig.machines.lock().await;
            let offset_secs = dice.pick(&WRONG).unwrap();
            println!("clock: {offset_secs:+} s");
            machines[dice.below(machines.len())].clock.set(offset_secs);
            count(&tally.clock_steps);
        }
        Disturbance::ReadOnlyDisk => {
            let disk = rig.disk.as_ref().unwrap();
            let _outage = rig.outages.begin();
            disk.set_read_only();
            tokio::time::sleep(OUTAGE).await;
            disk.set_writable();
            count(&tally.read_only_disks);
        }
        Disturbance::FullDisk => {
            let _outage = rig.outages.begin();
            let ballast = rig.disk.as_ref().unwrap().fill();
            tokio::time::sleep(OUTAGE).await;
            std::fs::remove_file(ballast).unwrap();
            count(&tally.full_disks);
        }
        Disturbance::Storm => {
            let proxy = &rig.fleet.as_ref().unwrap().proxy;
            proxy.set_faults(FaultProfile::Storm);
            tokio::time::sleep(OUTAGE).await;
            proxy.set_faults(FaultProfile::None);
            count(&tally.storms);
        }
        Disturbance::StopOfTheServers => {
            let _outage = rig.outages.begin();
            stop_for(rig.fleet.as_ref().unwrap().servers.pid(), OUTAGE).await;
            count(&tally.stops_of_the_servers);
        }
    }
}

/// Stops a process with SIGSTOP for this long.
async fn stop_for(pid: u32, time: Duration) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    tokio::time::sleep(time).await;
    kill_process(pid, Signal::CONT).unwrap();
}
