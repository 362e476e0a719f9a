//! Findings on the way from the private bucket to a box.

use super::{Check, Finding, Severity, mend};

/// A target of a bucket's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// ARN of the queue, topic or function; `eventbridge` for that.
    pub arn: String,
    /// The kinds of events.
    pub events: Vec<String>,
    /// Prefix of the keys; empty for all.
    pub prefix: String,
    /// Suffix of the keys; empty for all.
    pub suffix: String,
}

/// Facts of a probe whose echo did not come.
#[derive(Clone, Debug)]
pub struct Lost<'a> {
    /// Name of the private bucket.
    pub bucket: &'a str,
    /// `sources.prefix`.
    pub prefix: &'a str,
    /// ARN of the queue; empty if it is not known.
    pub queue_arn: &'a str,
    /// Seconds for which the echo was waited for.
    pub waited_secs: u64,
    /// Whether a message that was sent past the bucket came through.
    pub queue_works: bool,
    /// Jobs that run on this box: a box without a free slot takes no message.
    pub running_jobs: usize,
    /// The targets of the bucket's events, or why they cannot be read.
    pub targets: Result<Vec<Target>, String>,
}

/// Finding on a probe whose echo did not come.
#[must_use]
pub fn lost(lost: &Lost<'_>) -> Finding {
    let Lost { bucket, prefix, queue_arn, waited_secs, queue_works, running_jobs, .. } = lost;
    let waited = format!("no box has received the event of a probe within {waited_secs} s");
    let finding = |severity, what: String| Finding::new(Check::Notification, severity, what);
    let set = |may_lack_policy| mend::notification(bucket, prefix, queue_arn, may_lack_policy);
    let targets = match &lost.targets {
        Ok(targets) => targets,
        Err(reason) => {
            let what = format!("{waited}, and the configuration cannot be read ({reason})");
            let severity = if *queue_works { Severity::Error } else { Severity::Warning };
            return finding(severity, what).mend(set(false));
        }
    };
    let created = |target: &&Target| {
        target.events.is_empty()
            || target.events.iter().any(|event| event.contains("ObjectCreated"))
    };
    let targets: Vec<&Target> = targets.iter().filter(created).collect();
    if targets.is_empty() {
        let what = "the bucket tells nobody of new objects".to_owned();
        return finding(Severity::Error, what).mend(set(false));
    }
    let sees = |target: &Target| prefix.starts_with(&target.prefix);
    if !targets.iter().any(|target| sees(target)) {
        let what = format!(
            "the bucket tells of objects below {:?} only, and sources.prefix is {prefix:?}",
            targets[0].prefix
        );
        return finding(Severity::Error, what).mend(set(false));
    }
    if let Some(target) = targets.iter().find(|target| sees(target) && !target.suffix.is_empty()) {
        let what = format!(
            "the bucket tells of objects that end with {:?} only, which no probe does: the way of the event is not tried",
            target.suffix
        );
        return finding(Severity::Skipped, what);
    }
    if *running_jobs > 0 || !queue_works {
        let what = format!(
            "{waited}; {running_jobs} jobs run here, and a box without a free slot takes no message"
        );
        return finding(Severity::Warning, what).mend(mend::once_more());
    }
    let arns: Vec<&str> = targets.iter().map(|target| target.arn.as_str()).collect();
    let what =
        format!("{waited}; the bucket tells {}, and the queue is {queue_arn}", arns.join(", "));
    finding(Severity::Error, what).mend(set(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(prefix: &str, suffix: &str) -> Target {
        Target {
            arn: "arn:aws:sqs:eu:1:jobs".to_owned(),
            events: vec!["s3:ObjectCreated:*".to_owned()],
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        }
    }

    #[test]
    fn the_reason_of_a_lost_event_is_looked_for() {
        let removed = Target { events: vec!["s3:ObjectRemoved:*".to_owned()], ..target("", "") };
        let table = [
            (Ok(vec![]), true, 0, Severity::Error, "tells nobody"),
            (Ok(vec![removed]), true, 0, Severity::Error, "tells nobody"),
            (Ok(vec![target("out/", "")]), true, 0, Severity::Error, "below \"out/\" only"),
            (Ok(vec![target("in/", ".mp4")]), true, 0, Severity::Skipped, "end with \".mp4\""),
            (Ok(vec![target("in/", "")]), true, 2, Severity::Warning, "2 jobs run"),
            (Ok(vec![target("", "")]), false, 0, Severity::Warning, "no box has received"),
            (Ok(vec![target("in/", "")]), true, 0, Severity::Error, "the queue is arn:"),
            (Err("denied".to_owned()), true, 0, Severity::Error, "cannot be read (denied)"),
        ];
        for (targets, queue_works, running_jobs, severity, what) in table {
            let found = lost(&Lost {
                bucket: "up",
                prefix: "in/",
                queue_arn: "arn:aws:sqs:eu:1:jobs",
                waited_secs: 20,
                queue_works,
                running_jobs,
                targets,
            });
            assert!(found.severity == severity && found.what.contains(what), "{found:?}");
            let mends = severity == Severity::Error;
            let sets =
                found.mend.unwrap_or_default().contains("put-bucket-notification-configuration");
            assert_eq!(sets, mends, "{what}");
        }
    }
}
