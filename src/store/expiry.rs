//! Until when a presigned URL works: the end of its validity, or of the credentials that signed it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// Credentials that may be temporary, as those of an instance or a role are: signatures made with them are
/// void when they expire, however long a URL says that it is valid. Clones share what they have given out.
#[derive(Clone, Debug)]
pub struct ExpiringCredentials {
    provider: SharedCredentialsProvider,
    latest: LatestCredentials,
}

/// The credentials that were given out last. `Debug` hides them.
#[derive(Clone, Default)]
pub struct LatestCredentials(Arc<Mutex<Option<Credentials>>>);

impl std::fmt::Debug for LatestCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LatestCredentials").field(&self.end()).finish()
    }
}

impl ExpiringCredentials {
    /// The credentials of this provider.
    #[must_use]
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, latest: LatestCredentials::default() }
    }

    /// Those that were given out last.
    #[must_use]
    pub fn latest(&self) -> LatestCredentials {
        self.latest.clone()
    }
}

impl ProvideCredentials for ExpiringCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.provider.provide_credentials().await?;
            *self.latest.0.lock() = Some(credentials.clone());
            Ok(credentials)
        })
    }
}

impl LatestCredentials {
    /// When the credentials expire. `None` if they do not, or none were given out.
    pub(super) fn end(&self) -> Option<SystemTime> {
        self.0.lock().as_ref().and_then(Credentials::expiry)
    }

    /// The secret of the credentials that were given out last.
    pub(super) fn secret(&self) -> Option<String> {
        self.0.lock().as_ref().map(|credentials| credentials.secret_access_key().to_owned())
    }

    /// End of the validity of a URL that is valid for `valid_for` from `now`.
    pub(super) fn limit(&self, now: Timestamp, valid_for: Duration) -> Timestamp {
        let valid_for = SignedDuration::try_from(valid_for).unwrap_or(SignedDuration::MAX);
        let end = now.checked_add(valid_for).unwrap_or(Timestamp::MAX);
        let expiry = self.end().and_then(|expiry| Timestamp::try_from(expiry).ok());
        expiry.map_or(end, |expiry| expiry.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_ends_with_the_credentials_that_signed_it() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let hour = Duration::from_hours(1);
        let end = async |lives_for: Option<Duration>| {
            let expiry = lives_for.map(|lives_for| SystemTime::try_from(now).unwrap() + lives_for);
            let keys = Credentials::new("id", "secret", None, expiry, "test");
            let credentials = ExpiringCredentials::new(SharedCredentialsProvider::new(keys));
            credentials.provide_credentials().await.unwrap();
            credentials.latest().limit(now, hour).to_string()
        };
        assert_eq!(end(None).await, "2026-01-01T01:00:00Z");
        assert_eq!(end(Some(hour * 6)).await, "2026-01-01T01:00:00Z");
        assert_eq!(end(Some(hour / 2)).await, "2026-01-01T00:30:00Z");
    }
}
