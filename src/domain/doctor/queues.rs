//! Findings on the queues.

use super::{Check, Finding, Severity, mend};

/// Deliveries that are too few for a redrive policy: an outage of hours is that many.
pub const FEW_RECEIVES: u64 = 100;
/// Shortest time for which a queue should keep messages: an outage over a weekend.
const SHORT_RETENTION_SECS: u64 = 4 * 86_400;
/// The longest time that SQS allows.
const LONGEST_RETENTION_SECS: u64 = 14 * 86_400;

/// Facts of a queue on SQS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFacts {
    /// Setting that names it, such as `queue.url`.
    pub setting: &'static str,
    /// Its URL.
    pub url: String,
    /// Its ARN; empty if the server does not tell.
    pub arn: String,
    /// Messages that wait.
    pub visible: u64,
    /// Messages that are leased or delayed.
    pub in_flight: u64,
    /// Seconds for which it keeps messages; 0 if the server does not tell.
    pub retention_secs: u64,
    /// Target and `maxReceiveCount` of its redrive policy.
    pub redrive: Option<Redrive>,
}

/// A redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// ARN of the dead-letter queue.
    pub target_arn: String,
    /// Deliveries after which SQS moves a message by itself.
    pub max_receive_count: Option<u64>,
}

impl QueueFacts {
    /// Name of the queue.
    #[must_use]
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// Findings on a queue of jobs. `dead` are the facts of its dead-letter queue, if that could be found.
#[must_use]
pub fn of_queue(queue: &QueueFacts, dead: Option<&QueueFacts>) -> Vec<Finding> {
    let name = queue.name();
    let depth = format!("{} messages wait, {} are in work", queue.visible, queue.in_flight);
    let state = if queue.url.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "fifo") {
        Finding::new(
            Check::Queue,
            Severity::Error,
            "it is a FIFO queue, to which S3 sends no events",
        )
        .mend(mend::standard_queue(name.trim_end_matches(".fifo"), queue.setting))
    } else {
        Finding::ok(Check::Queue, depth)
    };
    let mut found = vec![state];
    found.push(dead_letter_queue(queue, dead));
    found.push(retention(queue, SHORT_RETENTION_SECS));
    found.into_iter().map(|finding| finding.of(name)).collect()
}

fn dead_letter_queue(queue: &QueueFacts, dead: Option<&QueueFacts>) -> Finding {
    let policy = |target: &str| mend::redrive(&queue.url, target);
    let error = |what: &str| Finding::new(Check::DeadLetterQueue, Severity::Error, what);
    let Some(redrive) = &queue.redrive else {
        let Some(dead) = dead else {
            let target = match queue.arn.as_str() {
                "" => "ARN-OF-THE-NEW-QUEUE".to_owned(),
                arn => format!("{arn}-dead"),
            };
            return error("there is no dead-letter queue: the daemon does not start")
                .mend(mend::dead_letter_queue(queue.name(), &queue.url, &target));
        };
        let what = format!(
            "{} is named by queue.dead_letter_url, and the queue has no redrive policy: a message that kills each \
             box that takes it comes back for ever",
            dead.name()
        );
        return Finding::new(Check::DeadLetterQueue, Severity::Note, what).mend(policy(&dead.arn));
    };
    match redrive.max_receive_count {
        Some(count) if count < FEW_RECEIVES => {
            let what = format!(
                "SQS moves messages to the dead letters after {count} deliveries by itself; waits for another box and \
                 outages are deliveries, too"
            );
            Finding::new(Check::DeadLetterQueue, Severity::Warning, what)
                .mend(policy(&redrive.target_arn))
        }
        Some(_) | None if dead.is_none() => error(&format!(
            "the redrive policy names {}, which does not answer",
            redrive.target_arn
        ))
        .mend(policy("ARN-OF-A-QUEUE-THAT-EXISTS")),
        Some(count) => Finding::ok(
            Check::DeadLetterQueue,
            format!("redrive policy with maxReceiveCount {count}"),
        ),
        None => Finding::ok(Check::DeadLetterQueue, "there is a redrive policy"),
    }
}

fn retention(queue: &QueueFacts, short_secs: u64) -> Finding {
    let days = queue.retention_secs / 86_400;
    match queue.retention_secs {
        0 => Finding::new(Check::Retention, Severity::Skipped, "the server does not tell"),
        secs if secs < short_secs => Finding::new(
            Check::Retention,
            Severity::Warning,
            format!("messages end after {secs} s: an outage over a weekend loses them"),
        )
        .mend(mend::retention(&queue.url, LONGEST_RETENTION_SECS)),
        _ => Finding::ok(Check::Retention, format!("messages are kept for {days} days")),
    }
}

