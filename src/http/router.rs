//! The router: every route, and the layers that all requests pass.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::{Extension, Json, Router, middleware};
use hyper_util::service::TowerToHyperService;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::progress::ProgressView;
use super::routes::{
    ADMIN, FOLLOW, GRANT, MANAGE, METRICS, NOTHING, OWN_UPLOAD, PULL, READ, READ_OWN, Routes,
    UPLOAD,
};
use super::state::AppState;
use super::{
    Config, access, dead_letters, doctor, document, drain, error, events, failures, idempotency,
    metrics, page, playback, playback_view, qoe, readyz, same_origin, session, system, tags,
    tokens, uploads, videos, webhooks,
};
use crate::domain::still::MAX_IMAGE_BYTES;
use crate::server::{Limits, Listener};

/// Builds the router of the API and the page.
pub fn router(state: AppState, config: &Config) -> Router {
    let (api, paths) = routes();
    let document = Arc::new(document::complete(&paths));
    let (access, counts) = (state.access.clone(), state.metrics.clone());
    let names = access.names().clone();
    let timeout = Duration::from_secs(config.request_timeout_secs);
    let body_limit = usize::try_from(config.body_limit_bytes).unwrap_or(usize::MAX);
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    // A request passes the layers from the last to the first. Files of the page need no account.
    let repeats = idempotency::Repeats::new(&state.private, body_limit);
    api.layer(Extension(repeats))
        .layer(middleware::from_fn_with_state(access, access::authenticate))
        .route("/openapi.json", axum::routing::get(async move || Json(document.as_ref().clone())))
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
        // The page has one of its own; everything else is data, which no frame shows.
        .layer(header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(log_cut))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::from_fn_with_state(counts, metrics::count))
}

/// The OpenAPI document of the API.
#[must_use]
pub fn openapi() -> serde_json::Value {
    document::complete(&routes().1)
}

/// The routes of the API, each with the rights that it needs, and their document.
fn routes() -> (Router<AppState>, OpenApi) {
    Routes::new()
        .add_once(UPLOAD, routes!(uploads::handlers::create))
        .add(OWN_UPLOAD, routes!(uploads::handlers::complete))
        .add(OWN_UPLOAD, routes!(uploads::handlers::abort, uploads::resume::status))
        .add(OWN_UPLOAD, routes!(uploads::resume::sign))
        .add_once(GRANT, routes!(uploads::grants::create))
        .add(READ, routes!(videos::list::list))
        .add_once(PULL, routes!(videos::pull::create))
        .add(READ_OWN, routes!(videos::get))
        .add(READ_OWN, routes!(videos::events::events))
        .add(MANAGE, routes!(videos::change::change, videos::delete::delete))
        .add(MANAGE, routes!(videos::retry::retry))
        .add(READ, routes!(videos::download::get))
        .add(MANAGE, routes!(videos::encode::encode))
        .add(MANAGE, routes!(videos::delete::delete_many))
        .add(MANAGE, routes!(videos::delete::restore))
        .add(READ, routes!(videos::report::get))
        .add(READ, routes!(videos::trace::get))
        .add(
            MANAGE,
            with_limit(routes!(videos::poster::put, videos::poster::delete), MAX_IMAGE_BYTES),
        )
        .add(READ_OWN, routes!(videos::text_tracks::list))
        .add(MANAGE, routes!(videos::text_tracks::put, videos::text_tracks::delete))
        .add(FOLLOW, with_schema::<ProgressView>(routes!(events::events)))
        .add_once(MANAGE, routes!(webhooks::create, webhooks::list))
        .add(MANAGE, routes!(webhooks::get, webhooks::change, webhooks::delete))
        .add(MANAGE, routes!(webhooks::rotate))
        .add(MANAGE, routes!(webhooks::deliveries::list))
        .add(MANAGE, routes!(webhooks::deliveries::replay_one))
        .add(MANAGE, routes!(webhooks::deliveries::replay))
        .add(MANAGE, routes!(webhooks::deliveries::test))
        .add(READ, routes!(playback::issue))
        // Playback tokens are not accounts: each opens one video.
        .add(NOTHING, routes!(playback::main))
        .add(NOTHING, routes!(playback::stream_file))
        .add(NOTHING, routes!(playback::playlist))
        .add(NOTHING, routes!(playback_view::get))
        .add(NOTHING, with_limit(routes!(qoe::note), qoe::MAX_BEACON_BYTES))
        .add(READ, routes!(qoe::summary))
        .add(NOTHING, routes!(session::get, session::sign_in, session::sign_out))
        .add(NOTHING, routes!(session::sign_out_everywhere))
        .add(ADMIN, routes!(tokens::create, tokens::list))
        .add(ADMIN, routes!(tokens::revoke))
        .add(READ, routes!(system::system))
        .add(READ, routes!(system::history))
        .add(ADMIN, routes!(drain::get, drain::begin, drain::end))
        .add(READ, routes!(failures::list))
        .add(READ, routes!(tags::list))
        .add(MANAGE, routes!(dead_letters::list))
        .add(MANAGE, routes!(dead_letters::delete))
        .add(MANAGE, routes!(dead_letters::retry))
        .add(ADMIN, routes!(system::settings))
        .add(ADMIN, routes!(doctor::latest, doctor::start))
        .add(NOTHING, routes!(system::healthz))
        .add(NOTHING, routes!(readyz::readyz))
        .add(METRICS, routes!(metrics::metrics))
        .finish()
}

/// Handlers whose text names one more schema.
fn with_schema<T: ToSchema>(
    (mut schemas, paths, methods): UtoipaMethodRouter<AppState>,
) -> UtoipaMethodRouter<AppState> {
    schemas.push((T::name().into_owned(), T::schema()));
    (schemas, paths, methods)
}

/// Handlers whose bodies have another limit in bytes than those of the others.
fn with_limit(
    (schemas, paths, methods): UtoipaMethodRouter<AppState>,
    max_bytes: usize,
) -> UtoipaMethodRouter<AppState> {
    (schemas, paths, methods.layer(DefaultBodyLimit::max(max_bytes)))
}

/// Span of one request: method, path without query, id.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request_id = id)
}

/// Logs an answer that was cut in its middle. `error::Error` logs those with a status of 5xx.
fn log_cut(failure: ServerErrorsFailureClass, latency: Duration, _: &tracing::Span) {
    if let ServerErrorsFailureClass::Error(error) = failure {
        tracing::error!(error, latency_ms = latency.as_millis(), "failed to send an answer whole");
    }
}

/// Maximum of open connections: the event streams, and as many again as other clients need. Players connect to
/// the store, not here.
pub const MAX_CONNECTIONS: usize = 4096;

/// Serves the router on `listener` until `shutdown` resolves.
pub async fn serve(listener: Listener, router: Router, shutdown: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(router);
    crate::server::serve(listener, Limits::connections(MAX_CONNECTIONS), service, shutdown).await;
}
