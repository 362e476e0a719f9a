//! The subject of `ladderd doctor`: the daemon itself, or the parts of one that does not run.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::embedded::Embedded;
use super::lock::lock;
use super::parts::{Parts, api_url};
use super::{aws, open_files, socket};
use crate::backend::{Pool, Trials};
use crate::doctor::{self, Doctor, Queues, Running, Stores, Subject, examine};
use crate::domain::doctor::Report;
use crate::domain::sandbox::Mode;
use crate::gpu;
use crate::job::board::Board;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::Kind;
use crate::tls::Trust;
use crate::worker::spawn::Program;
use crate::{auth, db, queue};

/// Most origins of pages whose requests are tried.
const MAX_ORIGINS: usize = 6;

/// The examination of the running daemon. Buckets and queue on AWS get clients of their own, which give up soon.
pub(super) async fn of_daemon(
    settings: &Settings,
    parts: &Parts,
    trust: &Trust,
    (backends, driver): (&Pool, &Arc<dyn gpu::Driver>),
    board: &Board,
    api: SocketAddr,
) -> anyhow::Result<Doctor> {
    let mut subject = subject(settings, trust, driver, api)?;
    subject.stores = match settings.store.kind {
        Kind::Embedded => Ok(Stores {
            private: parts.private.clone(),
            public: parts.public.clone(),
            playback_base_url: parts.urls.public.clone(),
        }),
        Kind::S3 => aws::stores(settings, trust).await.map_err(|error| format!("{error:#}")),
    };
    subject.queues = match settings.queue.kind {
        queue::Kind::Embedded => Queues::Embedded(Some(Arc::clone(&parts.inspect))),
        queue::Kind::Sqs => of_sqs(settings, trust).await,
    };
    subject.running = Some(Running { api, board: board.clone(), backends: backends.clone() });
    Ok(Doctor::new(subject))
}

/// Examines what the settings name, without a daemon.
///
/// # Errors
/// If the system does not report the path of this program, or `tls.ca` cannot be read.
pub async fn examine_without_daemon(settings: &Settings) -> anyhow::Result<Report> {
    let trust = Trust::open(&settings.tls)?;
    let driver: Arc<dyn gpu::Driver> = Arc::new(gpu::Nvml::default());
    let listen = settings.http.listen.parse();
    let listen = listen.unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 8080)));
    let mut subject = subject(settings, &trust, &driver, listen)?;
    subject.queues = match settings.queue.kind {
        queue::Kind::Embedded => Queues::Embedded(None),
        queue::Kind::Sqs => of_sqs(settings, &trust).await,
    };
    if settings.store.kind == Kind::S3 {
        let stores = aws::stores(settings, &trust).await;
        subject.stores = stores.map_err(|error| format!("{error:#}"));
        return Ok(Box::pin(examine(&subject)).await);
    }
    // This process serves the store to itself, as the other commands do.
    let embedded = async {
        // A folder that this command makes may belong to another user than the service.
        let database = settings.data_dir.join(db::FILE);
        let shown = settings.data_dir.display();
        anyhow::ensure!(database.is_file(), "{shown} has no store yet: the first start makes it");
        let lock = lock(&settings.data_dir)?;
        anyhow::Ok((lock, Embedded::for_command(settings).await?))
    };
    let (_lock, embedded) = match embedded.await {
        Ok(opened) => opened,
        Err(error) => {
            subject.stores = Err(format!("{error:#}"));
            return Ok(Box::pin(examine(&subject)).await);
        }
    };
    // The public address of the store is that of a daemon.
    let playback_base_url = embedded.playback_base_url;
    let (private, public) = (embedded.private, embedded.public);
    subject.stores = Ok(Stores { private, public, playback_base_url });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(embedded.server.serve(Metrics::default(), stop.clone()));
    let report = Box::pin(examine(&subject)).await;
    stop.cancel();
    // It has served what was asked.
    drop(serving.await);
    Ok(report)
}

async fn of_sqs(settings: &Settings, trust: &Trust) -> Queues {
    let setup = aws::sqs_setup(settings, trust).await;
    Queues::Sqs(setup.map_err(|error| format!("{error:#}")))
}

/// The subject without its store and its queue.
fn subject(
    settings: &Settings,
    trust: &Trust,
    driver: &Arc<dyn gpu::Driver>,
    api: SocketAddr,
) -> anyhow::Result<Subject> {
    let program = Program::new(std::env::current_exe()?, &settings.log.gstreamer);
    let trials = Trials {
        program: program.clone(),
        encode: settings.encode.clone(),
        sandbox: settings.sandbox.mode,
    };
    Ok(Subject {
        config: config(settings, api),
        stores: Err("it is not open".to_owned()),
        queues: Queues::Embedded(None),
        trials,
        program,
        driver: Arc::clone(driver),
        trust: trust.clone(),
        running: None,
    })
}

fn config(settings: &Settings, api: SocketAddr) -> doctor::Config {
    let page = api_url(settings, api);
    let listed = settings.http.cors_origins.iter().cloned();
    let page_origins = std::iter::once(page).chain(listed).take(MAX_ORIGINS).collect();
    let is_embedded = settings.store.kind == Kind::Embedded;
    doctor::Config {
        data_dir: settings.data_dir.clone(),
        socket: socket::path(&settings.data_dir),
        risks: risks(settings),
        listen: settings.http.listen.clone(),
        public_url: settings.http.public_url.clone(),
        page_origins,
        reserve_bytes: if is_embedded { settings.embedded.min_free_bytes } else { 0 },
        files_needed: open_files::needed(settings),
        worker_memory_bytes: settings.jobs.worker_memory_bytes,
        required_backends: settings.jobs.required_backends.clone(),
        sandbox: settings.sandbox.mode,
        sources: settings.sources.clone(),
        store_kind: settings.store.kind,
        store_url: match settings.store.endpoint_url.as_str() {
            "" => "https://s3.amazonaws.com".to_owned(),
            url => url.to_owned(),
        },
        after_success: settings.store.after_success,
        queue_kind: settings.queue.kind,
        reconcile_secs: settings.housekeeping.reconcile_secs,
        tls: settings.tls.clone(),
    }
}

/// Settings that are allowed and risky.
fn risks(settings: &Settings) -> Vec<(String, &'static str)> {
    let table = [
        (
            "http.allow_insecure",
            settings.http.allow_insecure,
            "others can read tokens and uploads on their way",
        ),
        (
            "sandbox.mode",
            settings.sandbox.mode == Mode::Degrade,
            "\"degrade\": files of strangers are decoded even if a layer of the sandbox is missing",
        ),
        (
            "webhooks.allow_private",
            settings.webhooks.allow_private,
            "callers with the scope manage can let the appliance send requests into its own network",
        ),
        (
            "pulls.allow_private",
            settings.pulls.allow_private,
            "callers with the scope upload can let the appliance read from its own network",
        ),
        (
            "auth.mode",
            settings.auth.mode == auth::Mode::Proxy,
            "\"proxy\": the addresses in http.trusted_proxies may sign in anybody",
        ),
    ];
    let taken = table.into_iter().filter(|(_, is_taken, _)| *is_taken);
    taken.map(|(key, _, risk)| (key.to_owned(), risk)).collect()
}
