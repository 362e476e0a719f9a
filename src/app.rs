//! Composition root: opens store, queue and backends as the settings choose them, connects them, and
//! runs the appliance.

mod accounts;
mod aws;
mod backends;
mod claimant;
mod command_store;
mod compose;
mod doctor;
mod embedded;
mod endpoint;
mod listen;
mod lock;
mod open_files;
mod parts;
mod reload;
mod sandbox;
mod socket;
mod systemd;
mod urls;
mod watchdog;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::backend::Pool;
use crate::heartbeat::Heartbeats;
use crate::history::Recorder;
use crate::http::AppState;
use crate::job::Scheduler;
use crate::job::housekeeping::Housekeeping;
use crate::metrics::Metrics;
use crate::pull::Pulls;
use crate::server::Listener;
use crate::settings::{Loaded, Settings};
use crate::tls::Trust;
use crate::worker::spawn::Program;
use crate::{gpu, http};

pub use self::accounts::{link, with_accounts};
pub use self::backends::gpu_facts;
pub use self::command_store::{CommandStore, with_store};
pub(crate) use self::compose::open_encryption;
pub use self::doctor::examine_without_daemon;
pub use self::endpoint::local_api;
use self::listen::{Front, bind};
pub(crate) use self::lock::{lock, private_files};
use self::parts::Parts;
pub use self::reload::Source;
use self::reload::{Reloader, Requests};
pub(crate) use self::sandbox::check_sandbox;
pub use self::socket::path as socket_path;
use self::systemd::notify;

/// Starts the tokio runtime. Every command except the worker uses it.
///
/// # Errors
/// If no thread can be started.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Path and environment of this program for its child processes. `gst_debug` is the setting
/// `log.gstreamer`.
///
/// # Errors
/// If the system does not report the path of this program.
pub fn program(gst_debug: &str) -> std::io::Result<Program> {
    Ok(Program::new(std::env::current_exe()?, gst_debug))
}

/// Runs the appliance until SIGTERM or SIGINT. Running jobs have a grace period then; a second signal ends it. SIGHUP
/// makes it read `source` again.
///
/// # Errors
/// If it cannot start.
pub fn serve(loaded: Loaded, source: Source) -> anyhow::Result<()> {
    runtime()?.block_on(run(loaded, source))
}

