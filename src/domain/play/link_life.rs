//! How long the presigned URLs in a playlist live.
//!
//! A player loads a VOD playlist once, so its URLs must live as long as somebody watches. A reload must repeat
//! the same bytes, and an event playlist must not change its old lines, so the URLs are signed with a time that
//! follows from the token: its `iat`, moved on by whole periods. A period is half of the 7 days that S3 allows,
//! so that a URL lives for 3.5 days from any moment, unless its token ends before. Tokens of 7 days or less
//! have one period only.

use super::claims::Claims;

/// Longest validity of a presigned URL in seconds, by the S3 API reference.
const LONGEST_SECS: i64 = 7 * 86_400;
/// Period after which the signing time moves on, in seconds.
const PERIOD_SECS: i64 = LONGEST_SECS / 2;

/// When the URLs of a playlist are signed, and how long they are valid from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLife {
    /// Time of the signature, in seconds since 1970.
    pub signed_at: i64,
    /// Validity in seconds, at least 1.
    pub valid_secs: u64,
    /// Number of the period of a token that has several.
    pub period: Option<u32>,
}

impl LinkLife {
    /// The life of URLs by a valid token, for a request at `now`. `pinned` is the period in which a player
    /// began to follow an event playlist, which goes on with it as long as its URLs live.
    #[must_use]
    pub fn of(claims: &Claims, now: i64, pinned: Option<u32>) -> Self {
        let whole = claims.exp.saturating_sub(claims.iat);
        let current =
            u32::try_from(now.saturating_sub(claims.iat).max(0) / PERIOD_SECS).unwrap_or(u32::MAX);
        let start = |period: u32| claims.iat.saturating_add(i64::from(period) * PERIOD_SECS);
        let is_alive = |period: &u32| *period <= current && start(*period) + LONGEST_SECS > now;
        let period =
            if whole <= LONGEST_SECS { 0 } else { pinned.filter(is_alive).unwrap_or(current) };
        let signed_at = start(period);
        let valid_secs = claims.exp.saturating_sub(signed_at).clamp(1, LONGEST_SECS);
        Self {
            signed_at,
            valid_secs: valid_secs.unsigned_abs(),
            period: (whole > LONGEST_SECS).then_some(period),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    fn claims(iat: i64, exp: i64) -> Claims {
        Claims { sub: String::new(), exp, iat, viewer: None }
    }

    #[test]
    fn the_signing_time_follows_from_the_token_alone_within_a_period() {
        let short = claims(1000, 1000 + 7 * DAY);
        for now in [990, 1000, 1001, 1000 + 7 * DAY - 1] {
            let life = LinkLife { signed_at: 1000, valid_secs: 604_800, period: None };
            assert_eq!(LinkLife::of(&short, now, Some(1)), life, "{now}");
        }
        let long = claims(0, 30 * DAY);
        let table = [
            (0, None, 0, 0),
            (DAY * 3, None, 0, 0),
            (DAY * 4, None, 1, 302_400),
            (DAY * 4, Some(0), 0, 0),
            // Its URLs are dead.
            (DAY * 7, Some(0), 2, 604_800),
            // Nobody chooses the future.
            (DAY, Some(7), 0, 0),
        ];
        for (now, pinned, period, signed_at) in table {
            let life = LinkLife { signed_at, valid_secs: 604_800, period: Some(period) };
            assert_eq!(LinkLife::of(&long, now, pinned), life, "{now} {pinned:?}");
        }
        let end = LinkLife::of(&long, 30 * DAY - 1, None);
        assert_eq!((end.signed_at, end.valid_secs), (8 * PERIOD_SECS, 172_800));
    }

    proptest! {
        #[test]
        fn urls_live_for_half_a_week_or_to_the_end_of_the_token(
            iat in 0_i64..2_000_000_000,
            whole in 1_i64..400 * DAY,
            share in 0.0_f64..1.0,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test value")]
            let now = iat + (whole as f64 * share) as i64;
            let claims = claims(iat, iat + whole);
            let life = LinkLife::of(&claims, now, None);
            let end = life.signed_at + i64::try_from(life.valid_secs).unwrap();
            prop_assert!(life.signed_at <= now && life.valid_secs <= 604_800);
            prop_assert!(end <= claims.exp && end >= claims.exp.min(now + PERIOD_SECS), "{:?}", life);
        }
    }
}
