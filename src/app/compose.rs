//! The context of jobs and the state of handlers, from the settings and the parts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::watch;

use super::accounts::Accounts;
use super::claimant::claimant;
use super::parts::Parts;
use crate::backend::Pool;
use crate::catalog::{Catalog, Facts};
use crate::changes::Changes;
use crate::doctor::Doctor;
use crate::domain::setting_view::SettingView;
use crate::domain::visibility::Visibility;
use crate::drain::Drain;
use crate::embedded::Store;
use crate::encryption::Encryption;
use crate::events::Events;
use crate::gpu;
use crate::heartbeat::Heartbeats;
use crate::history::Recorder;
use crate::http::readiness_log::ReadinessLog;
use crate::http::uploads::in_flight::InFlight;
use crate::http::{AppState, Machine};
use crate::job::additions::Additions;
use crate::job::board::Board;
use crate::job::downloads::Downloads;
use crate::job::{Context, Deletions, JobSettings, Moves};
use crate::outgoing::Outgoing;
use crate::play::Gateway;
use crate::pull::{self, Pulls};
use crate::settings::Settings;
use crate::store::{self, Homes};
use crate::tls::Trust;
use crate::webhook::Webhooks;
use crate::worker::spawn::Program;

/// The context of jobs.
///
/// # Errors
/// If the name of the box cannot be read or written, or the settings of the encryption are incomplete.
pub(super) fn context(
    settings: &Settings,
    parts: &Parts,
    program: Program,
    backends: Pool,
) -> anyhow::Result<Context> {
    let claimant = claimant(&settings.data_dir)?;
    let homes = Homes::new(&parts.private, &parts.public);
    let latest = job_settings(settings);
    Ok(Context {
        private: parts.private.clone(),
        events: Events::new(&parts.private, &homes, &parts.urls, settings.events),
        homes,
        visibility: settings.videos.visibility,
        queue: Arc::clone(&parts.queue),
        enqueue: Arc::clone(&parts.enqueue),
        sources: settings.sources.clone(),
        after_success: settings.store.after_success,
        purge_delay: Duration::from_secs(settings.housekeeping.purge_delay_secs),
        board: Board::default(),
        changes: match settings.store.kind {
            store::Kind::Embedded => Changes::alone(),
            store::Kind::S3 => Changes::of_box(&claimant.box_id, settings.changes),
        },
        claimant,
        metrics: parts.metrics.clone(),
        program,
        backends,
        ladder: latest.ladder.clone(),
        encode: settings.encode.clone(),
        limits: latest.limits.clone(),
        sandbox: settings.sandbox.mode,
        encryption: open_encryption(settings)?,
        config: latest.config.clone(),
        queue_config: settings.queue.clone(),
        urls: parts.urls.clone(),
        drain: Drain::default(),
        latest: Arc::new(RwLock::new(latest)),
    })
}

/// The settings of jobs that a reload may change.
pub(super) fn job_settings(settings: &Settings) -> JobSettings {
    let Settings { ladder, limits, jobs, .. } = settings.clone();
    JobSettings { ladder, limits, config: jobs }
}

/// The index of all videos of these jobs.
///
/// # Errors
/// If there is no memory for it.
pub(super) fn catalog(settings: &Settings, context: &Context) -> anyhow::Result<Catalog> {
    let facts = Facts {
        private: context.private.clone(),
        homes: context.homes.clone(),
        deletions: Deletions::of(context),
        claim_renewal: Duration::from_secs(settings.jobs.claim_renewal_secs),
    };
    Ok(Catalog::open(&settings.data_dir, facts, context.changes.clone())?)
}

/// Opens the source of the keys of streams.
///
/// # Errors
/// If the settings of the encryption are incomplete, or the authorities of `tls.ca` cannot be read.
pub(crate) fn open_encryption(settings: &Settings) -> anyhow::Result<Encryption> {
    Ok(Encryption::open(&settings.encryption, &Trust::open(&settings.tls)?)?)
}

