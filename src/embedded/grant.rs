//! Rights of the holder of an access key, and the rights that each operation needs.

use serde::Serialize;

use crate::domain::record::{INTERNAL_PREFIXES, is_internal_key};

/// The objects of a bucket whose keys begin with a prefix, for reading or writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Name of the bucket.
    pub bucket: String,
    /// Begin of the keys.
    pub prefix: String,
    /// Whether objects may be read and listed.
    pub reads: bool,
    /// Whether objects may be written, replaced and deleted.
    pub writes: bool,
}

/// A right that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// The bucket has to be the one of the grant.
    Bucket,
    /// The object is read.
    Read,
    /// The object is written or deleted.
    Write,
    /// Keys are listed. The prefix of the listing is checked with the input.
    List,
    /// Uploads are listed. The prefix of the listing is checked with the input.
    ListUploads,
    /// The object is written. The source is checked with the input.
    Copy,
    /// Objects are deleted. Each key is checked with the input.
    Batch,
    /// Only the holder of the root key may do it.
    Root,
}

/// The operations, each with its needs. An operation without a row is refused.
const RULES: &[(&str, Needs)] = &[
    ("ListBuckets", Needs::Root),
    ("HeadBucket", Needs::Bucket),
    ("GetBucketLocation", Needs::Bucket),
    ("ListObjects", Needs::List),
    ("ListObjectsV2", Needs::List),
    ("GetObject", Needs::Read),
    ("HeadObject", Needs::Read),
    ("PutObject", Needs::Write),
    ("CopyObject", Needs::Copy),
    ("DeleteObject", Needs::Write),
    ("DeleteObjects", Needs::Batch),
    ("CreateMultipartUpload", Needs::Write),
    ("UploadPart", Needs::Write),
    ("CompleteMultipartUpload", Needs::Write),
    ("AbortMultipartUpload", Needs::Write),
    ("ListParts", Needs::Write),
    ("ListMultipartUploads", Needs::ListUploads),
];

/// The needs of an operation; only the holder of the root key may do one that is not known.
pub(super) fn needs(operation: &str) -> Needs {
    let rule = RULES.iter().find(|(name, _)| *name == operation);
    rule.map_or(Needs::Root, |(_, needs)| *needs)
}

impl Grant {
    /// Whether the holder may do what `needs` says with this bucket, and with this key if the operation has one.
    /// Copies, batches and listings need a look at their input, too.
    pub(super) fn allows(&self, needs: Needs, bucket: &str, key: Option<&str>) -> bool {
        let is_covered = || key.is_some_and(|key| self.covers(bucket, key));
        let is_bucket = bucket == self.bucket && key.is_none();
        match needs {
            Needs::Bucket => is_bucket,
            Needs::Read => self.reads && is_covered(),
            Needs::Write | Needs::Copy => self.writes && is_covered(),
            Needs::List => self.reads && is_bucket,
            Needs::ListUploads | Needs::Batch => self.writes && is_bucket,
            Needs::Root => false,
        }
    }

    /// Whether the holder may use this key.
    pub(super) fn covers(&self, bucket: &str, key: &str) -> bool {
        bucket == self.bucket && key.starts_with(&self.prefix) && !is_internal_key(key)
    }

