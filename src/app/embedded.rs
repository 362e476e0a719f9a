//! Embedded store and queue, and the S3 clients of the store.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listen::{Front, bind};
use super::urls::{or, origin};
use crate::db::{self, Db};
use crate::embedded::credentials::{self, Credentials};
use crate::embedded::{self, Buckets, OnCreated, Scrubbed, Store, event_body};
use crate::metrics::Metrics;
use crate::queue::{self, embedded::EmbeddedQueue};
use crate::server::{Limits, Listener};
use crate::settings::Settings;
use crate::store::{Bucket, ExpiringCredentials};

/// Interval of the removal of abandoned multipart uploads.
const REAP_EVERY: Duration = Duration::from_hours(1);

/// Time after which the SDK retries a request that got no response. The server is this process, so
/// only a stalled disk takes this long.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Connections of the daemon, its workers and commands to the store at the same time. Clients keep those that they do
/// not need for a while, so a lower number would make a request wait for one of them to end.
const OWN_CONNECTIONS: usize = 1024;

/// Embedded replacements of S3 and SQS.
pub(super) struct Embedded {
    /// Client of the private bucket.
    pub(super) private: Bucket,
    /// Client of the public bucket.
    pub(super) public: Bucket,
    pub(super) queue: EmbeddedQueue,
    pub(super) db: Db,
    /// URL of the public bucket.
    pub(super) playback_base_url: String,
    /// Origins of uploads and of playback, which the web page must reach.
    pub(super) origins: [String; 2],
    /// Server of the store, not started yet.
    pub(super) server: Server,
}

/// The server of the embedded store.
pub(super) struct Server {
    /// Address at which clients on this machine reach the server.
    pub(super) address: SocketAddr,
    listener: Listener,
    /// Address at which this machine's own processes reach it.
    pub(super) own_address: SocketAddr,
    /// Listener of the daemon's own client, so that viewers cannot use up its connections.
    own: Listener,
    store: Store,
    credentials: Credentials,
    config: embedded::Config,
}

impl Embedded {
    /// Opens store and queue for a command, which serves them to itself while no daemon runs and holds the lock.
    pub(super) async fn for_command(settings: &Settings) -> anyhow::Result<Self> {
        let front = Front::open(settings)?;
        // Nobody reads the metrics of a command.
        Self::open(settings, &front, bind("127.0.0.1:0").await?, &Metrics::default()).await
    }

    /// Opens store and queue in the data directory. The store will be served at `listener`; requests of this process
    /// are counted in `metrics`.
    pub(super) async fn open(
        settings: &Settings,
        front: &Front,
        listener: TcpListener,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let address = reachable(listener.local_addr()?);
        let own = bind("127.0.0.1:0").await?;
        let own_address = own.local_addr()?;
        let own_endpoint = format!("http://{own_address}");
        let credentials = credentials::load_or_create(&settings.data_dir)
            .context("failed to read or create the credentials of the store")?;
        let db = database(settings)?;
        let queue = open_queue(db.clone(), settings)?;
        let wake = queue.clone();
        let on_created = OnCreated {
            in_transaction: Box::new(|transaction, event, place| {
                EmbeddedQueue::enqueue_in(transaction, &event_body(event), place)
            }),
            after_commit: Box::new(move || wake.notify()),
        };
        let names = Buckets {
            private: settings.store.private_bucket.clone(),
            public: settings.store.public_bucket.clone(),
        };
        let store = Store::open(
            &settings.data_dir,
            db.clone(),
            names.clone(),
            on_created,
            settings.embedded.min_free_bytes,
        )?;
        let endpoint = front.outer_url(address);
        let upload_base = or(&settings.store.upload_base_url, &endpoint);
        let public_base =
            or(&settings.store.public_base_url, &format!("{endpoint}/{}", names.public));
        // Another base URL is that of another server.
        if upload_base == endpoint || settings.store.public_base_url.is_empty() {
            front.check_name(&endpoint);
        }
        let keys = ExpiringCredentials::new(SharedCredentialsProvider::new(keys(&credentials)));
        let inner = client(&own_endpoint, &keys, Some(metrics));
        let outer = client(&upload_base, &keys, None);
        Ok(Self {
            private: Bucket::new(&inner, outer.clone(), &names.private)
                .with_credentials(keys.latest()),
            public: Bucket::new(&inner, outer, &names.public),
            queue,
            db,
            origins: [origin(&upload_base), origin(&public_base)],
            playback_base_url: public_base,
            server: Server {
                address,
                listener: front.listener(listener),
                own_address,
                own: Listener::plain(own),
                store,
                credentials,
                config: settings.embedded.clone(),
            },
        })
    }
}

impl Server {
    /// The store that it serves.
    pub(super) fn store(&self) -> Store {
        self.store.clone()
    }

