//! The client of one bucket.

use aws_sdk_s3::Client;

/// Client of one bucket. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(super) client: Client,
    /// Client with the endpoint that uploaders reach: a presigned URL signs its host.
    pub(super) presigner: Client,
    pub(super) name: String,
    pub(super) conditional_writes: bool,
}

impl Bucket {
    /// A bucket that `client` reaches. URLs for uploaders are signed for the endpoint of
    /// `presigner`.
    #[must_use]
    pub fn new(client: Client, presigner: Client, name: &str) -> Self {
        Self { client, presigner, name: name.to_owned(), conditional_writes: true }
    }

    /// The same bucket on a store that ignores `If-Match` and `If-None-Match` on writes:
    /// [`Bucket::put`] then sends no precondition.
    #[must_use]
    pub fn without_conditional_writes(self) -> Self {
        Self { conditional_writes: false, ..self }
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
