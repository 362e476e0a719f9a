//! The machines of a run: daemons with clocks of their own, a store and a queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::book::{Tally, count};
use super::disk::Disk;
use super::outage::Outages;
use crate::support::appliance::{Appliance, ApplianceBuilder};
use crate::support::clock::Clock;
use crate::support::fleet::Fleet;
use crate::support::servers::ServerKind;

/// One small rung; `ladderd` adds a smaller one.
const LADDER: &str = "[[ladder]]\nheight = 180\nmax_bitrate_kbps = 300\n";

/// A player gives up a request after this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A daemon and its clock.
pub struct Machine {
    pub appliance: Appliance,
    pub clock: Clock,
}

/// All machines.
pub struct Rig {
    pub fleet: Option<Fleet>,
    pub disk: Option<Disk>,
    pub machines: tokio::sync::Mutex<Vec<Machine>>,
    /// URLs of the APIs; false while the daemon is stopped.
    apis: Vec<(String, AtomicBool)>,
    /// URL of the store, from which players read.
    pub store_url: String,
    pub s3: aws_sdk_s3::Client,
    pub http: reqwest::Client,
    pub outages: Outages,
}

impl Rig {
    /// Starts one daemon with the embedded store and queue, or two on the servers. Nothing (reported as
    /// a skip) where the servers are not installed.
    pub async fn start(name: &str, servers: Option<ServerKind>) -> Option<Self> {
        let log = |n| {
            let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos");
            std::fs::create_dir_all(&folder).unwrap();
            let path = folder.join(format!("{name}-{n}.log"));
            drop(std::fs::remove_file(&path));
            path
        };
        let (mut fleet, mut disk, mut machines) = (None, None, Vec::new());
        if let Some(kind) = servers {
            let servers = Fleet::start(kind).await?;
            for n in 0..2 {
                let clock = Clock::new();
                let builder = settings(servers.appliance(), &clock).log(log(n));
                machines.push(Machine { appliance: builder.start(), clock });
            }
            fleet = Some(servers);
        } else {
            let data_dir = tempfile::tempdir().unwrap();
            disk = Some(Disk::mount(data_dir.path()));
            let clock = Clock::new();
            let builder = settings(Appliance::builder(), &clock)
                .setting("embedded.min_free_bytes", 16 << 20)
                .data_dir(data_dir)
                .log(log(0));
            machines.push(Machine { appliance: builder.start(), clock });
        }
        let apis = machines.iter().map(|m| (m.appliance.api.clone(), AtomicBool::new(true)));
        let apis = apis.collect();
        let appliance = &machines[0].appliance;
        let (store_url, s3) = match &fleet {
            Some(fleet) => (fleet.servers.endpoint.clone(), fleet.servers.s3.clone()),
            None => (appliance.s3.clone(), appliance.s3_client()),
        };
        drop(crate::support::http_client());
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(REQUEST_TIMEOUT);
        let (http, outages) = (http.build().unwrap(), Outages::new());
        let machines = tokio::sync::Mutex::new(machines);
        Some(Self { fleet, disk, machines, apis, store_url, s3, http, outages })
    }

    /// URL of the API of a daemon that is not stopped.
    pub fn api(&self) -> &str {
        let up = self.apis.iter().filter(|(_, is_up)| is_up.load(Ordering::SeqCst));
        let up: Vec<&str> = up.map(|(url, _)| url.as_str()).collect();
        let url = up.get(rand::random::<u8>() as usize % up.len().max(1));
        url.copied().unwrap_or(&self.apis[0].0)
    }

    pub fn set_up(&self, machine: usize, is_up: bool) {
        self.apis[machine].1.store(is_up, Ordering::SeqCst);
    }

    /// Starts daemons again that ended by themselves, as systemd does. Runs until it is dropped.
    pub async fn supervise(&self, tally: &Tally) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for machine in self.machines.lock().await.iter_mut() {
                if machine.appliance.has_ended() {
                    let _outage = self.fleet.is_none().then(|| self.outages.begin());
                    count(&tally.exits);
                    let said = tokio::task::block_in_place(|| machine.appliance.try_restart());
                    println!("a daemon ended by itself; start: {said:?}");
                }
            }
        }
    }

    /// Starts all daemons with these settings and the right time.
    pub async fn restart_with(&self, settings: &[(&str, u64)]) {
        let _outage = self.outages.begin();
        for machine in self.machines.lock().await.iter_mut() {
            machine.clock.set(0);
            for (key, value) in settings {
                machine.appliance.set(key, value);
            }
            tokio::task::block_in_place(|| machine.appliance.restart());
        }
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Settings of a run: everything that is periodic comes soon, and nothing that is young is swept.
fn settings(builder: ApplianceBuilder, clock: &Clock) -> ApplianceBuilder {
    let numbers = [
        ("queue.lease_secs", 10),
        ("queue.retry.max_secs", 10),
        ("jobs.claim_renewal_secs", 2),
        ("jobs.max_running", 2),
        ("housekeeping.reconcile_secs", 5),
        ("housekeeping.event_grace_secs", 10),
        ("housekeeping.sweep_secs", 10),
        // Longer than the clock is wrong.
        ("housekeeping.orphan_age_secs", 400),
        ("uploads.single_put_max_bytes", 6_000_000),
        ("uploads.part_size_bytes", 5_242_880),
    ];
    let builder = builder
        .config(LADDER)
        .ports(free_port(), free_port())
        .environment(clock.environment())
        .setting("sources.prefix", "in/");
    numbers.into_iter().fold(builder, |builder, (key, value)| builder.setting(key, value))
}
