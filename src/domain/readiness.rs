//! Abilities of a box at this moment: to take uploads, serve viewers and run jobs.

use std::time::Duration;

use serde::Serialize;

/// A part that the box depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The bucket of uploads and records.
    PrivateBucket,
    /// The bucket of streams.
    PublicBucket,
    /// The queue.
    Queue,
    /// The encoders.
    Backends,
    /// Free space on the disk of the embedded store.
    DiskSpace,
    /// The daemon, which may be stopping.
    Daemon,
}

/// Abilities that a fault takes away.
struct Suffers {
    uploads: bool,
    playback: bool,
    jobs: bool,
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Self::PrivateBucket => "private-bucket",
            Self::PublicBucket => "public-bucket",
            Self::Queue => "queue",
            Self::Backends => "backends",
            Self::DiskSpace => "disk-space",
            Self::Daemon => "daemon",
        }
    }

    fn suffers(self) -> Suffers {
        let (uploads, playback, jobs) = match self {
            Self::PrivateBucket | Self::DiskSpace | Self::Daemon => (true, false, true),
            Self::PublicBucket => (false, true, true),
            Self::Queue | Self::Backends => (false, false, true),
        };
        Suffers { uploads, playback, jobs }
    }

    /// Whether requests should go to another box. Not for a full disk: its streams are on this box alone.
    fn takes_out(self) -> bool {
        self != Self::DiskSpace
    }
}

/// One part, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ComponentStatus {
    /// `private-bucket`, `public-bucket`, `queue`, `backends`, `disk-space` (embedded store) or `daemon`.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Abilities of the box, and the state of each part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Readiness {
    /// Whether requests should come to this box.
    pub ready: bool,
    /// Whether uploads are accepted.
    pub uploads: bool,
    /// Whether streams can be played.
    pub playback: bool,
    /// Whether jobs can run.
    pub jobs: bool,
    /// All parts.
    pub components: Vec<ComponentStatus>,
}

impl Readiness {
    /// The readiness that follows from the parts, each with its fault.
    #[must_use]
    pub fn of(components: impl IntoIterator<Item = (Component, Option<String>)>) -> Self {
        let mut readiness =
            Self { ready: true, uploads: true, playback: true, jobs: true, components: Vec::new() };
        for (component, why) in components {
            let ok = why.is_none();
            if !ok {
                let suffers = component.suffers();
                readiness.ready &= !component.takes_out();
                readiness.uploads &= !suffers.uploads;
                readiness.playback &= !suffers.playback;
                readiness.jobs &= !suffers.jobs;
            }
            readiness.components.push(ComponentStatus { name: component.name(), ok, why });
        }
        readiness
    }

    /// The same without reasons, which may name hosts and buckets.
    #[must_use]
    pub fn without_reasons(mut self) -> Self {
        for component in &mut self.components {
            component.why = None;
        }
        self
    }

    /// The faults of all parts in a sentence.
    #[must_use]
    pub fn faults(&self) -> String {
        let faulty = self.components.iter().filter(|component| !component.ok);
        let faults = faulty.map(|component| match &component.why {
            Some(why) => format!("{}: {why}", component.name),
            None => format!("{}: it does not work", component.name),
        });
        faults.collect::<Vec<_>>().join("; ")
    }
}

/// Time after which faults that stay are reported again.
const REPORT_AGAIN: Duration = Duration::from_mins(10);

/// Change of the readiness that the log should tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Other parts are faulty than at the last look.
    Faulty,
    /// The same parts have been faulty for ten minutes without a report.
    StillFaulty,
    /// All parts work again.
    Recovered,
}

/// The faulty parts that were reported last. Probes look every few seconds, and the log should not repeat itself.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    parts: Vec<&'static str>,
    at: Duration,
}

impl Reported {
    /// Takes note of a look. `now` is the time since any fixed moment. Reasons do not count, as they may differ at
    /// each look.
    pub fn look(&mut self, readiness: &Readiness, now: Duration) -> Option<News> {
        let faulty = readiness.components.iter().filter(|component| !component.ok);
        let parts: Vec<&'static str> = faulty.map(|component| component.name).collect();
        let news = match (self.parts == parts, parts.is_empty()) {
            (false, true) => News::Recovered,
            (false, false) => News::Faulty,
            (true, false) if now.saturating_sub(self.at) >= REPORT_AGAIN => News::StillFaulty,
            (true, _) => return None,
        };
        *self = Self { parts, at: now };
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_affects_what_depends_on_the_part() {
        use Component::{Backends, Daemon, DiskSpace, PrivateBucket, PublicBucket, Queue};
        let all = [PrivateBucket, PublicBucket, Queue, Backends, DiskSpace, Daemon];
        // Ready, uploads, playback, jobs.
        let table: [(&[Component], [bool; 4]); 8] = [
            (&[], [true, true, true, true]),
            (&[PrivateBucket], [false, false, true, false]),
            (&[PublicBucket], [false, true, false, false]),
            (&[Queue], [false, true, true, false]),
            (&[Backends], [false, true, true, false]),
            // Viewers stay.
            (&[DiskSpace], [true, false, true, false]),
            (&[Daemon], [false, false, true, false]),
            (&[DiskSpace, PublicBucket], [false, false, false, false]),
        ];
        for (faulty, expected) in table {
            let why = |part: Component| faulty.contains(&part).then(|| "broken".to_owned());
            let found = Readiness::of(all.map(|part| (part, why(part))));
            let got = [found.ready, found.uploads, found.playback, found.jobs];
            assert_eq!(got, expected, "{faulty:?}");
            assert_eq!(found.components.iter().filter(|part| !part.ok).count(), faulty.len());
            let told = found.without_reasons().faults();
            assert!(!told.contains("broken") && told.is_empty() == faulty.is_empty(), "{told}");
        }
        let why = Some("it does not answer".to_owned());
        assert_eq!(Readiness::of([(Queue, why)]).faults(), "queue: it does not answer");
    }

    #[test]
    fn a_fault_is_reported_once_and_every_ten_minutes() {
        use Component::{Backends, DiskSpace, Queue};
        let look = |faulty: &[Component]| {
            let all = [Backends, Queue, DiskSpace];
            Readiness::of(all.map(|part| (part, faulty.contains(&part).then(|| "why".to_owned()))))
        };
        // Second, faulty parts, news.
        let table: [(u64, &[Component], Option<News>); 12] = [
            (0, &[], None),
            (5, &[Queue], Some(News::Faulty)),
            (10, &[Queue], None),
            (15, &[Queue, Backends], Some(News::Faulty)),
            (614, &[Queue, Backends], None),
            (615, &[Queue, Backends], Some(News::StillFaulty)),
            (620, &[Queue, Backends], None),
            (1215, &[Queue, Backends], Some(News::StillFaulty)),
            (1220, &[], Some(News::Recovered)),
            (1225, &[], None),
            // The box stays ready.
            (1230, &[DiskSpace], Some(News::Faulty)),
            (1235, &[DiskSpace], None),
        ];
        let mut reported = Reported::default();
        for (at_secs, faulty, news) in table {
            let found = reported.look(&look(faulty), Duration::from_secs(at_secs));
            assert_eq!(found, news, "{at_secs} s");
        }
    }
}
