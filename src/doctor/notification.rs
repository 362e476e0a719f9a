//! The way of an event: store, queue, box. Each box that receives a probe writes an echo (`job::message`).

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::queues::Seen;
use super::subject::{Queues, Stores, Subject};
use crate::domain::doctor::events::{Lost, lost};
use crate::domain::doctor::{Check, Finding, Severity, mend, probe};
use crate::domain::message;
use crate::queue::{self, sqs::SqsSetup};
use crate::store::{self, Bucket, PutOptions};

/// Longest wait for an echo. A long poll of SQS takes 20 s, and hands a message out at once.
const WAIT: Duration = Duration::from_secs(20);
/// Pause between two looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest wait for the trials after a start: until then, no job and no message is taken.
const TRIALS: Duration = Duration::from_mins(1);

pub(super) async fn examine(subject: &Subject, seen: &Seen) -> Vec<Finding> {
    let skipped = |what: &str| vec![Finding::new(Check::Notification, Severity::Skipped, what)];
    let Ok(stores) = &subject.stores else { return skipped("there is no store") };
    let config = &subject.config;
    let is_alone = config.queue_kind == queue::Kind::Embedded;
    if is_alone && config.store_kind == store::Kind::S3 {
        let what = format!(
            "the embedded queue gets no events of S3: uploads past the API are found every {} s",
            config.reconcile_secs
        );
        return vec![Finding::new(Check::Notification, Severity::Note, what)];
    }
    if !seen.answers {
        return skipped("the queue does not answer, or no daemon runs");
    }
    if let Some(running) = &subject.running {
        // The scheduler takes no message before.
        drop(tokio::time::timeout(TRIALS, running.backends.clone().tried()).await);
    }
    let setup = match &subject.queues {
        Queues::Sqs(Ok(setup)) => Some(setup),
        Queues::Sqs(Err(_)) | Queues::Embedded(_) => None,
    };
    let mut found = Vec::new();
    let mut queue_works = true;
    if let Some(setup) = setup {
        let sent = Box::pin(past_the_bucket(subject, stores, setup)).await;
        queue_works = sent.severity == Severity::Ok;
        found.push(sent);
    }
    found.push(Box::pin(by_the_bucket(subject, stores, setup, seen, queue_works)).await);
    found
}

fn nonce() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}

/// A message that is sent to the queue, past the bucket.
async fn past_the_bucket(subject: &Subject, stores: &Stores, setup: &SqsSetup) -> Finding {
    let (nonce, began) = (nonce(), Instant::now());
    let key = probe::key(&subject.config.sources.prefix, &nonce);
    let name = setup.urls().first().map(|(_, url)| url.rsplit('/').next().unwrap_or(url));
    let name = name.unwrap_or_default();
    let failed =
        |what: String| Finding::new(Check::Queue, Severity::Error, what).mend(mend::allow_queue());
    if let Err(error) = setup.send(&message::own(stores.private.name(), &key)).await {
        return failed(error.to_string()).of(name);
    }
    let came = Box::pin(arrives(subject, &stores.private, Some(setup), &nonce)).await;
    let finding = match came {
        Ok(true) => {
            let took = began.elapsed().as_secs_f64();
            Finding::ok(Check::Queue, format!("a message was sent and received in {took:.1} s"))
        }
        Ok(false) => {
            let what = format!(
                "a message was sent, and no box has received it within {} s: all of them may be busy",
                WAIT.as_secs()
            );
            Finding::new(Check::Queue, Severity::Warning, what)
                .mend(mend::running_jobs(&subject.socket()))
        }
        Err(error) => failed(error),
    };
    finding.of(name)
}

/// An object whose event the store sends.
async fn by_the_bucket(
    subject: &Subject,
    stores: &Stores,
    setup: Option<&SqsSetup>,
    seen: &Seen,
    queue_works: bool,
) -> Finding {
    let (bucket, prefix) = (&stores.private, &subject.config.sources.prefix);
    let (nonce, began) = (nonce(), Instant::now());
    let key = probe::key(prefix, &nonce);
    let options = PutOptions { content_type: "application/x-directory", ..PutOptions::default() };
    if let Err(error) = bucket.put(&key, Bytes::new(), options).await {
        let what = format!("the probe cannot be written: {error}");
        return Finding::new(Check::Notification, Severity::Skipped, what).of(bucket.name());
    }
    let came = Box::pin(arrives(subject, bucket, setup, &nonce)).await;
    remove(bucket, &key).await;
    if came == Ok(true) {
        let took = began.elapsed().as_secs_f64();
        let what = format!("the event of an object came to a box in {took:.1} s");
        return Finding::ok(Check::Notification, what).of(bucket.name());
    }
    let finding = lost(&Lost {
        bucket: bucket.name(),
        prefix,
        queue_arn: &seen.arn,
        waited_secs: WAIT.as_secs(),
        queue_works,
        running_jobs: subject.running.as_ref().map_or(0, |running| running.board.count()),
        targets: bucket.event_targets().await.map_err(|error| error.to_string()),
    });
    finding.of(bucket.name())
}

/// Whether a box tells within [`WAIT`] that it has received the probe. A command looks into the queue, too: there may
/// be no box.
async fn arrives(
    subject: &Subject,
    bucket: &Bucket,
    setup: Option<&SqsSetup>,
    nonce: &str,
) -> Result<bool, String> {
    let deadline = Instant::now() + WAIT;
    let echo = probe::echo_key(nonce);
    let echoed = async {
        while Instant::now() < deadline {
            match bucket.find(&echo).await {
                Ok(Some(_)) => {
                    remove(bucket, &echo).await;
                    return Ok(true);
                }
                Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(false)
    };
    match setup.filter(|_| subject.running.is_none()) {
        None => echoed.await,
        Some(setup) => {
            let taken =
                async { setup.take(nonce, deadline).await.map_err(|error| error.to_string()) };
            tokio::pin!(echoed, taken);
            // The one that finds nothing leaves the rest of the time to the other.
            tokio::select! {
                came = &mut echoed => if came == Ok(false) { taken.await } else { came },
                came = &mut taken => if came == Ok(false) { echoed.await } else { came },
            }
        }
    }
}

/// Removes the object of a key that nobody else uses. What stays is swept after a while.
async fn remove(bucket: &Bucket, key: &str) {
    let versions = match bucket.first_versions(key, true).await {
        Ok(versions) => Ok(versions),
        Err(_) => bucket.first_versions(key, false).await,
    };
    let removed = match versions {
        Ok(versions) => bucket.delete_batch(&versions).await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(key, %error, "failed to remove a probe");
    }
}
