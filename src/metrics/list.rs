//! All metrics: names, types, labels and texts. The reference is made from this table.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry};

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Name as Prometheus queries it; that of a histogram is without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// How it changes.
    pub kind: Kind,
    /// Names of its labels, with a space between two.
    pub labels: &'static str,
    /// A sentence without its end.
    pub help: &'static str,
}

/// How a metric changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts of observations in buckets.
    Histogram,
}

impl Kind {
    /// Name of the type in the text format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    pub(super) fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

/// A heading of the reference, and its metrics.
pub struct Group {
    /// Heading.
    pub title: &'static str,
    /// The metrics below it.
    pub metrics: &'static [Described],
}

/// Declares the groups: a row is name, type, labels and text.
macro_rules! metrics {
    ($($title:literal { $($name:literal $kind:ident $labels:literal $help:literal;)* })*) => {
        /// All metrics by group, in the order in which the daemon prints those that it reads at a scrape.
        pub const GROUPS: &[Group] = &[$(Group {
            title: $title,
            metrics: &[$(Described {
                name: $name, kind: Kind::$kind, labels: $labels, help: $help,
            }),*],
        }),*];
    };
}

metrics! {
    "Process" {
        "ladderd_build_info" Gauge "version" "Version of the daemon, always 1";
        "process_cpu_seconds_total" Counter "" "CPU time of the daemon without its workers";
        "process_resident_memory_bytes" Gauge "" "Resident memory of the daemon without its workers";
        "process_virtual_memory_bytes" Gauge "" "Virtual memory of the daemon";
        "process_open_fds" Gauge "" "Open file descriptors of the daemon";
        "process_max_fds" Gauge "" "Most file descriptors that the daemon may open";
        "process_threads" Gauge "" "Threads of the daemon";
        "process_start_time_seconds" Gauge "" "Start of the daemon since 1970";
        "ladderd_workers" Gauge "" "Child processes that run now: workers and trials of backends";
        "ladderd_workers_resident_memory_bytes" Gauge "" "Resident memory of these child processes";
        "ladderd_workers_cpu_seconds_total" Counter "" "CPU time of the child processes that have ended";
        "ladderd_sandbox_enforced" Gauge "layer" "Whether the kernel enforces enough of this sandbox layer, 1 or 0, as tested at the start";
        "ladderd_part_last_beat_age_seconds" Gauge "part" "Time since a part of the daemon has last shown that it runs; more than a few seconds means that it hangs";
        "ladderd_draining" Gauge "" "Whether the daemon stops or was drained, and takes no new jobs, 1 or 0";
    }
    "HTTP" {
        "ladderd_http_requests_total" Counter "method route status" "Requests to the API and the page that were answered; `route` is the template of the path, `page` for files of the page and unknown paths";
        "ladderd_http_request_duration_seconds" Histogram "method route" "Time from the head of a request to the head of its answer";
    }
    "Queue" {
        "ladderd_queue_reachable" Gauge "" "Whether the queue has answered this scrape, 1 or 0; the gauges below are absent if not";
        "ladderd_queue_visible" Gauge "" "Messages that wait";
        "ladderd_queue_in_flight" Gauge "" "Messages that are leased or wait for a retry";
        "ladderd_queue_dead" Gauge "" "Dead letters";
        "ladderd_queue_oldest_age_seconds" Gauge "" "Age of the oldest message that was never received, 0 without one; on SQS, which does not tell, time since the oldest queued video was created";
        "ladderd_backlog_seconds" Gauge "" "Time for which one job would work on all videos that wait ([how it is computed](../how-to/monitor.md#scale-by-the-backlog))";
        "ladderd_backlog_videos" Gauge "length" "Videos in that sum by what is known of their length: `known`, `size` (estimated from the size), `nothing` (messages beyond the videos of the catalog)";
        "ladderd_backlog_factor" Gauge "" "Seconds of work for a second of video in that sum: measured on this box, 1 before its first encode";
        "ladderd_videos" Gauge "state" "Videos of the catalog by state";
        "ladderd_catalog_lag_seconds" Gauge "" "Time since the oldest change that the catalog has heard of and not read, 0 without one";
        "ladderd_catalog_complete" Gauge "" "Whether the catalog has been compared with the buckets since it was made, 1 or 0";
    }
    "Jobs" {
        "ladderd_jobs_running" Gauge "" "Jobs that run now";
        "ladderd_attempts_total" Counter "outcome" "Attempts at jobs by how they ended: `ready`, `failed`, `retried`, `dead` (to the dead letters), `nothing-to-do`";
        "ladderd_job_failures_total" Counter "code fault" "Failed attempts by [failure code](failure-codes.md) and by who can mend it: `source`, `surroundings`, `ladderd`";
        "ladderd_job_stage_duration_seconds" Histogram "stage" "Time of a stage of a job: `queue` (arrival of the source to the first attempt), `probe` (start of the worker to its plan), `first-segment` (start of the worker to its first segment), `playable` (arrival of the source to a stream that plays), `encode` (start of the worker to its last segment), `gate` (check of the uploaded stream), `flip` (commit, main.m3u8, record and events)";
        "ladderd_encode_realtime_factor" Histogram "backend" "Seconds of video for a second of encoding, of finished encodes";
        "ladderd_backend_available" Gauge "backend" "Whether the backend can be used, 1 or 0";
        "ladderd_backend_fallbacks_total" Counter "" "Videos that were begun anew on another backend, after one failed";
        "ladderd_published_bytes_total" Counter "" "Bytes of segments that were published";
        "ladderd_published_segments_total" Counter "" "Segments that were published";
        "ladderd_encoded_seconds_total" Counter "" "Media time that was encoded";
        "ladderd_renewals_total" Counter "lease result" "Renewals by `lease`: `message` (of the queue) or `claim` (on a video), and `result`: `ok`, `failed` (tried again), `lost` (the job stops)";
    }
    "Store" {
        "ladderd_store_requests_total" Counter "operation status" "Requests of the daemon to its buckets by operation of S3 and class of the status: `2xx` to `5xx`, or `none` without an answer; each try of the SDK counts";
        "ladderd_store_request_duration_seconds" Histogram "operation" "Time of such a request from its first byte to the head of its answer, or to the failure";
        "ladderd_store_sent_bytes_total" Counter "" "Bytes of the bodies of these requests";
        "ladderd_store_received_bytes_total" Counter "" "Bytes of the bodies of their answers, as announced";
        "ladderd_embedded_requests_total" Counter "client" "Requests that the embedded store has got, from the `daemon` or from `other` clients (players and uploaders)";
        "ladderd_store_scrubbed_objects" Gauge "" "Stored objects that the last scrub of the embedded store read";
        "ladderd_store_damaged_objects" Gauge "" "Damaged objects that it found";
        "ladderd_objects_left_alone" Gauge "" "Objects that are older than the first start and are not processed";
        "ladderd_disk_free_bytes" Gauge "" "Free space on the disk of the embedded store";
        "ladderd_disk_size_bytes" Gauge "" "Size of this disk";
        "ladderd_disk_reserve_bytes" Gauge "" "Free space below which uploads are refused: `embedded.min_free_bytes`";
    }
    "GPUs" {
        "ladderd_gpu_available" Gauge "" "Whether the NVIDIA driver answers, 1 or 0";
        "ladderd_gpu_memory_total_bytes" Gauge "gpu name" "Memory of the GPU";
        "ladderd_gpu_memory_used_bytes" Gauge "gpu name" "Memory of the GPU in use";
        "ladderd_gpu_utilization_ratio" Gauge "gpu name" "Share of the time in which the GPU computes, 0 to 1";
        "ladderd_gpu_encoder_utilization_ratio" Gauge "gpu name" "How busy the encoder of the GPU is, 0 to 1";
        "ladderd_gpu_decoder_utilization_ratio" Gauge "gpu name" "How busy the decoder of the GPU is, 0 to 1";
        "ladderd_gpu_encoder_sessions" Gauge "gpu name" "Open sessions of the encoder, those of other programs among them";
        "ladderd_gpu_temperature_celsius" Gauge "gpu name" "Temperature of the GPU";
        "ladderd_gpu_throttled" Gauge "gpu name" "Whether heat, power or another GPU holds the clock of the GPU down, 1 or 0";
    }
    "Quality of playback" {
        "ladderd_qoe_startup_seconds" Histogram "player" "Time from the wish to play to the first frame";
        "ladderd_qoe_rebuffer_ratio" Histogram "player" "Share of a view for which the video stood still";
        "ladderd_qoe_mean_bitrate_bps" Histogram "player" "Mean bitrate of a view in bit/s";
        "ladderd_qoe_views_total" Counter "player" "Views that players have reported";
        "ladderd_qoe_errors_total" Counter "player" "Errors that ended playback";
        "ladderd_qoe_rebuffers_total" Counter "player" "Times that videos stood still";
        "ladderd_qoe_dropped_frames_total" Counter "player" "Frames that were decoded and not shown";
        "ladderd_qoe_switches_total" Counter "player" "Changes of the rendition";
    }
    "Webhooks" {
        "ladderd_webhook_attempts_total" Counter "outcome" "Attempts at deliveries by how they ended: `delivered` or `failed`";
        "ladderd_webhook_attempt_duration_seconds" Histogram "" "Time of such an attempt";
        "ladderd_webhook_pending_deliveries" Gauge "" "Deliveries that wait to be sent or tried again, on the box that delivers; 0 on the others";
        "ladderd_webhook_oldest_pending_age_seconds" Gauge "" "Age of the oldest event among them, 0 without one";
        "ladderd_webhooks_paused" Gauge "" "Webhooks that get no events now";
    }
}

/// All metrics.
pub fn all() -> impl Iterator<Item = &'static Described> {
    GROUPS.iter().flat_map(|group| group.metrics)
}

