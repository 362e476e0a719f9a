//! How a bucket is set up, as far as the store tells. Jobs need none of it.

use aws_sdk_s3::types::{NotificationConfigurationFilter, ServerSideEncryption};

use super::bucket::Bucket;
use super::error::{Error, map_error};
use crate::domain::doctor::events::Target;

/// Facts of an object that the store tells besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Id of its version; `None` without versioning.
    pub version_id: Option<String>,
    /// Encryption by the store, such as `AES256` or `aws:kms`; `None` if it tells none.
    pub encryption: Option<String>,
    /// ARN of the KMS key.
    pub kms_key: Option<String>,
}

impl Bucket {
    /// Asks for the version and the encryption of an object, by HEAD alone.
    ///
    /// # Errors
    /// As [`Bucket::head`].
    pub async fn object_facts(&self, key: &str) -> Result<ObjectFacts, Error> {
        let head = self.client.head_object().bucket(&self.name).key(self.full(key)).send().await;
        let head = head.map_err(|e| map_error("head", key, &e))?;
        Ok(ObjectFacts {
            version_id: head.version_id().filter(|id| *id != "null").map(str::to_owned),
            encryption: head
                .server_side_encryption()
                .map(ServerSideEncryption::as_str)
                .map(str::to_owned),
            kms_key: head.ssekms_key_id().map(str::to_owned),
        })
    }

    /// The rule on the ownership of objects, such as `BucketOwnerEnforced`; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Denied`] without `s3:GetBucketOwnershipControls`, which no job needs.
    pub async fn ownership(&self) -> Result<Option<String>, Error> {
        let answer = self.client.get_bucket_ownership_controls().bucket(&self.name).send().await;
        let answer = answer.map_err(|e| map_error("ownership", &self.name, &e));
        let answer = answer.map(Some).or_else(Error::none_if_missing)?;
        let rules = answer.as_ref().and_then(|answer| answer.ownership_controls());
        let rule = rules.and_then(|controls| controls.rules().first());
        Ok(rule.map(|rule| rule.object_ownership().as_str().to_owned()))
    }

    /// The targets of the bucket's events.
    ///
    /// # Errors
    /// [`Error::Denied`] without `s3:GetBucketNotification`, which no job needs.
    pub async fn event_targets(&self) -> Result<Vec<Target>, Error> {
        let answer = self.client.get_bucket_notification_configuration().bucket(&self.name);
        let answer = answer.send().await.map_err(|e| map_error("notification", &self.name, &e))?;
        let queues = answer.queue_configurations().iter();
        let queues = queues.map(|one| target(one.queue_arn(), one.events(), one.filter()));
        let topics = answer.topic_configurations().iter();
        let topics = topics.map(|one| target(one.topic_arn(), one.events(), one.filter()));
        let functions = answer.lambda_function_configurations().iter();
        let functions =
            functions.map(|one| target(one.lambda_function_arn(), one.events(), one.filter()));
        let bridge = answer.event_bridge_configuration().map(|_| target("eventbridge", &[], None));
        Ok(queues.chain(topics).chain(functions).chain(bridge).collect())
    }
}

fn target(
    arn: &str,
    events: &[aws_sdk_s3::types::Event],
    filter: Option<&NotificationConfigurationFilter>,
) -> Target {
    let rules = filter.and_then(|filter| filter.key()).map_or(&[][..], |key| key.filter_rules());
    let rule = |wanted: &str| {
        let named = rules.iter().find(|rule| {
            rule.name().is_some_and(|name| name.as_str().eq_ignore_ascii_case(wanted))
        });
        named.and_then(|rule| rule.value()).unwrap_or_default().to_owned()
    };
    Target {
        arn: arn.to_owned(),
        events: events.iter().map(|event| event.as_str().to_owned()).collect(),
        prefix: rule("prefix"),
        suffix: rule("suffix"),
    }
}
