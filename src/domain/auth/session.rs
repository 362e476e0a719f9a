//! Sessions of the page: when they end, and when their cookie is written anew. Times are seconds since 1970.

/// Share of the idle time after which the cookie is written anew.
const RENEWALS: i64 = 10;

/// Longest times of a session, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// Without a request (`auth.session_idle_secs`).
    pub idle: i64,
    /// Since the sign-in (`auth.session_max_secs`).
    pub max: i64,
}

/// End of a session that began then and had a request now, of a token that ends at `token_ends`, if it does.
#[must_use]
pub fn end(now: i64, began: i64, lengths: Lengths, token_ends: Option<i64>) -> i64 {
    let end = now.saturating_add(lengths.idle).min(began.saturating_add(lengths.max));
    token_ends.map_or(end, |token_ends| end.min(token_ends))
}

/// Whether a cookie that was written then is old enough to be written anew: not at each request.
#[must_use]
pub fn is_due(now: i64, written: i64, lengths: Lengths) -> bool {
    now - written >= (lengths.idle / RENEWALS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_idle_old_or_with_its_token() {
        let lengths = Lengths { idle: 100, max: 1000 };
        // Now, began, end of the token, end of the session.
        let table = [
            (0, 0, None, 100),
            (500, 0, None, 600),
            (950, 0, None, 1000),
            (2000, 1500, None, 2100),
            (0, 0, Some(50), 50),
            (500, 0, Some(5000), 600),
        ];
        for (now, began, token_ends, expected) in table {
            assert_eq!(
                end(now, began, lengths, token_ends),
                expected,
                "{now} {began} {token_ends:?}"
            );
        }
    }

    #[test]
    fn a_cookie_is_written_anew_now_and_then() {
        let lengths = Lengths { idle: 100, max: 1000 };
        let due = [0, 9, 10, 50].map(|now| is_due(now, 0, lengths));
        assert_eq!(due, [false, false, true, true]);
        assert!(!is_due(0, 0, Lengths { idle: 5, max: 5 }));
    }
}
