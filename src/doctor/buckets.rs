//! The buckets: each operation once, on objects of this examination.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::client::Client;
use super::cors;
use super::subject::{Stores, Subject};
use crate::domain::doctor::operations::{self, Answer, Tried};
use crate::domain::doctor::{Check, Finding, Severity, judge, mend, probe};
use crate::store::{
    self, AfterSuccess, Bucket, CompletedPart, Error, Kind, Precondition, PutOptions, Tagged,
};

/// Bytes of the objects.
const BYTES: &[u8] = b"written by ladderd doctor, and deleted by it\n";
/// An object that is older was left by an examination that died.
const LEFT: Duration = Duration::from_hours(1);
/// Rounds of the removal, which deletes up to 1,000 versions each.
const ROUNDS: u32 = 5;

pub(super) async fn examine(subject: &Subject, client: &Client) -> Vec<Finding> {
    let stores = match &subject.stores {
        Ok(stores) => stores,
        Err(error) => {
            let what = format!("the store cannot be opened: {error}");
            if subject.config.store_kind == Kind::Embedded {
                // Before its first start, or while a daemon that does not answer has it.
                return vec![Finding::new(Check::Bucket, Severity::Skipped, what)];
            }
            let finding = Finding::new(Check::Bucket, Severity::Error, what);
            return vec![finding.mend(mend::settings())];
        }
    };
    let nonce = hex::encode(rand::random::<[u8; 8]>());
    let (private, public) = (probe::private_prefix(&nonce), probe::public_prefix(&nonce));
    for (bucket, prefix) in [(&stores.private, &private), (&stores.public, &public)] {
        sweep(bucket, &prefix[..prefix.len() - nonce.len() - 1]).await;
    }
    let has_tags = subject.config.after_success == AfterSuccess::Tag;
    let mut found = of_bucket(subject, &stores.private, &private, has_tags).await;
    // Another answer came meanwhile, whose `Date` is fresh.
    if found.is_whole {
        let pages = &subject.config.page_origins;
        found.findings.extend(cors::of_uploads(stores, client, &private, pages).await);
    }
    found.findings.push(clock(subject, stores));
    let mut other = of_bucket(subject, &stores.public, &public, false).await;
    if other.is_whole {
        other.findings.extend(playback(subject, stores, client, &public).await);
    }
    found.findings.extend(other.findings);
    for (bucket, prefix) in [(&stores.private, &private), (&stores.public, &public)] {
        found.findings.extend(remove(bucket, prefix).await);
    }
    found.findings
}

fn clock(subject: &Subject, stores: &Stores) -> Finding {
    if subject.config.store_kind == Kind::Embedded {
        return Finding::new(Check::Clock, Severity::Skipped, "the store is this process");
    }
    if !stores.private.clock().has_answered() {
        return Finding::new(Check::Clock, Severity::Skipped, "the store does not answer");
    }
    judge::clock(Timestamp::now().duration_since(stores.private.clock().now()))
}

/// Findings on a bucket, and whether objects can be written there.
struct OfBucket {
    findings: Vec<Finding>,
    is_whole: bool,
}

async fn of_bucket(subject: &Subject, bucket: &Bucket, prefix: &str, has_tags: bool) -> OfBucket {
    let name = bucket.name();
    let mut tried = Vec::new();
    let reached = match bucket.check().await {
        Ok(()) => Finding::ok(Check::Bucket, "it exists and can be listed").of(name),
        Err(error) => {
            let is_denied = matches!(error, Error::Denied { .. });
            let finding = unreachable(subject, bucket, &error);
            if !is_denied {
                return OfBucket { findings: vec![finding], is_whole: false };
            }
            finding
        }
    };
    let mut findings = vec![reached];
    let key = format!("{prefix}object");
    let written = bucket.put(&key, Bytes::from_static(BYTES), options()).await;
    let is_whole = written.is_ok();
    tried.push(answer("write", written));
    if is_whole {
        operations(bucket, prefix, &key, has_tags, &mut tried).await;
        findings.extend(conditions(bucket, &format!("{prefix}condition")).await);
        findings.extend(facts(bucket, &key).await);
    }
    findings.extend(operations::findings(name, &tried));
    OfBucket { findings, is_whole }
}

fn unreachable(subject: &Subject, bucket: &Bucket, error: &Error) -> Finding {
    let name = bucket.name();
    let mend = match error {
        Error::NotFound { .. } => Some(mend::create_bucket(name)),
        Error::Denied { reason, .. } => operations::grant("head-bucket", name, reason),
        Error::PreconditionFailed { .. } | Error::Rejected { .. } | Error::Unavailable { .. } => {
            if subject.config.store_kind == Kind::Embedded {
                Some(mend::log())
            } else {
                let advice =
                    "see store.endpoint_url, store.region, AWS_REGION, HTTPS_PROXY and tls.ca";
                Some(mend::ask(&subject.config.store_url, advice))
            }
        }
    };
    Finding::new(Check::Bucket, Severity::Error, error.to_string()).mend_by(mend).of(name)
}

