//! The operations on buckets, and the IAM action that each of them needs.

use super::mend::{self, Mend};
use super::{Check, Finding, Severity};

/// The part of a bucket that an action is allowed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// The bucket itself.
    Bucket,
    /// Its objects.
    Objects,
}

/// Operations that are tried, and the IAM action of each.
const ACTIONS: &[(&str, &str, On)] = &[
    ("head-bucket", "s3:ListBucket", On::Bucket),
    ("write", "s3:PutObject", On::Objects),
    ("read", "s3:GetObject", On::Objects),
    ("head", "s3:GetObject", On::Objects),
    ("list", "s3:ListBucket", On::Bucket),
    ("list-versions", "s3:ListBucketVersions", On::Bucket),
    ("copy", "s3:PutObject", On::Objects),
    ("create-multipart", "s3:PutObject", On::Objects),
    ("upload-part", "s3:PutObject", On::Objects),
    ("list-parts", "s3:ListMultipartUploadParts", On::Objects),
    ("complete-multipart", "s3:PutObject", On::Objects),
    ("list-multipart", "s3:ListBucketMultipartUploads", On::Bucket),
    ("abort-multipart", "s3:AbortMultipartUpload", On::Objects),
    ("tag", "s3:PutObjectTagging", On::Objects),
    ("untag", "s3:DeleteObjectTagging", On::Objects),
    ("delete", "s3:DeleteObject", On::Objects),
    ("delete-many", "s3:DeleteObject", On::Objects),
    ("delete-versions", "s3:DeleteObjectVersion", On::Objects),
    ("ownership", "s3:GetBucketOwnershipControls", On::Bucket),
    ("notification", "s3:GetBucketNotification", On::Bucket),
];

/// The IAM action that an operation needs, and the resource that it is allowed on.
fn action(operation: &str, bucket: &str) -> Option<(&'static str, String)> {
    let (_, action, on) = ACTIONS.iter().find(|(name, ..)| *name == operation)?;
    let resource = match on {
        On::Bucket => format!("arn:aws:s3:::{bucket}"),
        On::Objects => format!("arn:aws:s3:::{bucket}/*"),
    };
    Some((action, resource))
}

/// The steps that allow an operation.
#[must_use]
pub fn grant(operation: &str, bucket: &str, reason: &str) -> Option<Mend> {
    if reason.contains("KMS") || reason.contains("kms:") {
        return Some(mend::allow_key(bucket));
    }
    let (action, resource) = action(operation, bucket)?;
    Some(mend::allow(action, &resource))
}

/// Answer of the store to an operation that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The operation, such as `list-parts`.
    pub operation: &'static str,
    /// How it ended.
    pub answer: Answer,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As it should.
    Done,
    /// The credentials do not allow it.
    Denied(String),
    /// The store does not know it, and ladderd does without.
    Unknown(String),
    /// It failed.
    Failed(String),
}

/// Findings on the operations on a bucket.
#[must_use]
pub fn findings(bucket: &str, tried: &[Tried]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut done = Vec::new();
    for Tried { operation, answer } in tried {
        match answer {
            Answer::Done => done.push(*operation),
            Answer::Unknown(_) => {}
            Answer::Denied(reason) => {
                let needs = action(operation, bucket).map(|(action, _)| format!(" ({action})"));
                let what = format!("{operation} is denied{}: {reason}", needs.unwrap_or_default());
                let severity = match *operation {
                    // Old versions stay then, until a lifecycle rule removes them.
                    "list-versions" | "delete-versions" => Severity::Warning,
                    _ => Severity::Error,
                };
                let finding = Finding::new(Check::Permissions, severity, what);
                found.push(finding.mend_by(grant(operation, bucket, reason)));
            }
            Answer::Failed(reason) => {
                let what = format!("{operation} fails: {reason}");
                found.push(Finding::new(Check::Permissions, Severity::Error, what).mend_by(
                    reason.contains("KMS").then(|| grant(operation, bucket, reason)).flatten(),
                ));
            }
        }
    }
    if !done.is_empty() {
        let what = format!("{} operations work: {}", done.len(), done.join(", "));
        found.insert(0, Finding::ok(Check::Permissions, what));
    }
    found.into_iter().map(|finding| finding.of(bucket)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_operation_names_its_action_and_resource() {
        let denied =
            |operation| Tried { operation, answer: Answer::Denied("AccessDenied".to_owned()) };
        let tried = [
            Tried { operation: "write", answer: Answer::Done },
            denied("list-multipart"),
            denied("abort-multipart"),
            denied("list-versions"),
            Tried { operation: "list-versions", answer: Answer::Unknown(String::new()) },
        ];
        let found = findings("up", &tried);
        let severities: Vec<Severity> = found.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Ok, Severity::Error, Severity::Error, Severity::Warning]);
        let mend = found[1].mend.as_deref().unwrap();
        assert!(mend.contains("\"s3:ListBucketMultipartUploads\""), "{mend}");
        assert!(mend.contains("\"arn:aws:s3:::up\""), "{mend}");
        let mend = found[2].mend.as_deref().unwrap();
        assert!(mend.contains("\"arn:aws:s3:::up/*\""), "{mend}");
        assert!(found[2].what.contains("(s3:AbortMultipartUpload)"), "{}", found[2].what);
    }

    #[test]
    fn rights_on_a_key_are_told_apart_from_those_on_the_bucket() {
        let reason = "AccessDenied: not authorized to perform: kms:GenerateDataKey";
        let mend = String::from(grant("write", "up", reason).unwrap());
        assert!(mend.contains("kms:Decrypt") && !mend.contains("s3:"), "{mend}");
        assert_eq!(grant("unheard-of", "up", "AccessDenied"), None);
    }
}
