//! The queues, as they answer.

use super::subject::{Queues, Subject};
use crate::domain::doctor::queues::{QueueFacts, number_of_dead, of_dead_letters, of_queue};
use crate::domain::doctor::{Check, Finding, Severity, mend};
use crate::queue::sqs::SqsSetup;
use crate::queue::{Depth, Kind};

/// Facts of the queue that the check of the way of events needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// ARN of the normal queue; empty if it is not known.
    pub(super) arn: String,
    /// Whether it answers.
    pub(super) answers: bool,
}

pub(super) async fn examine(subject: &Subject) -> (Vec<Finding>, Seen) {
    match &subject.queues {
        Queues::Embedded(Some(queue)) => match queue.depth().await {
            Ok(Depth { visible, in_flight, dead, .. }) => {
                let what = format!("{visible} messages wait, {in_flight} are in work");
                let found =
                    vec![Finding::ok(Check::Queue, what), number_of_dead(dead, &subject.socket())];
                (found, Seen { answers: true, ..Seen::default() })
            }
            Err(error) => {
                let finding = Finding::new(Check::Queue, Severity::Error, error.to_string());
                (vec![finding.mend(mend::repair())], Seen::default())
            }
        },
        Queues::Embedded(None) => {
            let what = "the queue is that of a daemon, and none runs";
            (vec![Finding::new(Check::Queue, Severity::Skipped, what)], Seen::default())
        }
        Queues::Sqs(Ok(setup)) => of_sqs(setup, subject).await,
        Queues::Sqs(Err(error)) => {
            let what = format!("the queue cannot be opened: {error}");
            debug_assert_eq!(subject.config.queue_kind, Kind::Sqs);
            let finding = Finding::new(Check::Queue, Severity::Error, what);
            (vec![finding.mend(mend::settings())], Seen::default())
        }
    }
}

async fn of_sqs(setup: &SqsSetup, subject: &Subject) -> (Vec<Finding>, Seen) {
    let (mut found, mut seen) = (Vec::new(), Seen::default());
    let mut dead_urls: Vec<String> = Vec::new();
    for (number, (setting, url)) in setup.urls().iter().enumerate() {
        let facts = match setup.facts(setting, url).await {
            Ok(facts) => facts,
            Err(error) => {
                found.push(unanswered(setting, url, &error.to_string()));
                continue;
            }
        };
        if number == 0 {
            seen = Seen { arn: facts.arn.clone(), answers: true };
        }
        let dead = match setup.dead_letters(&facts).await {
            Ok(dead) => dead,
            Err(error) => {
                found.push(unanswered("queue.dead_letter_url", "", &error.to_string()));
                None
            }
        };
        found.extend(of_queue(&facts, dead.as_ref()));
        // Queues may share their dead letters.
        if let Some(dead) = dead.filter(|dead| !dead_urls.contains(&dead.url)) {
            found.extend(of_dead_letters(&dead, &subject.socket()));
            dead_urls.push(dead.url);
        }
    }
    (found, seen)
}

/// A queue that does not answer, or whose attributes are denied.
fn unanswered(setting: &str, url: &str, error: &str) -> Finding {
    let name = QueueFacts { url: url.to_owned(), ..QueueFacts::default() };
    let name = if url.is_empty() { setting } else { name.name() };
    let what = format!("{setting}: {error}");
    let mend = if error.contains("AccessDenied") {
        mend::allow_queue()
    } else if error.contains("NonExistentQueue") {
        mend::list_queues()
    } else {
        mend::ask(url, "see queue.url, queue.region and queue.endpoint_url")
    };
    Finding::new(Check::Queue, Severity::Error, what).mend(mend).of(name)
}