fn options() -> PutOptions<'static> {
    PutOptions {
        content_type: "text/plain",
        precondition: Precondition::None,
        ..PutOptions::default()
    }
}

/// The answer to an operation.
fn answer<T>(operation: &'static str, result: Result<T, Error>) -> Tried {
    let answer = match result {
        Ok(_) => Answer::Done,
        Err(Error::Denied { reason, .. }) => Answer::Denied(reason),
        Err(error @ Error::Rejected { .. }) => match operation {
            // ladderd does without these.
            "list-versions" | "delete-many" => Answer::Unknown(error.to_string()),
            _ => Answer::Failed(error.to_string()),
        },
        Err(error) => Answer::Failed(error.to_string()),
    };
    Tried { operation, answer }
}

/// Tries each operation on the object `key`.
async fn operations(
    bucket: &Bucket,
    prefix: &str,
    key: &str,
    has_tags: bool,
    tried: &mut Vec<Tried>,
) {
    let read = bucket.read(key).await.and_then(|found| {
        if found.bytes == BYTES {
            return Ok(());
        }
        let reason = "it has other bytes than were written".to_owned();
        Err(Error::Unavailable { operation: "read", key: key.to_owned(), reason })
    });
    tried.push(answer("read", read));
    tried.push(answer("head", bucket.object_facts(key).await));
    tried.push(answer("list", bucket.first_versions(prefix, false).await));
    tried.push(answer("list-versions", bucket.first_versions(prefix, true).await));
    let copy = format!("{prefix}copy");
    tried.push(answer("copy", bucket.copy_from(bucket, key, &copy, |_| "no-store").await));
    if has_tags {
        let tagged = match bucket.head(key).await {
            Ok(head) => bucket.tag_done(key, &head).await.map(|_: Tagged| ()),
            Err(error) => Err(error),
        };
        tried.push(answer("tag", tagged));
    }
    multipart(bucket, &format!("{prefix}parts"), tried).await;
    // Whether conditions are obeyed is another check.
    let plain = bucket.clone().without_conditional_deletes();
    let deleted = match bucket.head(&copy).await {
        Ok(head) => plain.delete_version(&copy, &head.etag).await.map(drop_removal),
        Err(error) => Err(error),
    };
    tried.push(answer("delete", deleted));
}

/// The state of the key does not matter: nobody else knows it.
fn drop_removal(_: store::Removal) {}

/// Tries an upload in parts to its end, and another one that is aborted.
async fn multipart(bucket: &Bucket, key: &str, tried: &mut Vec<Tried>) {
    let created = bucket.create_multipart(key, "text/plain").await;
    let id = created.as_ref().ok().cloned();
    tried.push(answer("create-multipart", created));
    let Some(id) = id else { return };
    let part = bucket.upload_part(key, &id, 1, Bytes::from_static(BYTES)).await;
    let etag = part.as_ref().ok().cloned();
    tried.push(answer("upload-part", part));
    tried.push(answer("list-parts", bucket.list_parts(key, &id).await));
    if let Some(etag) = etag {
        let parts = [CompletedPart { number: 1, etag }];
        tried.push(answer("complete-multipart", bucket.complete_multipart(key, &id, &parts).await));
    }
    // A completed upload cannot be aborted, so another one is.
    if let Ok(id) = bucket.create_multipart(key, "text/plain").await {
        tried.push(answer("abort-multipart", bucket.abort_multipart(key, &id).await));
    }
    tried.push(answer("list-multipart", bucket.abort_multiparts_of(key).await));
}

async fn conditions(bucket: &Bucket, key: &str) -> Vec<Finding> {
    let of = |finding: Finding| finding.of(bucket.name());
    let failed = |error: &Error| {
        let what = format!("the probe failed: {error}");
        vec![of(Finding::new(Check::ConditionalWrites, Severity::Error, what))]
    };
    let writes = match bucket.probe_conditional_writes(key).await {
        Ok(writes) => writes,
        Err(error) => return failed(&error),
    };
    let deletes = match bucket.probe_conditional_deletes(key).await {
        Ok(deletes) => deletes,
        Err(error) => return failed(&error),
    };
    let finding = match (writes, deletes) {
        (true, true) => Finding::ok(Check::ConditionalWrites, "the store obeys them"),
        (true, false) => Finding::new(
            Check::ConditionalWrites,
            Severity::Note,
            "the store obeys them on writes and not on deletes: a late delete may remove a newer object",
        ),
        (false, _) => Finding::new(
            Check::ConditionalWrites,
            Severity::Warning,
            "the store ignores If-None-Match or If-Match on writes",
        )
        .mend(mend::conditional_writes()),
    };
    vec![of(finding)]
}

