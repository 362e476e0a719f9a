//! What the values must be beyond their types.

use std::net::SocketAddr;

use super::Settings;
use crate::store::AfterSuccess;
use crate::{queue, store};

/// A value that is not allowed.
pub(super) struct Fault {
    /// Its key, with dots.
    pub(super) key: String,
    /// What is allowed.
    pub(super) allowed: String,
}

fn fault(key: &str, allowed: impl Into<String>) -> Fault {
    Fault { key: key.to_owned(), allowed: allowed.into() }
}

impl Settings {
    /// Everything that is wrong.
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = self.ranges();
        faults.extend(self.addresses());
        faults.extend(self.names());
        faults.extend(self.kinds());
        faults.extend(self.ladder.check().into_iter().map(|text| fault("ladder", text)));
        let of_encryption = self.encryption.check().into_iter();
        faults.extend(of_encryption.map(|(key, text)| fault(&format!("encryption.{key}"), text)));
        let quality = self.encode.quality;
        if quality != 0.0 && !(10.0..=40.0).contains(&quality) {
            faults.push(fault("encode.quality", "allowed: 0, or 10 to 40"));
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.level).is_err() {
            faults.push(fault("log.level", "allowed: error, warn, info, debug, trace or a filter"));
        }
        faults
    }

    fn ranges(&self) -> Vec<Fault> {
        // 12 h is the longest that SQS keeps a message invisible; 20 s its longest poll; 5 MiB to
        // 5 GiB are the sizes of parts that S3 takes; 7 days the longest validity of a signature.
        let keeping = &self.housekeeping;
        let (limits, most) = (&self.limits, u64::MAX >> 1);
        let ranges: [(&str, u64, u64, u64); 34] = [
            ("http.request_timeout_secs", self.http.request_timeout_secs, 1, 3600),
            ("http.body_limit_bytes", self.http.body_limit_bytes, 65_536, 64 << 20),
            ("embedded.multipart_ttl_secs", self.embedded.multipart_ttl_secs, 60, 90 * 86_400),
            ("embedded.max_connections", self.embedded.max_connections, 1, 65_536),
            ("queue.lease_secs", self.queue.lease_secs, 3, 43_200),
            ("queue.wait_secs", self.queue.wait_secs, 1, 20),
            ("queue.max_attempts", u64::from(self.queue.max_attempts), 1, 1000),
            ("queue.retry.first_secs", self.queue.retry.first_secs, 0, 43_200),
            ("queue.retry.max_secs", self.queue.retry.max_secs, 0, 43_200),
            ("jobs.max_running", self.jobs.max_running, 0, 64),
            ("jobs.backend_retrial_secs", self.jobs.backend_retrial_secs, 1, 3600),
            ("jobs.stall_timeout_secs", self.jobs.stall_timeout_secs, 5, 3600),
            ("jobs.shutdown_grace_secs", self.jobs.shutdown_grace_secs, 0, 86_400),
            ("jobs.claim_renewal_secs", self.jobs.claim_renewal_secs, 1, 300),
            ("housekeeping.reconcile_secs", keeping.reconcile_secs, 1, 86_400),
            ("housekeeping.event_grace_secs", keeping.event_grace_secs, 0, 86_400),
            ("housekeeping.sweep_secs", keeping.sweep_secs, 1, 7 * 86_400),
            ("housekeeping.orphan_age_secs", keeping.orphan_age_secs, 0, 90 * 86_400),
            ("housekeeping.upload_ttl_secs", keeping.upload_ttl_secs, 60, 90 * 86_400),
            ("uploads.single_put_max_bytes", self.uploads.single_put_max_bytes, 0, 5 << 30),
            ("uploads.part_size_bytes", self.uploads.part_size_bytes, 5 << 20, 5 << 30),
            ("uploads.url_ttl_secs", self.uploads.url_ttl_secs, 60, 604_800),
            ("uploads.max_size_bytes", self.uploads.max_size_bytes, 1, 5 << 40),
            ("encode.audio_bitrate_kbps", u64::from(self.encode.audio_bitrate_kbps), 32, 320),
            ("encode.gop_secs", u64::from(self.encode.gop_secs), 1, 4),
            ("encode.gops_per_segment", u64::from(self.encode.gops_per_segment), 1, 5),
            ("jobs.worker_memory_bytes", self.jobs.worker_memory_bytes, 0, most),
            ("limits.source_bytes", limits.source_bytes, 1, 5 << 40),
            ("limits.duration_secs", limits.duration_secs, 1, 7 * 86_400),
            ("limits.picture_pixels", limits.picture_pixels, 4, 1 << 32),
            ("limits.frames_per_second", u64::from(limits.frames_per_second), 1, 1000),
            ("limits.tracks", u64::from(limits.tracks), 1, 10_000),
            ("limits.pixels_per_second", limits.pixels_per_second, 4, most),
            ("limits.job_secs", limits.job_secs, 10, 7 * 86_400),
        ];
        ranges
            .iter()
            .filter(|(_, value, min, max)| !(min..=max).contains(&value))
            .map(|(key, _, min, max)| fault(key, format!("allowed: {min} to {max}")))
            .collect()
    }

    fn addresses(&self) -> Vec<Fault> {
        let is_address = |text: &str| text.parse::<SocketAddr>().is_ok();
        let mut faults = Vec::new();
        if !is_address(&self.http.listen) {
            faults.push(fault("http.listen", "allowed: address and port, such as 127.0.0.1:8080"));
        }
        if !self.embedded.s3_listen.is_empty() && !is_address(&self.embedded.s3_listen) {
            let allowed = "allowed: address and port, such as 127.0.0.1:8081, or nothing";
            faults.push(fault("embedded.s3_listen", allowed));
        }
        let urls = [
            ("store.public_base_url", &self.store.public_base_url),
            ("store.upload_base_url", &self.store.upload_base_url),
            ("store.endpoint_url", &self.store.endpoint_url),
            ("queue.endpoint_url", &self.queue.endpoint_url),
            ("queue.url", &self.queue.url),
            ("queue.dead_letter_url", &self.queue.dead_letter_url),
        ];
        for (key, url) in urls {
            let is_url = url.starts_with("http://") || url.starts_with("https://");
            if !url.is_empty() && (!is_url || url.ends_with('/')) {
                faults.push(fault(key, "allowed: a URL without a slash at its end, or nothing"));
            }
        }
        faults
    }

    /// What goes together.
    fn kinds(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let sqs = self.queue.kind == queue::Kind::Sqs;
        let embedded = self.store.kind == store::Kind::Embedded;
        if sqs && embedded {
            let allowed = "allowed: embedded, as the embedded store sends no events to SQS";
            faults.push(fault("queue.kind", allowed));
        }
        if sqs && self.queue.url.is_empty() {
            faults.push(fault("queue.url", "allowed: the URL of the SQS queue"));
        }
        if embedded && self.store.after_success == AfterSuccess::Tag {
            let allowed = "allowed: keep, delete; the embedded store has no tags";
            faults.push(fault("store.after_success", allowed));
        }
        if self.sources.suffixes.iter().any(String::is_empty) {
            faults.push(fault("sources.suffixes", "allowed: ends of names, such as .mp4"));
        }
        faults
    }

    fn names(&self) -> Vec<Fault> {
        let is_bucket = |name: &str| {
            (3..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
                && name.as_bytes()[0].is_ascii_alphanumeric()
        };
        let allowed = "allowed: 3 to 63 lowercase letters, digits, dots and dashes";
        let mut faults = Vec::new();
        for (key, name) in [
            ("store.private_bucket", &self.store.private_bucket),
            ("store.public_bucket", &self.store.public_bucket),
        ] {
            if !is_bucket(name) {
                faults.push(fault(key, allowed));
            }
        }
        if self.store.private_bucket == self.store.public_bucket {
            faults
                .push(fault("store.public_bucket", "allowed: another one than the private bucket"));
        }
        faults
    }
}
