//! Commands of the AWS CLI, for people who may change buckets, queues and rights.

use serde_json::{Value, json};

use super::{Mend, word};

/// Statement of a policy that allows these actions.
fn policy(actions: &Value, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": actions, "Resource": resource}]})
}

fn put_role_policy(name: &str, policy: &Value) -> String {
    format!(
        "aws iam put-role-policy --role-name \"$ROLE\" --policy-name ladderd-{name} --policy-document '{policy}'"
    )
}

/// Allows the role of ladderd an action.
#[must_use]
pub fn allow(action: &str, resource: &str) -> Mend {
    let name = action.replace(':', "-");
    Mend::command("ROLE=role-of-ladderd")
        .run(put_role_policy(&name, &policy(&json!(action), resource)))
}

/// Allows the role of ladderd the use of the key of a bucket.
#[must_use]
pub fn allow_key(bucket: &str) -> Mend {
    let actions = json!(["kms:GenerateDataKey", "kms:Decrypt"]);
    // The quotes end for the variable.
    let policy = policy(&actions, "'\"$KEY_ARN\"'");
    let policy = policy.to_string().replace("\\\"", "\"");
    Mend::command("ROLE=role-of-ladderd")
        .run(format!(
            "KEY_ARN=$(aws s3api get-bucket-encryption --bucket {bucket} --output text --query \
             'ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID')"
        ))
        .run(format!(
            "aws iam put-role-policy --role-name \"$ROLE\" --policy-name ladderd-key --policy-document '{policy}'"
        ))
}

/// Allows the role of ladderd the use of its queues.
#[must_use]
pub fn allow_queue() -> Mend {
    let actions = [
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "SendMessage",
    ]
    .map(|action| format!("sqs:{action}"));
    Mend::command("ROLE=role-of-ladderd")
        .run(put_role_policy("queues", &policy(&json!(actions), "*")))
        .note("how-to/fleet-on-aws.md has the policy for these queues alone")
}

/// Makes a bucket.
#[must_use]
pub fn create_bucket(bucket: &str) -> Mend {
    Mend::command(format!("aws s3 mb s3://{bucket}")).note("or set the names in [store]")
}

/// Lets browsers use a bucket.
#[must_use]
pub fn cors(bucket: &str, methods: &[&str], origins: &[String], exposed: &[&str]) -> Mend {
    let rule = json!({"AllowedOrigins": origins, "AllowedMethods": methods, "AllowedHeaders": ["*"],
        "ExposeHeaders": exposed});
    let rules = json!({"CORSRules": [rule]}).to_string();
    let steps = Mend::command(format!(
        "aws s3api put-bucket-cors --bucket {bucket} --cors-configuration {}",
        word(&rules)
    ));
    if methods.contains(&"PUT") {
        return steps;
    }
    steps.note("and behind a CDN: let it pass on the header Origin and the method OPTIONS")
}

/// Lets everybody read a bucket.
#[must_use]
pub fn public_reads(bucket: &str) -> Mend {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{bucket}/*")}]});
    Mend::command(format!(
        "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
         BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=false"
    ))
    .run(format!("aws s3api put-bucket-policy --bucket {bucket} --policy '{policy}'"))
    .note("or let the CDN of store.public_base_url read the bucket")
}

/// Removes old versions of objects after a week.
#[must_use]
pub fn old_versions(bucket: &str) -> Mend {
    let rules = r#"{"Rules":[{"ID":"old","Status":"Enabled","Filter":{},"NoncurrentVersionExpiration":{"NoncurrentDays":7}}]}"#;
    Mend::command(format!(
        "aws s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration '{rules}'"
    ))
}

/// Turns access control lists off.
#[must_use]
pub fn no_lists(bucket: &str) -> Mend {
    Mend::command(format!(
        "aws s3api put-bucket-ownership-controls --bucket {bucket} --ownership-controls \
         'Rules=[{{ObjectOwnership=BucketOwnerEnforced}}]'"
    ))
}

/// Sends the events of a bucket to a queue. `arn` is empty if the queue is not known.
#[must_use]
pub fn notification(bucket: &str, prefix: &str, arn: &str, may_lack_policy: bool) -> Mend {
    let mut filter = json!({});
    if !prefix.is_empty() {
        filter = json!({"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}});
    }
    let (first, arn) = match arn {
        "" => (Mend::command("QUEUE_ARN=arn-of-the-queue"), "QUEUE-ARN-HERE"),
        arn => (Mend::default(), arn),
    };
    let target = json!({"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": filter});
    let rules = word(&json!({"QueueConfigurations": [target]}).to_string())
        .replace("QUEUE-ARN-HERE", "'\"$QUEUE_ARN\"'");
    let steps = first.run(format!(
        "aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration {rules}"
    ));
    if may_lack_policy {
        let text = "the policy of the queue must let s3.amazonaws.com send: how-to/fleet-on-aws.md";
        return steps.note(text);
    }
    steps
}

/// Names the queue that takes dead letters.
#[must_use]
pub fn redrive(queue_url: &str, target_arn: &str) -> Mend {
    // The value of the attribute is text with JSON inside.
    let policy = json!({"deadLetterTargetArn": target_arn, "maxReceiveCount": 1000}).to_string();
    let attributes = json!({"RedrivePolicy": policy});
    Mend::command(format!(
        "aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}'",
        word(queue_url)
    ))
}

/// Makes the queue that takes dead letters, and names it.
#[must_use]
pub fn dead_letter_queue(name: &str, queue_url: &str, target_arn: &str) -> Mend {
    let named = redrive(queue_url, target_arn);
    Mend([vec![format!("aws sqs create-queue --queue-name {name}-dead")], named.0].concat())
}

/// Makes a queue to which S3 can send. `setting` is the one that names it.
#[must_use]
pub fn standard_queue(name: &str, setting: &str) -> Mend {
    Mend::command(format!("aws sqs create-queue --queue-name {name}"))
        .note(&format!("and set {setting} to its URL"))
}

/// Lets a queue keep its messages for so many seconds.
#[must_use]
pub fn retention(queue_url: &str, secs: u64) -> Mend {
    Mend::command(format!(
        "aws sqs set-queue-attributes --queue-url {} --attributes MessageRetentionPeriod={secs}",
        word(queue_url)
    ))
}

/// Shows the queues that there are.
#[must_use]
pub fn list_queues() -> Mend {
    Mend::command("aws sqs list-queues").note("and set the URL in [queue]")
}