/// Versions, encryption and ownership.
async fn facts(bucket: &Bucket, key: &str) -> Vec<Finding> {
    let Ok(facts) = bucket.object_facts(key).await else { return Vec::new() };
    let versioning = match facts.version_id {
        None => Finding::ok(Check::Versioning, "it keeps no old versions"),
        Some(_) => Finding::new(
            Check::Versioning,
            Severity::Note,
            "it keeps old versions: deletes of videos remove theirs, other old versions stay until a lifecycle rule \
             removes them",
        )
        .mend(mend::old_versions(bucket.name())),
    };
    let encryption = match (&facts.encryption, &facts.kms_key) {
        (Some(kind), Some(key)) => Finding::new(
            Check::BucketEncryption,
            Severity::Note,
            format!(
                "{kind} with the key {key}: reads and writes work now, as long as the key and the rights on it stay"
            ),
        ),
        (Some(kind), None) => {
            Finding::ok(Check::BucketEncryption, format!("by the store ({kind})"))
        }
        (None, _) => Finding::ok(Check::BucketEncryption, "the store tells none"),
    };
    let ownership = match bucket.ownership().await {
        Ok(Some(rule)) if rule == "BucketOwnerEnforced" => {
            Finding::ok(Check::Ownership, "lists are off (BucketOwnerEnforced)")
        }
        Ok(Some(rule)) => Finding::new(
            Check::Ownership,
            Severity::Note,
            format!("{rule}: ladderd sends no list, so its objects are of its own account"),
        )
        .mend(mend::no_lists(bucket.name())),
        Ok(None) => Finding::new(Check::Ownership, Severity::Skipped, "the bucket has no rule"),
        Err(error) => Finding::new(
            Check::Ownership,
            Severity::Skipped,
            format!("the store does not tell ({error}); no job needs it"),
        ),
    };
    [versioning, encryption, ownership].map(|finding| finding.of(bucket.name())).into()
}

/// Reads the object of the public bucket as a player does.
async fn playback(
    subject: &Subject,
    stores: &Stores,
    client: &Client,
    prefix: &str,
) -> Vec<Finding> {
    let url = format!("{}/{prefix}object", stores.playback_base_url);
    let name = stores.public.name();
    let finding = match client.get(&url, "").await {
        Ok(answer) if answer.status == 200 && answer.body == BYTES => {
            Finding::ok(Check::Playback, format!("{} can be read", stores.playback_base_url))
        }
        Ok(answer) => {
            let what = format!("{} answers {}", stores.playback_base_url, answer.status);
            Finding::new(Check::Playback, Severity::Error, what).mend(mend::public_reads(name))
        }
        Err(error) => {
            let what = format!("{} cannot be reached from here: {error}", stores.playback_base_url);
            Finding::new(Check::Playback, Severity::Error, what).mend(mend::ask(
                &stores.playback_base_url,
                "see store.public_base_url and the name server",
            ))
        }
    };
    let mut found = vec![finding.of(name)];
    for origin in &subject.config.page_origins {
        found.push(cors::of_playback(client, name, &url, origin).await.of(name));
    }
    found
}

/// Removes what examinations have left that died. Failures show in the checks.
async fn sweep(bucket: &Bucket, prefix: &str) {
    let Ok(objects) = bucket.first_versions(prefix, false).await else { return };
    let is_left = |at: Timestamp| bucket.clock().age(at) > LEFT;
    let left = objects.into_iter().filter(|object| probe::is_own(&object.key));
    let left = left.filter(|object| object.last_modified.is_some_and(is_left));
    let keys: Vec<String> = left.map(|object| object.key).collect();
    if let Err(error) = bucket.delete_immutable(&keys).await {
        tracing::info!(%error, "failed to remove objects of an earlier examination");
    }
}

/// Removes the objects of this examination, in all versions.
async fn remove(bucket: &Bucket, prefix: &str) -> Option<Finding> {
    let mut last = None;
    for round in 0..ROUNDS {
        let mut versions = bucket.first_versions(prefix, true).await;
        if versions.is_err() {
            versions = bucket.first_versions(prefix, false).await;
        }
        let removed = match versions {
            Ok(versions) if versions.is_empty() => return None,
            Ok(versions) => bucket.delete_batch(&versions).await,
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => {}
            // The rights on versions may be missing: then the objects alone go.
            Err(error @ Error::Denied { .. }) if round == 0 => {
                last = Some(operations::findings(
                    bucket.name(),
                    &[answer("delete-versions", Err::<(), _>(error))],
                ));
                let Ok(objects) = bucket.first_versions(prefix, false).await else { break };
                let keys: Vec<String> = objects.into_iter().map(|object| object.key).collect();
                if bucket.delete_immutable(&keys).await.is_ok() {
                    break;
                }
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    last.and_then(|mut findings| findings.pop())
}
