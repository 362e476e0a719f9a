//! Which settings a reload takes, and which need a restart.

use crate::domain::setting_view::TakesEffect;

/// Keys whose new values a reload takes.
pub(super) const RELOADED: &[&str] = &[
    "jobs.backend_retrial_secs",
    "jobs.max_encoder_sessions",
    "jobs.max_running",
    "jobs.shutdown_grace_secs",
    "jobs.stall_timeout_secs",
    "jobs.surroundings_max_age_secs",
    "jobs.worker_memory_bytes",
    "ladder",
    "limits.duration_secs",
    "limits.frame_pixels",
    "limits.frames_per_second",
    "limits.job_secs",
    "limits.pixels_per_second",
    "limits.source_bytes",
    "limits.tracks",
    "limits.truncated",
    "log.level",
    // The files are read again. TLS is not switched on or off.
    "tls.cert",
    "tls.key",
];

/// Keys whose new values need a restart, by section.
pub(super) const RESTARTED: &[(&str, &[&str])] = &[
    ("", &["data_dir"]),
    (
        "auth",
        &["groups_header", "mode", "roles", "session_idle_secs", "session_max_secs", "tokens"],
    ),
    ("auth", &["user_header"]),
    ("changes", &["keep_secs", "poll_secs"]),
    (
        "embedded",
        &[
            "cors_origins",
            "max_connections",
            "min_free_bytes",
            "multipart_ttl_secs",
            "quarantine_ttl_secs",
            "s3_listen",
            "scrub_bytes_per_sec",
            "scrub_pause_secs",
        ],
    ),
    // The backends were tried with these.
    (
        "encode",
        &[
            "audio_bitrate_kbps",
            "gop_secs",
            "gops_per_segment",
            "level",
            "quality",
            "segment",
            "short_first_segments",
        ],
    ),
    (
        "encryption",
        &["key_endpoint", "key_endpoint_token", "key_hex", "key_url", "kind", "master_keys"],
    ),
    ("events", &["kept_secs", "poll_secs"]),
    (
        "housekeeping",
        &[
            "adopt_existing",
            "event_grace_secs",
            "orphan_age_secs",
            "purge_delay_secs",
            "purge_secs",
            "reconcile_secs",
            "sweep_secs",
            "upload_ttl_secs",
        ],
    ),
    (
        "http",
        &[
            "allow_insecure",
            "body_limit_bytes",
            "cors_origins",
            "embed_origins",
            "hosts",
            "listen",
            "public_url",
            "request_burst",
            "request_timeout_secs",
            "requests_per_sec",
            "trusted_proxies",
        ],
    ),
    ("jobs", &["claim_renewal_secs", "required_backends", "superseded_secs"]),
    ("log", &["format", "gstreamer"]),
    ("metrics", &["listen"]),
    ("playback", &["keys", "token_ttl_secs"]),
    (
        "pulls",
        &[
            "allow_private",
            "look_secs",
            "max_attempts",
            "max_running",
            "max_secs",
            "part_size_bytes",
            "stall_secs",
        ],
    ),
    ("qoe", &["enabled"]),
    (
        "queue",
        &[
            "dead_letter_url",
            "endpoint_url",
            "high_url",
            "kind",
            "lease_secs",
            "low_url",
            "max_attempts",
            "region",
            "url",
            "wait_secs",
        ],
    ),
    ("queue.retry", &["first_secs", "max_secs"]),
    ("sandbox", &["mode"]),
    ("sources", &["prefix", "suffixes"]),
    (
        "store",
        &[
            "after_success",
            "endpoint_url",
            "kind",
            "path_style",
            "private_bucket",
            "public_base_url",
            "public_bucket",
            "region",
            "upload_base_url",
        ],
    ),
    ("tls", &["ca", "hsts_secs"]),
    ("uploads", &["max_in_flight", "max_size_bytes", "part_size_bytes", "single_put_max_bytes"]),
    ("uploads", &["url_ttl_secs"]),
    ("videos", &["visibility"]),
    ("webhooks", &["allow_private"]),
];

/// When a new value of this key takes effect. `None` for a key that the tables lack.
pub(super) fn takes_effect(key: &str) -> Option<TakesEffect> {
    if RELOADED.contains(&key) {
        return Some(TakesEffect::OnReload);
    }
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let is_listed = RESTARTED.iter().any(|(of, keys)| *of == section && keys.contains(&name));
    is_listed.then_some(TakesEffect::OnRestart)
}
