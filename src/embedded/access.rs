//! Who may do what: the owner of the keys everything, everybody else read public objects.

use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

/// The rule.
pub(super) struct Access {
    pub(super) public_bucket: String,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() {
            return Ok(());
        }
        let reads = matches!(context.s3_op().name(), "GetObject" | "HeadObject");
        let is_public = match context.s3_path() {
            S3Path::Object { bucket, .. } => **bucket == *self.public_bucket,
            S3Path::Root | S3Path::Bucket { .. } => false,
        };
        if reads && is_public { Ok(()) } else { Err(s3_error!(AccessDenied, "Access Denied")) }
    }
}
