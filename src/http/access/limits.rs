//! Limits of requests: for each token or address, and for wrong credentials of an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

use crate::domain::auth::address;
use crate::http::error::Error;

/// Wrong credentials of an address that are answered at once.
const WRONG_BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Further wrong credentials of an address in a minute.
const WRONG_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Requests after which the counters of senders that have gone are removed.
const CLEAN_EVERY: usize = 10_000;

/// The counters of all senders.
pub(super) struct Limits {
    requests: Option<DefaultKeyedRateLimiter<String>>,
    wrong: DefaultKeyedRateLimiter<IpAddr>,
    /// Addresses with too many wrong credentials, each until when.
    refused: Mutex<HashMap<IpAddr, Instant>>,
    clock: DefaultClock,
}

impl Limits {
    /// So many requests per second of one sender, and so many at once; 0 per second for no limit.
    pub(super) fn new(per_sec: u32, burst: u32) -> Self {
        let quota = NonZeroU32::new(per_sec).map(|per_sec| {
            Quota::per_second(per_sec).allow_burst(NonZeroU32::new(burst).unwrap_or(per_sec))
        });
        let wrong = Quota::per_minute(WRONG_PER_MINUTE).allow_burst(WRONG_BURST);
        Self {
            requests: quota.map(RateLimiter::keyed),
            wrong: RateLimiter::keyed(wrong),
            refused: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request.
    pub(super) fn check(&self, sender: &str) -> Result<(), Error> {
        let Some(requests) = &self.requests else { return Ok(()) };
        if requests.len() >= CLEAN_EVERY {
            requests.retain_recent();
        }
        let wait = |until: governor::NotUntil<_>| until.wait_time_from(self.clock.now());
        requests.check_key(&sender.to_owned()).map_err(|until| Error::TooMany(wait(until)))
    }

    /// Counts wrong credentials.
    pub(super) fn note_wrong(&self, from: IpAddr) {
        let from = address::subscriber(from);
        if self.wrong.len() >= CLEAN_EVERY {
            self.wrong.retain_recent();
        }
        if let Err(until) = self.wrong.check_key(&from) {
            let wait = until.wait_time_from(self.clock.now());
            let mut refused = self.refused.lock();
            refused.retain(|_, until| *until > Instant::now());
            refused.insert(from, Instant::now() + wait);
        }
    }

    /// Refuses an address with too many wrong credentials.
    pub(super) fn check_wrong(&self, from: IpAddr) -> Result<(), Error> {
        let until = self.refused.lock().get(&address::subscriber(from)).copied();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if left > Duration::ZERO => Err(Error::TooMany(left)),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_its_own_limit() {
        let limits = Limits::new(1, 3);
        for _ in 0..3 {
            limits.check("a").unwrap();
        }
        assert!(matches!(limits.check("a"), Err(Error::TooMany(_))));
        limits.check("192.0.2.1").unwrap();
        let unlimited = Limits::new(0, 1);
        assert!((0..1000).all(|_| unlimited.check("a").is_ok()));
    }

    #[test]
    fn an_address_that_guesses_is_refused_and_others_are_not() {
        let limits = Limits::new(0, 0);
        let guesses: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour = "2001:db8::2".parse().unwrap();
        for _ in 0..WRONG_BURST.get() {
            limits.check_wrong(guesses).unwrap();
            limits.note_wrong(guesses);
        }
        limits.note_wrong(guesses);
        assert!(matches!(limits.check_wrong(guesses), Err(Error::TooMany(_))));
        assert!(limits.check_wrong(neighbour).is_err(), "of the same /64");
        limits.check_wrong("2001:db8:1::1".parse().unwrap()).unwrap();
    }
}