async fn run(loaded: Loaded, source: Source) -> anyhow::Result<()> {
    let (started, settings) = (Instant::now(), loaded.settings.clone());
    let (mut stop_signals, reloads) = (StopSignals::new()?, Requests::listen()?);
    let _lock = lock(&settings.data_dir)?;
    open_files::raise(&settings);
    let (front, trust) = (Front::open(&settings)?, Trust::open(&settings.tls)?);
    // The socket is bound first, so that a port in use fails the start before any work is done.
    let api = bind(&settings.http.listen).await?;
    let api_address = api.local_addr()?;
    let scrapes = listen::bind_unless_empty(&settings.metrics.listen).await?;
    accounts::check_listening(&settings, api_address)?;
    let program = program(&settings.log.gstreamer)?;
    let layers = check_sandbox(&program, settings.sandbox.mode).await?;
    let driver: Arc<dyn gpu::Driver> = Arc::new(gpu::Nvml::default());
    let backends = backends::pool(&program, &driver, &settings);
    let mut parts = Parts::open(&settings, &front, &trust, api_address).await?;
    endpoint::note(&settings, &parts, api_address);

    let (stopping, is_stopping) = watch::channel(false);
    let (drain_jobs, stop_servers) = (CancellationToken::new(), CancellationToken::new());
    let hurry = CancellationToken::new();
    let hearts = Heartbeats::default();
    let context = compose::context(&settings, &parts, program, backends.clone())?;
    let pulls = compose::pulls(&settings, &context, &trust)?;
    let metrics = context.metrics.clone();
    metrics.set_sandbox(layers.iter().map(|layer| (layer.name.as_str(), layer.is_enough)));
    let housekeeping =
        Housekeeping::new(context.clone(), Arc::clone(&parts.inspect), settings.housekeeping);
    let s3_url = parts.server.as_ref().map(|server| front.url(server.address));
    let embedded_store = parts.server.as_ref().map(embedded::Server::store);
    let store = serve_store(parts.server.take(), metrics.clone(), stop_servers.clone());
    let store = tokio::spawn(hearts.heart("store").during(store));
    // The accounts are in the store.
    let accounts = accounts::open(&settings, &parts, api_address).await?;
    let sign_in = accounts.sign_in.clone();
    tokio::spawn(accounts.auth.clone().sweep_hourly());
    let catalog = compose::catalog(&settings, &context)?;
    tokio::spawn(catalog.clone().run(backends.clone().tried(), drain_jobs.clone()));
    let webhooks = compose::webhooks(&settings, &context, &trust)?;
    let history = Recorder::new(&context.board, &parts.inspect, &driver);
    tokio::spawn(history.clone().run(drain_jobs.clone()));
    let trials =
        offer_backends(backends, Arc::clone(&driver), settings.jobs.required_backends.clone());
    let shown = Arc::new(RwLock::new(loaded.shown.clone()));
    let gpus = (&context.backends, &driver);
    let doctor =
        doctor::of_daemon(&settings, &parts, &trust, gpus, &context.board, api_address).await?;
    let daemon = compose::Daemon {
        doctor,
        driver,
        shown_settings: Arc::clone(&shown),
        history,
        started,
        hearts: hearts.clone(),
        stopping: is_stopping,
        catalog,
        webhooks: webhooks.clone(),
        pulls: pulls.clone(),
        embedded_store,
    };
    let state = compose::state(&settings, &parts, &context, accounts, daemon);
    let api = serve_api(&settings, front.listener(api), scrapes, state, stop_servers.clone());
    let api = tokio::spawn(hearts.heart("api").during(api));
    let news = context.changes.clone();
    let news = tokio::spawn(news.run(parts.private.clone(), drain_jobs.clone()));
    let webhooks = tokio::spawn(webhooks.run(drain_jobs.clone()));
    let jobs = Scheduler::new(context.clone()).run(drain_jobs.clone(), hurry.clone());
    let jobs = tokio::spawn(hearts.heart("scheduler").during(jobs));
    let housekeeping = background(housekeeping, pulls, drain_jobs.clone());
    let housekeeping = tokio::spawn(hearts.heart("housekeeping").during(housekeeping));
    if let Some(db) = parts.db {
        tokio::spawn(watchdog::beat_with(db, hearts.heart("database")));
    }
    announce(&front.url(api_address), s3_url.as_deref(), sign_in.as_deref())?;
    let reloader = Reloader { source, loaded, shown, front: front.clone(), context };
    tokio::spawn(reloader.run(reloads));
    tokio::spawn(front.renew());
    ping_systemd(hearts);

    let mut services = Services { api, store, jobs, housekeeping };
    tokio::select! {
        () = stop_signals.next() => {}
        ended = services.first_end() => return Err(ended),
        failed = trials => return Err(failed),
    }
    let Services { api, store, jobs, housekeeping } = services;
    tracing::info!("stopping, no new jobs start");
    notify(&[sd_notify::NotifyState::Stopping]);
    stopping.send_replace(true);
    drain_jobs.cancel();
    tokio::spawn(hurry_up(stop_signals, hurry));
    jobs.await.context("the scheduler panicked")?;
    housekeeping.await.context("housekeeping panicked")?;
    news.await.context("the news of videos panicked")?;
    webhooks.await.context("the delivery of webhooks panicked")?;
    // Running jobs need the store until they end.
    stop_servers.cancel();
    api.await.context("the API panicked")?;
    store.await.context("the store panicked")?;
    tracing::info!("stopped");
    Ok(())
}

/// Tells the watchdog of systemd that all parts run, if it asks.
fn ping_systemd(hearts: Heartbeats) {
    if let Some(interval) = sd_notify::watchdog_enabled() {
        let ping = || notify(&[sd_notify::NotifyState::Watchdog]);
        tokio::spawn(watchdog::watch(hearts, interval, ping));
    }
}

/// Ends the grace period at the next signal.
async fn hurry_up(mut signals: StopSignals, hurry: CancellationToken) {
    signals.next().await;
    tracing::info!("stopping at once, running jobs return to the queue");
    hurry.cancel();
}

