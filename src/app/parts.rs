//! Store and queue as the settings choose them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::aws;
use super::embedded::{self, Embedded, Server};
use super::listen::{Front, bind};
use super::urls::or;
use crate::db::Db;
use crate::domain::playback_urls::PlaybackUrls;
use crate::domain::visibility::Visibility;
use crate::metrics::Metrics;
use crate::queue::{self, Enqueue, Inspect, Queue};
use crate::settings::Settings;
use crate::store::{self, Bucket};
use crate::tls::Trust;

/// Store and queue of the appliance, embedded or on AWS.
pub(super) struct Parts {
    pub(super) private: Bucket,
    pub(super) public: Bucket,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) enqueue: Arc<dyn Enqueue>,
    pub(super) inspect: Arc<dyn Inspect>,
    /// URLs of streams.
    pub(super) urls: PlaybackUrls,
    /// Origins of uploads and of playback, which the web page must reach.
    pub(super) origins: Arc<[String]>,
    /// Database of the embedded store and queue; `None` if neither is used.
    pub(super) db: Option<Db>,
    /// Server of the embedded store, not started yet; `None` if the buckets are on S3.
    pub(super) server: Option<Server>,
    /// Metrics of the whole daemon; the clients of the buckets count there.
    pub(super) metrics: Metrics,
}

/// One queue as its three traits.
fn roles<Q: Queue + Enqueue + Inspect + Clone + 'static>(
    queue: &Q,
) -> (Arc<dyn Queue>, Arc<dyn Enqueue>, Arc<dyn Inspect>) {
    (Arc::new(queue.clone()), Arc::new(queue.clone()), Arc::new(queue.clone()))
}

impl Parts {
    /// Opens the store and the queue that the settings choose. `api` is the bound address of the API.
    pub(super) async fn open(
        settings: &Settings,
        front: &Front,
        trust: &Trust,
        api: SocketAddr,
    ) -> anyhow::Result<Self> {
        let metrics = Metrics::default();
        match settings.store.kind {
            store::Kind::Embedded => {
                let listener = bind(&s3_listen(settings, api)).await?;
                let parts = Embedded::open(settings, front, listener, &metrics).await?;
                let (queue, enqueue, inspect) = roles(&parts.queue);
                Ok(Self {
                    private: parts.private,
                    public: parts.public,
                    queue,
                    enqueue,
                    inspect,
                    urls: urls(settings, api, parts.playback_base_url),
                    origins: Arc::new(parts.origins),
                    db: Some(parts.db),
                    server: Some(parts.server),
                    metrics,
                })
            }
            store::Kind::S3 => {
                let buckets = aws::buckets(settings, trust, &metrics).await?;
                // The URLs of private streams are loaded once, so they outlive the next renewal.
                let is_private = settings.videos.visibility == Visibility::Private;
                anyhow::ensure!(
                    !(is_private && buckets.private.has_temporary_credentials()),
                    "videos.visibility is private, but {}",
                    store::SHORT_CREDENTIALS
                );
                let ((queue, enqueue, inspect), db) = match settings.queue.kind {
                    queue::Kind::Sqs => (roles(&aws::queue(settings, trust).await?), None),
                    queue::Kind::Embedded => {
                        let (queue, db) = embedded::queue(settings)?;
                        (roles(&queue), Some(db))
                    }
                };
                Ok(Self {
                    private: buckets.private,
                    public: buckets.public,
                    queue,
                    enqueue,
                    inspect,
                    urls: urls(settings, api, buckets.playback_base_url),
                    origins: Arc::new(buckets.origins),
                    db,
                    server: None,
                    metrics,
                })
            }
        }
    }
}

/// URLs of streams: those in the public bucket, and those behind the gateway of the API.
fn urls(settings: &Settings, api: SocketAddr, public: String) -> PlaybackUrls {
    PlaybackUrls { public, gateway: format!("{}/play", api_url(settings, api)) }
}

/// URL by which people and programs reach the API: `http.public_url`, or its own address.
pub(super) fn api_url(settings: &Settings, api: SocketAddr) -> String {
    let scheme = if settings.tls.is_on() { "https" } else { "http" };
    or(&settings.http.public_url, &format!("{scheme}://{}", embedded::reachable(api)))
}

/// The configured address, or the API's address with the next port.
fn s3_listen(settings: &Settings, api: SocketAddr) -> String {
    if !settings.embedded.s3_listen.is_empty() {
        return settings.embedded.s3_listen.clone();
    }
    // If the API took a free port, the store takes one too: the next port may be in use.
    let asked_for_free = settings.http.listen.ends_with(":0");
    let port = if asked_for_free { 0 } else { api.port().checked_add(1).unwrap_or(0) };
    SocketAddr::new(api.ip(), port).to_string()
}