/// Findings on a dead-letter queue. `socket` is the path of the daemon's socket.
#[must_use]
pub fn of_dead_letters(dead: &QueueFacts, socket: &str) -> Vec<Finding> {
    let name = dead.name();
    let kept = retention(dead, LONGEST_RETENTION_SECS / 2);
    let kept = if kept.severity == Severity::Warning {
        Finding { what: format!("dead letters end after {} s", dead.retention_secs), ..kept }
    } else {
        kept
    };
    [number_of_dead(dead.visible + dead.in_flight, socket), kept]
        .map(|finding| finding.of(name))
        .into()
}

/// The finding on the number of messages that were given up.
#[must_use]
pub fn number_of_dead(dead: u64, socket: &str) -> Finding {
    if dead == 0 {
        return Finding::ok(Check::DeadLetters, "no message was given up");
    }
    let (many, were) = if dead == 1 { ("", "was") } else { ("s", "were") };
    let what = format!("{dead} message{many} {were} given up");
    Finding::new(Check::DeadLetters, Severity::Warning, what).mend(mend::dead_letters(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(redrive: Option<Redrive>) -> QueueFacts {
        QueueFacts {
            setting: "queue.url",
            url: "https://sqs.example.com/1/jobs".to_owned(),
            arn: "arn:aws:sqs:eu:1:jobs".to_owned(),
            visible: 3,
            in_flight: 1,
            retention_secs: LONGEST_RETENTION_SECS,
            redrive,
        }
    }

    fn redrive(max_receive_count: u64) -> Redrive {
        let target_arn = "arn:aws:sqs:eu:1:dead".to_owned();
        Redrive { target_arn, max_receive_count: Some(max_receive_count) }
    }

    #[test]
    fn dead_letter_queues_and_redrive_policies_are_judged() {
        let dead = QueueFacts { url: "https://sqs.example.com/1/dead".to_owned(), ..queue(None) };
        let table = [
            (Some(redrive(1000)), Some(&dead), Severity::Ok, ""),
            (Some(redrive(5)), Some(&dead), Severity::Warning, "\\\"maxReceiveCount\\\":1000"),
            (Some(redrive(1000)), None, Severity::Error, "set-queue-attributes"),
            (None, Some(&dead), Severity::Note, "set-queue-attributes"),
            (None, None, Severity::Error, "aws sqs create-queue --queue-name jobs-dead\n"),
        ];
        for (redrive, dead, severity, mend) in table {
            let found = of_queue(&queue(redrive.clone()), dead);
            let found = found.iter().find(|found| found.id == "dead-letter-queue").unwrap();
            assert_eq!(found.severity, severity, "{redrive:?}");
            assert!(found.mend.as_deref().unwrap_or_default().contains(mend), "{found:?}");
            assert_eq!(found.mend.is_none(), mend.is_empty());
        }
    }

    #[test]
    fn queues_of_another_kind_and_short_retentions_are_found() {
        let fifo =
            QueueFacts { url: "https://x/1/jobs.fifo".to_owned(), ..queue(Some(redrive(1000))) };
        assert_eq!(of_queue(&fifo, None)[0].severity, Severity::Error);
        let table = [(0, Severity::Skipped), (3600, Severity::Warning), (4 * 86_400, Severity::Ok)];
        for (retention_secs, severity) in table {
            let found =
                of_queue(&QueueFacts { retention_secs, ..queue(Some(redrive(1000))) }, None);
            assert_eq!(found[2].severity, severity, "{retention_secs}");
        }
        let dead = QueueFacts { retention_secs: 4 * 86_400, ..queue(None) };
        let severities = of_dead_letters(&dead, "/d/api.sock").map_severity();
        assert_eq!(severities, [Severity::Warning, Severity::Warning]);
        let none = QueueFacts { visible: 0, in_flight: 0, ..queue(None) };
        assert_eq!(
            of_dead_letters(&none, "/d/api.sock").map_severity(),
            [Severity::Ok, Severity::Ok]
        );
    }

    trait Severities {
        fn map_severity(&self) -> Vec<Severity>;
    }

    impl Severities for Vec<Finding> {
        fn map_severity(&self) -> Vec<Severity> {
            self.iter().map(|finding| finding.severity).collect()
        }
    }
}