/// Serves API and page, also on the socket of the data directory, and the metrics on a socket of their own if there is
/// one, until `stop`.
fn serve_api(
    settings: &Settings,
    api: Listener,
    scrapes: Option<TcpListener>,
    state: AppState,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let router = http::router(state.clone(), &settings.http);
    // Nothing waits for its clients at the end.
    tokio::spawn(socket::serve(settings.data_dir.clone(), router.clone(), stop.clone()));
    let api = http::serve(api, router, stop.clone().cancelled_owned());
    async move {
        let metrics = async {
            if let Some(socket) = scrapes {
                http::serve_metrics(Listener::plain(socket), state, stop.cancelled_owned()).await;
            }
        };
        tokio::join!(api, metrics);
    }
}

/// The work that no client waits for, until `stop`.
async fn background(housekeeping: Housekeeping, pulls: Pulls, stop: CancellationToken) {
    tokio::join!(housekeeping.run(stop.clone()), pulls.run(stop));
}

/// The tasks that run as long as the daemon.
struct Services {
    api: JoinHandle<()>,
    store: JoinHandle<()>,
    jobs: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
}

impl Services {
    /// Completes when one of them ends, which none should, with the reason. The service manager restarts
    /// the daemon then.
    async fn first_end(&mut self) -> anyhow::Error {
        let (name, ended) = tokio::select! {
            ended = &mut self.api => ("the API", ended),
            ended = &mut self.store => ("the store", ended),
            ended = &mut self.jobs => ("the scheduler", ended),
            ended = &mut self.housekeeping => ("housekeeping", ended),
        };
        let reason = ended.err().map_or_else(String::new, |error| format!(": {error}"));
        tracing::error!(name, reason, "a part of the daemon ended");
        anyhow::anyhow!("{name} ended{reason}")
    }
}

/// The signals that stop the daemon.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens for SIGTERM and SIGINT.
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Completes at the next of them.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves the embedded store, if there is one, until `stop`.
async fn serve_store(server: Option<embedded::Server>, metrics: Metrics, stop: CancellationToken) {
    match server {
        Some(server) => server.serve(metrics, stop).await,
        None => stop.cancelled().await,
    }
}

/// Tries every backend, so that jobs may start, and tells systemd and standard output. Completes only if the daemon
/// cannot encode, with the reason.
async fn offer_backends(
    backends: Pool,
    driver: Arc<dyn gpu::Driver>,
    required: Vec<String>,
) -> anyhow::Error {
    let available = match backends::try_all(&backends, &driver, &required).await {
        Ok(available) => available,
        Err(error) => return error,
    };
    // Nobody may listen any more.
    drop(writeln!(std::io::stdout(), "ladderd encodes on {}", available.join(", ")));
    tracing::info!(?available, "ready");
    notify(&[sd_notify::NotifyState::Ready]);
    std::future::pending().await
}

/// Reports the URLs of API and store, which serve from now on, to standard output.
fn announce(api: &str, s3: Option<&str>, sign_in: Option<&str>) -> std::io::Result<()> {
    let store = s3.map(|s3| format!(" (S3 {s3})")).unwrap_or_default();
    writeln!(std::io::stdout(), "ladderd listening on {api}{store}")?;
    if let Some(url) = sign_in {
        // Not in the log, which others may read. Nobody may listen any more.
        drop(writeln!(std::io::stdout(), "sign in (works once, for an hour): {url}"));
    }
    tracing::info!(api, "listening");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_named() {
        let runs = || tokio::spawn(std::future::pending::<()>());
        let services =
            || Services { api: runs(), store: runs(), jobs: runs(), housekeeping: runs() };
        let mut ended = Services { housekeeping: tokio::spawn(async {}), ..services() };
        assert_eq!(ended.first_end().await.to_string(), "housekeeping ended");
        let panics = tokio::spawn(async { panic!("no memory") });
        let mut panicked = Services { jobs: panics, ..services() };
        let reason = panicked.first_end().await.to_string();
        assert!(
            reason.starts_with("the scheduler ended: ") && reason.contains("no memory"),
            "{reason}"
        );
        let none =
            tokio::time::timeout(Duration::from_millis(50), async { services().first_end().await });
        assert!(none.await.is_err(), "nothing has ended");
    }
}
