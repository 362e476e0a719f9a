//! The client of one bucket.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_sdk_s3::Client;

use super::clock::StoreClock;
use super::expiry::LatestCredentials;

/// Client of one bucket. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(super) client: Client,
    /// Client with the endpoint that uploaders reach: a presigned URL signs its host.
    pub(super) presigner: Client,
    pub(super) name: String,
    /// Begin of all keys of this client; callers do not see it.
    prefix: String,
    pub(super) conditional_writes: bool,
    pub(super) conditional_deletes: bool,
    /// Whether the store has answered that it has no listing of versions. It is asked once.
    pub(super) lists_no_versions: Arc<AtomicBool>,
    clock: StoreClock,
    /// The credentials of the presigner.
    pub(super) credentials: LatestCredentials,
}

impl Bucket {
    /// A bucket that `client` reaches. URLs for uploaders are signed for the endpoint of
    /// `presigner`.
    #[must_use]
    pub fn new(client: &Client, presigner: Client, name: &str) -> Self {
        let clock = StoreClock::default();
        let config = client.config().to_builder().interceptor(clock.clone()).build();
        Self {
            client: Client::from_conf(config),
            presigner,
            name: name.to_owned(),
            prefix: String::new(),
            conditional_writes: true,
            conditional_deletes: true,
            lists_no_versions: Arc::default(),
            clock,
            credentials: LatestCredentials::default(),
        }
    }

    /// The part of the bucket whose keys begin with `prefix`. Keys of the part are without it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        Self { prefix: self.full(prefix), ..self.clone() }
    }

    /// Another bucket of the same store.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self { name: name.to_owned(), prefix: String::new(), ..self.clone() }
    }

    /// The key within the whole bucket.
    pub(super) fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The key without the prefix of this part.
    pub(super) fn short(&self, full: &str) -> String {
        full.strip_prefix(&self.prefix).unwrap_or(full).to_owned()
    }

    /// The clock of the store, as its latest answer showed it.
    #[must_use]
    pub fn clock(&self) -> &StoreClock {
        &self.clock
    }

    /// The same bucket on a store that ignores `If-Match` and `If-None-Match` on writes:
    /// [`Bucket::put`] then sends no precondition.
    #[must_use]
    pub fn without_conditional_writes(self) -> Self {
        Self { conditional_writes: false, ..self }
    }

    /// The same bucket, whose presigner has these credentials.
    #[must_use]
    pub fn with_credentials(self, credentials: LatestCredentials) -> Self {
        Self { credentials, ..self }
    }

    /// The same bucket on a store that ignores or refuses `If-Match` on deletes:
    /// [`Bucket::delete_version`] then looks before it deletes.
    #[must_use]
    pub fn without_conditional_deletes(self) -> Self {
        Self { conditional_deletes: false, ..self }
    }

    /// Whether the store obeys `If-Match` on deletes.
    #[must_use]
    pub fn has_conditional_deletes(&self) -> bool {
        self.conditional_deletes
    }

    /// Whether the store obeys `If-Match` and `If-None-Match` on writes.
    #[must_use]
    pub fn has_conditional_writes(&self) -> bool {
        self.conditional_writes
    }

    /// Name of the bucket, without its endpoint.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
