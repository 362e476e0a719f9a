//! Presigned URLs, by which a client without credentials reads one object.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use jiff::{SignedDuration, Timestamp};

use super::bucket::Bucket;
use super::error::{Error, map_error};

/// Fault of credentials that end before the URLs that they sign, and its remedy.
pub const SHORT_CREDENTIALS: &str = "the AWS credentials are temporary and end before the URLs of a private \
     stream, whose players load them once: give the daemon the access key of an IAM user, which does not expire \
     (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";

/// A URL that was signed, or why it would not work to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum SignedLink {
    /// The URL.
    Valid(String),
    /// The credentials of the signature end before the URL.
    ShortCredentials,
}

impl Bucket {
    /// Signs a GET of the object with this key. The same arguments give the same URL as long as the credentials
    /// are the same.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the SDK refuses to sign, [`Error::Unavailable`] without credentials.
    pub async fn presign_get(
        &self,
        key: &str,
        signed_at: Timestamp,
        valid_for: Duration,
    ) -> Result<SignedLink, Error> {
        let rejected = |reason: String| Error::Rejected {
            operation: "presign-get",
            key: key.to_owned(),
            reason,
        };
        let start = SystemTime::try_from(signed_at).map_err(|error| rejected(error.to_string()))?;
        let presigning =
            PresigningConfig::builder().start_time(start).expires_in(valid_for).build();
        let presigning = presigning.map_err(|error| rejected(error.to_string()))?;
        let get = self.presigner.get_object().bucket(&self.name).key(self.full(key));
        let signed = get.presigned(presigning).await;
        let signed = signed.map_err(|e| map_error("presign-get", key, &e))?;
        let lasts = SignedDuration::try_from(valid_for).unwrap_or(SignedDuration::MAX);
        let end = signed_at.checked_add(lasts).unwrap_or(Timestamp::MAX);
        if self.expiry.limit(signed_at, valid_for) < end {
            return Ok(SignedLink::ShortCredentials);
        }
        Ok(SignedLink::Valid(signed.uri().to_owned()))
    }

    /// Whether the credentials that sign URLs are temporary. Known once a URL was signed.
    #[must_use]
    pub fn has_temporary_credentials(&self) -> bool {
        self.expiry.is_known()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

    use super::*;

    fn bucket() -> Bucket {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url("http://127.0.0.1:9")
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .force_path_style(true)
            .build();
        let client = aws_sdk_s3::Client::from_conf(config);
        Bucket::new(&client, client.clone(), "uploads")
    }

    #[tokio::test]
    async fn the_same_arguments_give_the_same_url() {
        let bucket = bucket().below("streams/");
        let sign = async |key: &str, at: i64, secs: u64| {
            let at = Timestamp::from_second(at).unwrap();
            match bucket.presign_get(key, at, Duration::from_secs(secs)).await.unwrap() {
                SignedLink::Valid(url) => url,
                SignedLink::ShortCredentials => panic!("the credentials do not end"),
            }
        };
        let url = sign("k/seg.ts", 1_700_000_000, 60).await;
        assert!(url.starts_with("http://127.0.0.1:9/uploads/streams/k/seg.ts?"), "{url}");
        assert!(
            url.contains("X-Amz-Date=20231114T221320Z") && url.contains("X-Amz-Expires=60"),
            "{url}"
        );
        assert_eq!(sign("k/seg.ts", 1_700_000_000, 60).await, url);
        for other in [
            sign("k/seg2.ts", 1_700_000_000, 60).await,
            sign("k/seg.ts", 1_700_000_001, 60).await,
            sign("k/seg.ts", 1_700_000_000, 61).await,
        ] {
            assert_ne!(other, url);
        }
        let week = Duration::from_secs(7 * 86_400 + 1);
        let at = Timestamp::from_second(0).unwrap();
        assert!(matches!(bucket.presign_get("k", at, week).await, Err(Error::Rejected { .. })));
    }

    #[test]
    fn a_part_of_a_bucket_hides_its_prefix() {
        let part = bucket().below("streams/");
        assert_eq!(
            (part.full("a/b"), part.short("streams/a/b")),
            ("streams/a/b".into(), "a/b".into())
        );
        assert_eq!(part.below("c/").full("a"), "streams/c/a");
        assert_eq!((bucket().full("a"), bucket().short("a")), ("a".into(), "a".into()));
    }
}
