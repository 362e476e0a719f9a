//! The router: every route, and the layers that all requests pass.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::{Json, Router, middleware};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::same_origin::{self, SameOrigin};
use super::state::AppState;
use super::{Config, error, page, playback, readyz, system, uploads, videos};
use crate::server::Limits;

/// Builds the router of the API and the page.
pub fn router(state: AppState, config: &Config) -> Router {
    let (api, document) = OpenApiRouter::new()
        .routes(routes!(uploads::handlers::create))
        .routes(routes!(uploads::handlers::complete))
        .routes(routes!(uploads::handlers::abort, uploads::resume::status))
        .routes(routes!(uploads::resume::sign))
        .routes(routes!(videos::list::list))
        .routes(routes!(videos::get, videos::change::change, videos::delete::delete))
        .routes(routes!(videos::events::events))
        .routes(routes!(videos::retry::retry))
        .routes(routes!(videos::delete::restore))
        .routes(routes!(playback::issue))
        .routes(routes!(playback::main))
        .routes(routes!(playback::stream_file))
        .routes(routes!(playback::playlist))
        .routes(routes!(system::system))
        .routes(routes!(system::healthz))
        .routes(routes!(readyz::readyz))
        .routes(routes!(system::metrics))
        .split_for_parts();
    let document = Arc::new(document);
    let names = SameOrigin::new(&config.public_url, &config.hosts, &config.cors_origins);
    let timeout = Duration::from_secs(config.request_timeout_secs);
    let body_limit = usize::try_from(config.body_limit_bytes).unwrap_or(usize::MAX);
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    // A request passes the layers from the last to the first.
    api.route("/openapi.json", axum::routing::get(async move || Json(document.as_ref().clone())))
        .fallback(page::serve_file)
        .with_state(state)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout))
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(error::to_problem))
        .layer(CompressionLayer::new())
        .layer(names.cors())
        .layer(middleware::from_fn(playback::allow_all_origins))
        .layer(middleware::from_fn_with_state(names, same_origin::guard))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// Span of one request: method, path without query, id.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request_id = id)
}

/// Maximum of open connections: the event streams, and as many again as other clients need. Players connect to
/// the store, not here.
pub const MAX_CONNECTIONS: usize = 4096;

/// Serves the router on `listener` until `shutdown` resolves.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(router);
    crate::server::serve(listener, Limits::connections(MAX_CONNECTIONS), service, shutdown).await;
}