/// Name of a metric as it is registered: the text format adds the end of a counter.
pub(super) fn base_name(name: &'static str) -> &'static str {
    name.strip_suffix("_total").unwrap_or(name)
}

/// Adds a metric of the list, which has its text.
pub(super) fn register<M: Metric + Clone>(
    registry: &mut Registry,
    name: &'static str,
    metric: M,
) -> M {
    let help = all().find(|described| described.name == name).map_or("", |found| found.help);
    registry.register(base_name(name), help, metric.clone());
    metric
}

/// The reference page of all metrics, as Markdown: `docs/reference/metrics.md`.
#[must_use]
pub fn reference() -> String {
    let row = |Described { name, kind, labels, help }: &Described| {
        let labels: Vec<String> =
            labels.split_whitespace().map(|label| format!("`{label}`")).collect();
        format!("| `{name}` | {} | {} | {help} |\n", kind.name(), labels.join(", "))
    };
    let head = "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n";
    let of_group = |group: &Group| {
        let rows: String = group.metrics.iter().map(row).collect();
        format!("\n## {}\n\n{head}{rows}", group.title)
    };
    std::iter::once(INTRODUCTION.to_owned()).chain(GROUPS.iter().map(of_group)).collect()
}

const INTRODUCTION: &str = "\
# Metrics

<!-- Generated from src/metrics/list.rs by `make generate`. -->

`GET /metrics` of the API [metrics], and of the listener `metrics.listen`, answers in the OpenMetrics text format, or in
the text format of Prometheus 0.0.4 to clients that ask for `text/plain`. [Monitor with Prometheus](../how-to/monitor.md) has
the configuration, the dashboard and the alerts.

Counters begin at 0 with the daemon. Times are in seconds, sizes in bytes. Labels have bounded sets of values: no
address, account, video or webhook is one. A series with labels appears with its first event, but for outcomes,
failure codes and renewals, which begin at 0, so that `increase` sees the first one.

Gauges of queue and catalog are the same on all boxes that share them: take the maximum of the boxes, not the sum.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let mut seen = std::collections::BTreeSet::new();
        for Described { name, kind, labels, help } in all() {
            assert!(seen.insert(name), "{name} is there twice");
            let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(is_plain), "{name}");
            assert!(name.starts_with("ladderd_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(labels.split_whitespace().all(|label| label.chars().all(is_plain)), "{name}");
            assert!(!help.ends_with('.') && !help.contains(['|', '\n']), "{name}: {help}");
        }
    }
}
