//! State of the appliance: health, metrics, overview.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::error::Error;
use super::state::AppState;
use crate::domain::backend::BackendStatus;
use crate::domain::gpu::GpuStatus;
use crate::domain::history::SystemHistory;
use crate::domain::running_job::RunningJob;
use crate::domain::setting_view::SettingView;
use crate::embedded::FreeSpace;

/// Overview for operators.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct System {
    /// Version of ladderd.
    version: &'static str,
    /// Name of this box, made at its first start.
    box_id: String,
    /// Host name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Seconds since the start of the daemon.
    uptime_secs: u64,
    /// Every backend, with the reason if it is not available. The list is empty while the trials after a start run.
    backends: Vec<BackendStatus>,
    /// NVIDIA driver and GPUs.
    gpu: GpuStatus,
    /// Capabilities of the store.
    store: StoreInfo,
    /// Number of messages.
    queue: QueueDepth,
    /// Ids of the videos that this box processes now.
    running_jobs: Vec<String>,
    /// The same jobs with their progress, the one that began first at the top.
    jobs: Vec<RunningJob>,
    /// Disk of the embedded store; absent if the buckets are on S3, or if the file system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<Disk>,
    /// Limits of uploads.
    upload_limits: UploadLimits,
    /// Objects of the private bucket that are older than the first start and are not processed, as this box
    /// found them last (`housekeeping.adopt_existing`).
    left_alone_objects: u64,
    /// Supervised parts of the daemon.
    parts: Vec<Part>,
}

/// Disk that the embedded store is on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Disk {
    /// Bytes that are free.
    free_bytes: u64,
    /// Size in bytes.
    total_bytes: u64,
}

/// Limits of uploads.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadLimits {
    /// Largest file in bytes.
    max_size_bytes: u64,
}

/// All settings of this box.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SettingList {
    /// The settings, section by section.
    settings: Vec<SettingView>,
}

/// A supervised part of the daemon. The watchdog of systemd restarts the daemon if one hangs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Part {
    /// `api`, `store`, `scheduler`, `housekeeping` or `database`.
    name: &'static str,
    /// Seconds since its last heartbeat; a few at most, unless it hangs.
    last_beat_secs: f64,
}

/// Capabilities of the store that serves the buckets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StoreInfo {
    /// Whether the store obeys `If-Match` and `If-None-Match` on writes. Without them, two boxes
    /// that receive the same message at the same moment may both publish the video; either stream
    /// is complete.
    conditional_writes: bool,
    /// Whether the store obeys `If-Match` on deletes. Without it, a delete that arrives late may remove
    /// what another box wrote meanwhile.
    conditional_deletes: bool,
}

/// Number of messages in the queue. SQS counts approximately.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QueueDepth {
    /// Messages that wait to be received.
    visible: u64,
    /// Messages that are leased or wait for their retry.
    in_flight: u64,
    /// Messages in the dead-letter queue.
    dead: u64,
}

/// Returns version, backends, GPUs, depth of the queue, running jobs and disk.
#[utoipa::path(get, path = "/v1/system", responses((status = 200, body = System)))]
pub async fn system(State(state): State<AppState>) -> Result<Json<System>, Error> {
    let (gpu, depth, disk) =
        tokio::join!(read_gpus(&state), state.queue.depth(), read_disk(&state));
    let (gpu, depth) = (gpu?, depth?);
    let mut views = state.board.list();
    views.sort_by(|a, b| a.timings.started_at.cmp(&b.timings.started_at));
    let part = |(name, age): (_, Duration)| Part { name, last_beat_secs: age.as_secs_f64() };
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        box_id: state.machine.box_id.clone(),
        host: state.machine.host.clone(),
        uptime_secs: state.machine.started.elapsed().as_secs(),
        backends: state.backends.statuses(),
        gpu,
        store: StoreInfo {
            conditional_writes: state.private.has_conditional_writes(),
            conditional_deletes: state.private.has_conditional_deletes(),
        },
        queue: QueueDepth { visible: depth.visible, in_flight: depth.in_flight, dead: depth.dead },
        running_jobs: views.iter().map(|view| view.id.clone()).collect(),
        jobs: views.into_iter().map(RunningJob::from).collect(),
        disk,
        upload_limits: UploadLimits { max_size_bytes: state.uploads.max_size_bytes },
        left_alone_objects: state.metrics.left_alone(),
        parts: state.hearts.ages().into_iter().map(part).collect(),
    }))
}

/// Reads the state of the GPUs on a blocking thread: the driver may take seconds.
async fn read_gpus(state: &AppState) -> Result<GpuStatus, Error> {
    let driver = Arc::clone(&state.gpu);
    let status = tokio::task::spawn_blocking(move || driver.status());
    status.await.map_err(|error| Error::Internal(error.to_string()))
}

/// Reads the free space of the store's disk on a blocking thread.
async fn read_disk(state: &AppState) -> Option<Disk> {
    let store = state.embedded_store.clone()?;
    let space = tokio::task::spawn_blocking(move || store.free_space()).await.ok()?;
    let FreeSpace { free_bytes, total_bytes, .. } =
        space.inspect_err(|error| tracing::warn!(%error, "failed to read the free space")).ok()?;
    Some(Disk { free_bytes, total_bytes })
}

/// Returns the load of the machine over the last hour: processor, memory, network, queue, jobs and GPUs.
#[utoipa::path(get, path = "/v1/system/history", responses((status = 200, body = SystemHistory)))]
pub async fn history(State(state): State<AppState>) -> Json<SystemHistory> {
    Json(state.machine.history.view())
}

/// Returns all settings of this box with their origins. Secrets are left out.
#[utoipa::path(get, path = "/v1/system/settings", responses((status = 200, body = SettingList)))]
pub async fn settings(State(state): State<AppState>) -> Json<SettingList> {
    Json(SettingList { settings: state.machine.settings.read().clone() })
}

/// Liveness: answers 200 as long as the process serves HTTP.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}
