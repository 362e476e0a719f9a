//! The API and the page: one router, one file of handlers per noun.

pub mod error;
mod page;
pub mod system;
pub mod uploads;
pub mod videos;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::{Json, Router, middleware};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::backend::Pool;
use crate::domain::declare::{Text, settings};
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::sources::SourceFilter;
use crate::gpu;
use crate::job::board::Board;
use crate::metrics::Metrics;
use crate::queue::Inspect;
use crate::server;
use crate::store::Bucket;

settings! {
    /// Server of the API and the web page.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of the API and the web page. The API has no accounts: for a network, put a
        /// proxy that authenticates in front of it.
        listen: String = "127.0.0.1:8080".to_owned(), Text {
            allowed: "address and port, such as 127.0.0.1:8080",
            accepts: server::is_address,
        };
        /// Seconds after which a request is aborted. Event streams have no limit.
        request_timeout_secs: u64 = 30, 1..=3600;
        /// Largest request body in bytes. Videos are uploaded to the store, not to the API.
        body_limit_bytes: u64 = 1 << 20, 65_536..=64 << 20;
    }
}

/// What the handlers need.
#[derive(Clone)]
pub struct AppState {
    /// The bucket of sources and records.
    pub private: Bucket,
    /// The bucket of streams.
    pub public: Bucket,
    /// What runs here.
    pub board: Board,
    /// The queue, to look at.
    pub queue: Arc<dyn Inspect>,
    /// What is counted.
    pub metrics: Metrics,
    /// The backends.
    pub backends: Pool,
    /// What tells of the GPUs.
    pub gpu: Arc<dyn gpu::Driver>,
    /// How often a running job renews its claim.
    pub claim_renewal: Duration,
    /// Which objects are sources.
    pub sources: SourceFilter,
    /// What may be uploaded, and how.
    pub uploads: uploads::Config,
    /// URL of the public bucket, without a slash at its end.
    pub playback_base_url: String,
    /// Origins of the store, as the page's policy names them.
    pub store_origins: Arc<[String]>,
    /// True once the daemon is told to stop.
    pub draining: watch::Receiver<bool>,
}

impl AppState {
    /// Where a video plays.
    fn playback_url(&self, id: &VideoId) -> String {
        format!("{}/{}", self.playback_base_url, names::main_key(id))
    }
}

/// The whole of the API and the page.
pub fn router(state: AppState, config: &Config) -> Router {
    let (api, document) = OpenApiRouter::new()
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::complete))
        .routes(routes!(uploads::abort))
        .routes(routes!(videos::list))
        .routes(routes!(videos::get, videos::delete))
        .routes(routes!(videos::events))
        .routes(routes!(system::system))
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::metrics))
        .split_for_parts();
    let document = Arc::new(document);
    let timeout = Duration::from_secs(config.request_timeout_secs);
    let body_limit = usize::try_from(config.body_limit_bytes).unwrap_or(usize::MAX);
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    // Read from the bottom up: the last layer sees a request first.
    api.route("/openapi.json", axum::routing::get(async move || Json(document.as_ref().clone())))
        .fallback(page::file)
        .with_state(state)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout))
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(error::unify))
        .layer(CompressionLayer::new())
        .layer(CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request_id = id)
}

/// Connections at the same time. A player holds none of ours; a page holds a few.
const MAX_CONNECTIONS: usize = 1024;

/// Serves the router until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(router);
    server::serve(listener, MAX_CONNECTIONS, service, shutdown).await;
}