    /// Faults of a grant that is to be made; empty if there is none. `buckets` are those of the store.
    #[must_use]
    pub fn faults(&self, buckets: [&str; 2]) -> Vec<String> {
        let mut faults = Vec::new();
        if !buckets.contains(&self.bucket.as_str()) {
            faults.push(format!("--bucket {}: allowed: {}", self.bucket, buckets.join(", ")));
        }
        let internal = INTERNAL_PREFIXES;
        let prefix = self.prefix.as_str();
        if internal.iter().any(|own| own.starts_with(prefix) || prefix.starts_with(own)) {
            faults.push(format!(
                "--prefix {prefix:?}: allowed: the begin of keys, such as team-a/, that is not that of {}",
                internal.join(", ")
            ));
        }
        // Folders of streams have the names of videos, 20 hex digits.
        let begins_id = prefix.split('/').next().unwrap_or_default();
        let is_id = begins_id.len() <= 20 && begins_id.bytes().all(|b| b.is_ascii_hexdigit());
        if self.bucket == buckets[1] && is_id {
            faults.push(format!(
                "--prefix {prefix:?}: allowed: one that no video's folder begins with"
            ));
        }
        if !self.reads && !self.writes {
            faults.push("set --read, --write or both".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters;
    use super::*;

    fn grant(reads: bool, writes: bool) -> Grant {
        Grant { bucket: "b".to_owned(), prefix: "team-a/".to_owned(), reads, writes }
    }

    #[test]
    fn every_operation_has_a_rule_and_unknown_ones_are_refused() {
        let ruled: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
        assert_eq!(ruled, parameters::operations().collect::<Vec<_>>());
        assert_eq!(needs("PutBucketPolicy"), Needs::Root);
        assert!(!grant(true, true).allows(Needs::Root, "b", Some("team-a/x")));
    }

    #[test]
    fn rights_end_at_the_bucket_the_prefix_and_the_kind() {
        let (inside, outside) = (Some("team-a/x"), Some("team-ab/x"));
        let places = [("b", inside), ("b", outside), ("c", inside), ("b", None), ("c", None)];
        let table = [
            (Needs::Bucket, true, false, [0, 0, 0, 1, 0]),
            (Needs::Bucket, false, true, [0, 0, 0, 1, 0]),
            (Needs::Read, true, false, [1, 0, 0, 0, 0]),
            (Needs::Read, false, true, [0, 0, 0, 0, 0]),
            (Needs::Write, true, false, [0, 0, 0, 0, 0]),
            (Needs::Write, false, true, [1, 0, 0, 0, 0]),
            (Needs::Copy, true, false, [0, 0, 0, 0, 0]),
            (Needs::Copy, false, true, [1, 0, 0, 0, 0]),
            (Needs::List, true, false, [0, 0, 0, 1, 0]),
            (Needs::List, false, true, [0, 0, 0, 0, 0]),
            (Needs::ListUploads, true, false, [0, 0, 0, 0, 0]),
            (Needs::ListUploads, false, true, [0, 0, 0, 1, 0]),
            (Needs::Batch, true, false, [0, 0, 0, 0, 0]),
            (Needs::Batch, false, true, [0, 0, 0, 1, 0]),
        ];
        for (needs, reads, writes, expected) in table {
            let found = places
                .map(|(bucket, key)| u8::from(grant(reads, writes).allows(needs, bucket, key)));
            assert_eq!(found, expected, "{needs:?} {reads} {writes}");
        }
    }

    #[test]
    fn a_grant_is_for_a_part_of_a_bucket_without_our_own_objects() {
        let faults = |bucket: &str, prefix: &str, reads| {
            let prefix = prefix.to_owned();
            let grant = Grant { bucket: bucket.to_owned(), prefix, reads, writes: false };
            grant.faults(["uploads", "public"]).len()
        };
        let table = [
            ("uploads", "team-a/", true, 0),
            ("public", "x", true, 0),
            ("public", "0", true, 1),
            ("public", "0123456789abcdef0123/", true, 1),
            ("public", "team-a/", true, 0),
            ("other", "x", true, 1),
            ("uploads", "", true, 1),
            ("uploads", "re", true, 1),
            ("uploads", "records/", true, 1),
            ("uploads", "auth/", true, 1),
            ("uploads", "au", true, 1),
            ("uploads", "claims/x", true, 1),
            ("uploads", "tombstones", true, 1),
            ("other", "", false, 3),
        ];
        for (bucket, prefix, reads, expected) in table {
            assert_eq!(faults(bucket, prefix, reads), expected, "{bucket} {prefix:?} {reads}");
        }
    }
}