    /// Serves the store while `work` of a command runs.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let stop = CancellationToken::new();
        let serving = tokio::spawn(self.serve(Metrics::default(), stop.clone()));
        let result = work.await;
        stop.cancel();
        serving.await.context("the store panicked")?;
        Ok(result)
    }

    /// Serves the store until `stop`, and takes care of its files.
    pub(super) async fn serve(self, metrics: Metrics, stop: CancellationToken) {
        let store = self.store.clone();
        let collector = tokio::spawn(async move { store.collect_garbage().await });
        let sorter = tokio::spawn(quarantine(self.store.clone()));
        let reaper = tokio::spawn(reap(self.store.clone(), self.config.clone()));
        let scrubber =
            tokio::spawn(scrub(self.store.clone(), self.config.clone(), metrics.clone()));
        let others = usize::try_from(self.config.max_connections).unwrap_or(usize::MAX);
        let serve = |listener, client, connections| {
            let (store, stopped) = (self.store.clone(), stop.clone().cancelled_owned());
            let requests = metrics.embedded_requests(client);
            let count = move || {
                requests.inc();
            };
            let limits = Limits::connections(connections);
            let cors = &self.config.cors_origins;
            embedded::serve(listener, limits, store, &self.credentials, cors, count, stopped)
        };
        tokio::join!(
            serve(self.listener, "other", others),
            serve(self.own, "daemon", OWN_CONNECTIONS)
        );
        sorter.abort();
        reaper.abort();
        scrubber.abort();
        collector.abort();
    }
}

/// Moves files that a crash of an earlier run left without an object.
async fn quarantine(store: Store) {
    match store.quarantine_unnamed().await {
        Ok(0) => {}
        Ok(files) => tracing::warn!(files, "moved files that no object names to quarantine"),
        Err(error) => tracing::error!(%error, "failed to look for files that no object names"),
    }
}

/// Compares the bytes of all objects with their entity tags, slowly and again and again.
async fn scrub(store: Store, config: embedded::Config, metrics: Metrics) {
    if config.scrub_bytes_per_sec > 0 {
        let pause = Duration::from_secs(config.scrub_pause_secs);
        let report = |scrubbed: &Scrubbed| {
            metrics.set_scrub(scrubbed.objects, scrubbed.damaged.len());
        };
        store.scrub_slowly(config.scrub_bytes_per_sec, pause, report).await;
    }
}

/// Removes abandoned multipart uploads and quarantined files, each hour.
async fn reap(store: Store, config: embedded::Config) {
    let uploads_ttl = Duration::from_secs(config.multipart_ttl_secs);
    let quarantine_ttl = Duration::from_secs(config.quarantine_ttl_secs);
    let mut hourly = tokio::time::interval(REAP_EVERY);
    loop {
        hourly.tick().await;
        match store.reap(uploads_ttl).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "removed abandoned multipart uploads"),
            Err(error) => tracing::error!(%error, "failed to remove abandoned multipart uploads"),
        }
        match store.empty_quarantine(quarantine_ttl).await {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "removed quarantined files"),
            Err(error) => tracing::error!(%error, "failed to empty the quarantine"),
        }
    }
}

/// Opens the embedded queue alone, for a box whose buckets are on S3, and its database.
pub(super) fn queue(settings: &Settings) -> anyhow::Result<(EmbeddedQueue, Db)> {
    let db = database(settings)?;
    Ok((open_queue(db.clone(), settings)?, db))
}

fn open_queue(db: Db, settings: &Settings) -> Result<EmbeddedQueue, queue::Error> {
    let config = &settings.queue;
    let longest_pause = config.retry.max_secs.max(config.lease_secs);
    EmbeddedQueue::open(db, Duration::from_secs(longest_pause))
}

pub(super) fn database(settings: &Settings) -> anyhow::Result<Db> {
    let path = settings.data_dir.join(db::FILE);
    Db::open(&path).context("failed to open the database")
}

/// The private bucket of the store that a daemon serves at this address.
///
/// # Errors
/// If its credentials cannot be read.
pub(super) fn private_bucket(settings: &Settings, at: SocketAddr) -> anyhow::Result<Bucket> {
    let credentials = credentials::load_or_create(&settings.data_dir)
        .context("failed to read the credentials of the store")?;
    let keys = ExpiringCredentials::new(SharedCredentialsProvider::new(keys(&credentials)));
    let client = client(&format!("http://{at}"), &keys, None);
    Ok(Bucket::new(&client, client.clone(), &settings.store.private_bucket))
}

/// The access key of the embedded store, for the SDK.
fn keys(credentials: &Credentials) -> aws_sdk_s3::config::Credentials {
    let Credentials { access_key_id, secret_access_key, .. } = credentials.clone();
    let name = "ladderd-embedded";
    aws_sdk_s3::config::Credentials::new(access_key_id, secret_access_key, None, None, name)
}

/// A client for the embedded store, which counts its requests.
fn client(
    endpoint: &str,
    keys: &ExpiringCredentials,
    metrics: Option<&Metrics>,
) -> aws_sdk_s3::Client {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        // It connects to this process only, and signs URLs.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys.clone())
        .timeout_config(TimeoutConfig::builder().read_timeout(READ_TIMEOUT).build())
        .force_path_style(true);
    if let Some(metrics) = metrics {
        config = config.interceptor(metrics.store.clone());
    }
    aws_sdk_s3::Client::from_conf(config.build())
}

/// Address at which this machine reaches a server: loopback for an unspecified address.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    let is_unspecified = address.ip().is_unspecified();
    SocketAddr::new(if is_unspecified { loopback } else { address.ip() }, address.port())
}
