//! Presigned URLs, by which a client without credentials reads one object.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use jiff::{SignedDuration, Timestamp};

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::sigv4::Signer;

/// Fault of credentials that end before the URLs that they sign, and its remedy.
pub const SHORT_CREDENTIALS: &str = "the AWS credentials are temporary and end before the URLs of a private \
     stream, whose players load them once: give the daemon the access key of an IAM user, which does not expire \
     (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";

/// URLs that were signed, or why they would not work to their end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum SignedLinks {
    /// The URLs, in the order of their keys.
    Valid(Vec<String>),
    /// The credentials of the signature end before the URLs.
    ShortCredentials,
}

impl Bucket {
    /// Signs GETs of the objects with these keys. The same arguments give the same URLs as long as the credentials
    /// are the same.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the SDK refuses to sign, [`Error::Unavailable`] without credentials.
    pub async fn presign_gets(
        &self,
        keys: &[String],
        signed_at: Timestamp,
        valid_for: Duration,
    ) -> Result<SignedLinks, Error> {
        let (mut links, mut signer) = (Vec::with_capacity(keys.len()), None::<Signer>);
        for key in keys {
            let key = self.full(key);
            let fast = signer.as_ref().and_then(|signer| signer.sign(&key));
            let link = if let Some(link) = fast {
                link
            } else {
                let link = self.presign_by_sdk(&key, signed_at, valid_for).await?;
                let secret = self.credentials.secret();
                signer = secret.and_then(|secret| Signer::like(&link, &key, &secret));
                link
            };
            links.push(link);
        }
        let lasts = SignedDuration::try_from(valid_for).unwrap_or(SignedDuration::MAX);
        let end = signed_at.checked_add(lasts).unwrap_or(Timestamp::MAX);
        if self.credentials.limit(signed_at, valid_for) < end {
            return Ok(SignedLinks::ShortCredentials);
        }
        Ok(SignedLinks::Valid(links))
    }

    /// Signs a GET of this key of the whole bucket.
    async fn presign_by_sdk(
        &self,
        key: &str,
        signed_at: Timestamp,
        valid_for: Duration,
    ) -> Result<String, Error> {
        let rejected = |reason: String| Error::Rejected {
            operation: "presign-get",
            key: key.to_owned(),
            reason,
        };
        let start = SystemTime::try_from(signed_at).map_err(|error| rejected(error.to_string()))?;
        let presigning =
            PresigningConfig::builder().start_time(start).expires_in(valid_for).build();
        let presigning = presigning.map_err(|error| rejected(error.to_string()))?;
        let get = self.presigner.get_object().bucket(&self.name).key(key);
        let signed = get.presigned(presigning).await;
        let signed = signed.map_err(|e| map_error("presign-get", key, &e))?;
        Ok(signed.uri().to_owned())
    }

    /// Whether the credentials that sign URLs are temporary. Known once a URL was signed.
    #[must_use]
    pub fn has_temporary_credentials(&self) -> bool {
        self.credentials.end().is_some()
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

    use super::*;
    use crate::store::ExpiringCredentials;

    /// A bucket at this endpoint, whose client signs with these credentials.
    fn bucket(endpoint: Option<&str>, session: Option<&str>) -> Bucket {
        let keys = Credentials::new("id/+", "secret", session.map(str::to_owned), None, "test");
        let credentials = ExpiringCredentials::new(SharedCredentialsProvider::new(keys));
        let latest = credentials.latest();
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(credentials)
            .force_path_style(endpoint.is_some());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let client = aws_sdk_s3::Client::from_conf(config.build());
        Bucket::new(&client, client.clone(), "uploads").with_credentials(latest)
    }

    async fn sign(bucket: &Bucket, keys: &[&str], at: i64, secs: u64) -> Vec<String> {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let at = Timestamp::from_second(at).unwrap();
        match bucket.presign_gets(&keys, at, Duration::from_secs(secs)).await.unwrap() {
            SignedLinks::Valid(urls) => urls,
            SignedLinks::ShortCredentials => panic!("the credentials do not end"),
        }
    }

    #[tokio::test]
    async fn all_urls_are_those_of_the_sdk() {
        let keys = ["k/a_0.ts", "k/b-1.m4s", "k/\u{e4} b+c.ts", "k/c~.vtt", "k/a_0.ts"];
        for (endpoint, session) in [
            (Some("http://127.0.0.1:9000"), None),
            (Some("https://minio.example.com/base"), None),
            (None, None),
            (None, Some("a session/token+=")),
        ] {
            let bucket = bucket(endpoint, session).below("streams/");
            let urls = sign(&bucket, &keys, 1_700_000_000, 60).await;
            for (key, url) in keys.iter().zip(&urls) {
                let alone = sign(&bucket, &[key], 1_700_000_000, 60).await;
                assert_eq!(*url, alone[0], "{key}");
            }
            // The fast way is taken.
            let secret = bucket.credentials.secret().unwrap();
            let signer = Signer::like(&urls[0], "streams/k/a_0.ts", &secret).unwrap();
            assert_eq!(signer.sign("streams/k/b-1.m4s").as_ref(), Some(&urls[1]));
            assert_eq!(signer.sign("streams/k/\u{e4}"), None);
            assert!(Signer::like(&urls[0], "streams/k/a_0.ts", "another secret").is_none());
        }
    }

    #[tokio::test]
    async fn the_same_arguments_give_the_same_url() {
        let bucket = bucket(Some("http://127.0.0.1:9"), None).below("streams/");
        let one =
            async |key: &str, at: i64, secs: u64| sign(&bucket, &[key], at, secs).await.remove(0);
        let url = one("k/seg.ts", 1_700_000_000, 60).await;
        assert!(url.starts_with("http://127.0.0.1:9/uploads/streams/k/seg.ts?"), "{url}");
        assert!(
            url.contains("X-Amz-Date=20231114T221320Z") && url.contains("X-Amz-Expires=60"),
            "{url}"
        );
        assert_eq!(one("k/seg.ts", 1_700_000_000, 60).await, url);
        for other in [
            one("k/seg2.ts", 1_700_000_000, 60).await,
            one("k/seg.ts", 1_700_000_001, 60).await,
            one("k/seg.ts", 1_700_000_000, 61).await,
        ] {
            assert_ne!(other, url);
        }
        let week = Duration::from_secs(7 * 86_400 + 1);
        let at = Timestamp::from_second(0).unwrap();
        let refused = bucket.presign_gets(&["k".to_owned()], at, week).await;
        assert!(matches!(refused, Err(Error::Rejected { .. })));
    }

    #[test]
    fn a_part_of_a_bucket_hides_its_prefix() {
        let whole = bucket(None, None);
        let part = whole.below("streams/");
        assert_eq!(
            (part.full("a/b"), part.short("streams/a/b")),
            ("streams/a/b".into(), "a/b".into())
        );
        assert_eq!(part.below("c/").full("a"), "streams/c/a");
        assert_eq!((whole.full("a"), whole.short("a")), ("a".into(), "a".into()));
    }
}
