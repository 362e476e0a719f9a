//! The composition root: the only file that names concrete types together.

mod embedded;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::backend::{self as backends, BackendStatus};
use crate::domain::recipe::Recipe;
use crate::http::AppState;
use crate::job::board::Board;
use crate::job::{Context, Scheduler};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::Bucket;
use crate::{backend, http};

use self::embedded::Embedded;

/// The runtime of every command but the worker.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// This program, which is also the worker.
///
/// # Errors
/// If the system does not tell.
pub fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// Runs the appliance until SIGTERM or SIGINT.
///
/// # Errors
/// If it cannot start.
pub fn serve(settings: Settings) -> anyhow::Result<()> {
    runtime()?.block_on(run(settings))
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let told_to_stop = stop_signal()?;
    let _lock = lock(&settings.data_dir)?;
    // Sockets bind early, work starts late.
    let api = bind(&settings.http.listen).await?;
    let api_address = api.local_addr()?;
    let s3 = bind(&s3_listen(&settings, api_address)).await?;
    let program = program()?;
    let (recipe, statuses) = choose_backend(&program).await?;
    let parts = Embedded::open(&settings, s3)?;

    let (draining, drain) = watch::channel(false);
    let (drain_jobs, stop_servers) = (CancellationToken::new(), CancellationToken::new());
    let board = Board::default();
    let metrics = Metrics::default();
    let state = AppState {
        private: parts.private.clone(),
        public: parts.public.clone(),
        board: board.clone(),
        queue: Arc::new(parts.queue.clone()),
        metrics: metrics.clone(),
        backends: statuses.into(),
        uploads: settings.uploads.clone(),
        playback_base_url: parts.playback_base_url.clone(),
        store_origins: parts.origins.clone(),
        draining: drain,
    };
    let context = Context {
        private: parts.private.clone(),
        public: parts.public.clone(),
        queue: Arc::new(parts.queue.clone()),
        board,
        metrics,
        program,
        recipe,
        ladder: settings.ladder.clone(),
        encode: settings.encode.clone(),
        config: settings.jobs.clone(),
        queue_config: settings.queue.clone(),
        playback_base_url: parts.playback_base_url.clone(),
    };
    let s3_address = parts.address;
    let store = tokio::spawn(parts.serve(stop_servers.clone()));
    let router = http::router(state, &settings.http);
    let api = tokio::spawn(http::serve(api, router, stop_servers.clone().cancelled_owned()));
    let jobs = tokio::spawn(Scheduler::new(context).run(drain_jobs.clone()));
    announce(api_address, s3_address)?;

    told_to_stop.await;
    tracing::info!("stopping: no new jobs");
    notify(&[sd_notify::NotifyState::Stopping]);
    draining.send_replace(true);
    drain_jobs.cancel();
    jobs.await.context("the scheduler broke down")?;
    // Running jobs needed the store until now.
    stop_servers.cancel();
    api.await.context("the API broke down")?;
    store.await.context("the store broke down")?;
    tracing::info!("stopped");
    Ok(())
}

/// Completes at SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Makes the data directory and keeps other processes out of it, until the file is dropped.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let shown = data_dir.display();
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("{shown} cannot be made; choose another with --data-dir"))?;
    let file = File::create(data_dir.join("lock"))
        .with_context(|| format!("{shown} cannot be written; choose another with --data-dir"))?;
    let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::flock(&file, exclusive)
        .with_context(|| format!("another ladderd works in {shown}"))?;
    Ok(file)
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))
}

/// The configured address, or the port behind the API's.
fn s3_listen(settings: &Settings, api: SocketAddr) -> String {
    if !settings.embedded.s3_listen.is_empty() {
        return settings.embedded.s3_listen.clone();
    }
    // An API on a free port gets a store on a free port: the next one may be taken.
    let asked_for_free = settings.http.listen.ends_with(":0");
    let port = if asked_for_free { 0 } else { api.port().checked_add(1).unwrap_or(0) };
    SocketAddr::new(api.ip(), port).to_string()
}

async fn choose_backend(program: &Path) -> anyhow::Result<(Recipe, Vec<BackendStatus>)> {
    let recipes = backend::recipes().map_err(|faults| anyhow::anyhow!(faults.join("\n")))?;
    let statuses = backend::try_all(program).await?;
    for status in statuses.iter().filter(|status| !status.is_available()) {
        tracing::warn!(backend = status.name, reason = status.reason, "backend unavailable");
    }
    let chosen = backends::choose(&statuses)
        .context("no backend is available; `ladderd validate` says why")?;
    tracing::info!(backend = chosen.name, trial_fps = chosen.trial_fps, "backend chosen");
    let recipe = recipes.into_iter().find(|recipe| recipe.name == chosen.name);
    Ok((recipe.context("the chosen backend has no recipe")?, statuses))
}

/// Says that all is there: to whoever started us, and to systemd.
fn announce(api: SocketAddr, s3: SocketAddr) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "ladderd listening on http://{api} (S3 http://{s3})")?;
    tracing::info!(%api, %s3, "ready");
    notify(&[sd_notify::NotifyState::Ready]);
    Ok(())
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}

/// A bucket on a server that speaks S3.
fn bucket(client: &aws_sdk_s3::Client, presigner: &aws_sdk_s3::Client, name: &str) -> Bucket {
    Bucket::new(client.clone(), presigner.clone(), name)
}