/// The webhooks of the events of these jobs.
///
/// # Errors
/// If the authorities of `tls.ca` cannot be used.
pub(super) fn webhooks(
    settings: &Settings,
    context: &Context,
    trust: &Trust,
) -> anyhow::Result<Webhooks> {
    let Context { private, events, claimant, metrics, .. } = context;
    let outgoing = Outgoing::new(trust, settings.webhooks.allow_private)?;
    Ok(Webhooks::new(private, events, outgoing, claimant, metrics))
}

/// The pulls of sources from URLs.
///
/// # Errors
/// If the authorities of `tls.ca` cannot be used.
pub(super) fn pulls(
    settings: &Settings,
    context: &Context,
    trust: &Trust,
) -> anyhow::Result<Pulls> {
    Ok(Pulls::new(pull::Parts {
        private: context.private.clone(),
        outgoing: Outgoing::new(trust, settings.pulls.allow_private)?,
        changes: context.changes.clone(),
        events: context.events.clone(),
        claimant: context.claimant.clone(),
        renewal: Duration::from_secs(settings.jobs.claim_renewal_secs),
        drain: context.drain.clone(),
        max_size_bytes: settings.uploads.max_size_bytes,
        config: settings.pulls,
    }))
}

/// The parts of the daemon that the API shows.
pub(super) struct Daemon {
    /// The examination of this daemon.
    pub(super) doctor: Doctor,
    pub(super) driver: Arc<dyn gpu::Driver>,
    pub(super) hearts: Heartbeats,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) pulls: Pulls,
    pub(super) catalog: Catalog,
    pub(super) webhooks: Webhooks,
    /// The settings with their origins.
    pub(super) shown_settings: Arc<RwLock<Vec<SettingView>>>,
    /// Load of the last hour.
    pub(super) history: Recorder,
    /// Start of the process.
    pub(super) started: Instant,
    /// The embedded store; `None` if the buckets are on S3.
    pub(super) embedded_store: Option<Store>,
}

/// The state of the API, which shows the jobs of `context`.
pub(super) fn state(
    settings: &Settings,
    parts: &Parts,
    context: &Context,
    accounts: Accounts,
    daemon: Daemon,
) -> AppState {
    AppState {
        access: accounts.access,
        is_insecure: accounts.is_insecure,
        in_flight: InFlight::default(),
        private: parts.private.clone(),
        homes: Homes::new(&parts.private, &parts.public),
        visibility: settings.videos.visibility,
        board: context.board.clone(),
        watches: crate::http::videos::watches::Watches::default(),
        deletions: Deletions::of(context),
        downloads: Downloads::of(context),
        additions: Additions::of(context),
        moves: Moves::of(context),
        queue: Arc::clone(&parts.inspect),
        enqueue: Arc::clone(&parts.enqueue),
        catalog: daemon.catalog,
        changes: context.changes.clone(),
        events: context.events.clone(),
        webhooks: daemon.webhooks,
        pulls: daemon.pulls,
        metrics: context.metrics.clone(),
        backends: context.backends.clone(),
        gpu: daemon.driver,
        machine: Arc::new(Machine {
            box_id: context.claimant.box_id.clone(),
            host: host_name(),
            started: daemon.started,
            history: daemon.history,
            settings: daemon.shown_settings,
        }),
        claim_renewal: Duration::from_secs(settings.jobs.claim_renewal_secs),
        sources: settings.sources.clone(),
        uploads: settings.uploads.clone(),
        gateway: Gateway::new(
            &parts.private,
            context.homes.of(Visibility::Private),
            &context.encryption,
            &settings.playback,
        ),
        urls: parts.urls.clone(),
        store_origins: Arc::clone(&parts.origins),
        embed_origins: settings.http.embed_origins.clone().into(),
        has_beacons: settings.qoe.enabled,
        embedded_store: daemon.embedded_store,
        doctor: daemon.doctor,
        hearts: daemon.hearts,
        stopping: daemon.stopping,
        readiness: ReadinessLog::default(),
        drain: context.drain.clone(),
        job_settings: Arc::clone(&context.latest),
    }
}

/// Host name of the machine, if Linux tells it.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
