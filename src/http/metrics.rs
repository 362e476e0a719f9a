//! Metrics: what Prometheus scrapes, from the API or from a listener of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::state::AppState;
use crate::catalog::Summary;
use crate::domain::backlog::Waiting;
use crate::domain::public_address::is_public;
use crate::metrics::{Format, Metrics, Sample, gpus, process};
use crate::queue::Depth;
use crate::server::{Ends, Limits, Listener};

/// Time in which queue and catalog answer: Prometheus waits 10 s for all metrics by default.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Open connections of the listener of its own: some scrapers.
const MAX_CONNECTIONS: usize = 16;

// Clients that accept `text/plain` alone get the text format 0.0.4 of Prometheus.
/// Returns counters and gauges in the `OpenMetrics` text format, for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String,
    content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub async fn metrics(State(state): State<AppState>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    let text = state.metrics.render(samples(&state).await, format);
    ([(header::CONTENT_TYPE, format.content_type())], text)
}

/// Counts the requests that pass, with the time until the head of the answer.
pub(super) async fn count(
    State(metrics): State<Metrics>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (began, method) = (Instant::now(), request.method().clone());
    let response = next.run(request).await;
    let route = path.as_ref().map(MatchedPath::as_str);
    metrics.http.answered(method.as_str(), route, response.status().as_u16(), began.elapsed());
    response
}

/// Serves the metrics on `listener`, without tokens, until `shutdown` resolves.
pub async fn serve(listener: Listener, state: AppState, shutdown: impl Future<Output = ()>) {
    let router = Router::new().route("/metrics", get(open)).with_state(state);
    let service = TowerToHyperService::new(router);
    crate::server::serve(listener, Limits::connections(MAX_CONNECTIONS), service, shutdown).await;
}

/// The metrics for everybody who is near: who is on the public internet is refused.
async fn open(
    state: State<AppState>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Response {
    if is_public(ends.peer.ip()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    metrics(state, headers).await.into_response()
}

/// The values that are read at a scrape. A part that does not answer has none.
async fn samples(state: &AppState) -> Vec<Sample> {
    let driver = Arc::clone(&state.gpu);
    let (depth, catalog, disk, gpus, process) = tokio::join!(
        timeout(READ_TIMEOUT, state.queue.depth()),
        timeout(READ_TIMEOUT, state.catalog.summary()),
        disk(state),
        spawn_blocking(move || driver.status()),
        spawn_blocking(process::samples),
    );
    let depth = depth.ok().and_then(Result::ok);
    let catalog = catalog.ok().and_then(Result::ok);
    let mut samples = process.unwrap_or_default();
    samples.extend(gpus.map(|status| gpus::samples(&status)).unwrap_or_default());
    samples.extend(disk);
    for status in state.backends.statuses() {
        let available = Sample::flag("ladderd_backend_available", status.is_available());
        samples.push(available.with("backend", status.label()));
    }
    for (part, age) in state.hearts.ages() {
        let age = Sample::float("ladderd_part_last_beat_age_seconds", age.as_secs_f64());
        samples.push(age.with("part", part));
    }
    let is_draining = *state.stopping.borrow() || state.drain.now().is_some();
    samples.push(Sample::flag("ladderd_draining", is_draining));
    samples.push(Sample::flag("ladderd_queue_reachable", depth.is_some()));
    let lag = state.catalog.lag().as_secs_f64();
    samples.push(Sample::float("ladderd_catalog_lag_seconds", lag));
    samples.extend(depth.iter().flat_map(|depth| of_queue(depth, catalog.as_ref())));
    samples.extend(catalog.iter().flat_map(of_catalog));
    if let Some(catalog) = &catalog {
        samples.extend(backlog(&state.metrics, catalog, depth.as_ref()));
    }
    samples
}

/// The disk of the embedded store.
async fn disk(state: &AppState) -> Vec<Sample> {
    let Some(store) = state.embedded_store.clone() else { return Vec::new() };
    let Ok(Ok(space)) = spawn_blocking(move || store.free_space()).await else { return Vec::new() };
    vec![
        Sample::whole("ladderd_disk_free_bytes", space.free_bytes),
        Sample::whole("ladderd_disk_size_bytes", space.total_bytes),
        Sample::whole("ladderd_disk_reserve_bytes", space.reserve_bytes),
    ]
}

fn of_queue(depth: &Depth, catalog: Option<&Summary>) -> Vec<Sample> {
    let oldest = catalog.map(|catalog| {
        let now_ms = Timestamp::now().as_millisecond();
        let ms = catalog.oldest_ms.map_or(0, |at| now_ms.saturating_sub(at));
        Duration::from_millis(u64::try_from(ms).unwrap_or_default())
    });
    let mut samples = vec![
        Sample::whole("ladderd_queue_visible", depth.visible),
        Sample::whole("ladderd_queue_in_flight", depth.in_flight),
        Sample::whole("ladderd_queue_dead", depth.dead),
    ];
    if let Some(age) = depth.oldest_age.or(oldest) {
        samples.push(Sample::float("ladderd_queue_oldest_age_seconds", age.as_secs_f64()));
    }
    samples
}

fn of_catalog(catalog: &Summary) -> Vec<Sample> {
    let of_state = |(state, count): &(String, u64)| {
        Sample::whole("ladderd_videos", *count).with("state", state.clone())
    };
    let complete = Sample::flag("ladderd_catalog_complete", catalog.is_complete);
    catalog.states.iter().map(of_state).chain([complete]).collect()
}

/// The work that waits. Objects that were put into the bucket by other ways than the API are no videos of the catalog
/// before their first attempt: their messages count.
fn backlog(metrics: &Metrics, catalog: &Summary, depth: Option<&Depth>) -> Vec<Sample> {
    let waiting = catalog.waiting;
    let visible = depth.map_or(0, |depth| depth.visible);
    let unseen = visible.saturating_sub(waiting.known + waiting.sized);
    let waiting = Waiting { unseen, ..waiting };
    let experience = metrics.jobs.experience();
    let videos =
        |count, length| Sample::whole("ladderd_backlog_videos", count).with("length", length);
    vec![
        Sample::float("ladderd_backlog_seconds", experience.work_secs(&waiting)),
        Sample::float("ladderd_backlog_factor", experience.factor()),
        videos(waiting.known, "known"),
        videos(waiting.sized, "size"),
        videos(waiting.unseen, "nothing"),
    ]
}
