//! The time by the store's clock, which all boxes share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::object_types::timestamp;

/// The clock of a store, read from the header `Date` of its answers. Between two answers it goes on by the
/// monotonic clock of this box, so steps of the box's own time of day change nothing. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct StoreClock {
    latest: Arc<Mutex<Option<Reading>>>,
}

/// One answer: what the store's clock showed, and when that was.
#[derive(Clone, Copy, Debug)]
struct Reading {
    shown: Timestamp,
    at: Instant,
}

impl StoreClock {
    /// The time by the store's clock, exact to about a second. Before the first answer, it is the box's own
    /// time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let latest = *self.latest.lock();
        latest.map_or_else(Timestamp::now, |reading| reading.at(Instant::now()))
    }

    /// Whether the store has answered with a date.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.latest.lock().is_some()
    }

    /// How long ago this was; zero if it is in the future.
    #[must_use]
    pub fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
    }

    fn note(&self, date: &str) {
        let shown = DateTime::from_str(date, Format::HttpDate).ok();
        if let Some(shown) = shown.as_ref().and_then(timestamp) {
            *self.latest.lock() = Some(Reading { shown, at: Instant::now() });
        }
    }
}

impl Reading {
    fn at(&self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.at);
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.shown.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

impl Intercept for StoreClock {
    fn name(&self) -> &'static str {
        "store-clock"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.note(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_latest_answer_and_goes_on_from_there() {
        let clock = StoreClock::default();
        let own = clock.now();
        assert!(own.duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(5));
        clock.note("Tue, 29 Apr 2014 18:30:38 GMT");
        let shown: Timestamp = "2014-04-29T18:30:38Z".parse().unwrap();
        assert!(clock.now() >= shown && clock.age(shown) < Duration::from_mins(1));
        assert_eq!(clock.age(shown + SignedDuration::from_hours(1)), Duration::ZERO);
        clock.note("no date");
        assert!(clock.age(shown) < Duration::from_mins(1), "an unreadable date changes nothing");
        let reading = Reading { shown, at: Instant::now() };
        let later = reading.at(reading.at + Duration::from_secs(90));
        assert_eq!(later.to_string(), "2014-04-29T18:32:08Z");
    }
}
