//! `ops/aws/ladderd.yaml`, made by the commands of docs/how-to/fleet-on-aws.md as they stand there.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use ladderd::domain::job::VideoId;

use super::short_clip;
use crate::support::appliance::Appliance;
use crate::support::servers::{REGION, ServerKind, Servers};
use crate::support::{Need, media, root, skip};

const TEMPLATE: &str = "ops/aws/ladderd.yaml";

/// A Python program of moto's environment, which has `aws` and `cfn-lint`, too.
fn python(script: &str) -> Command {
    let bin = root().join("target/tools/moto/bin");
    let mut command = Command::new(bin.join("python3"));
    // A path with a slash is one in the repository.
    let script = if script.contains('/') { root().join(script) } else { bin.join(script) };
    command.arg(script).current_dir(root());
    command
}

fn stdout(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// The code blocks with the label `aws`, one after the other.
fn commands() -> String {
    let page = std::fs::read_to_string(root().join("docs/how-to/fleet-on-aws.md")).unwrap();
    let blocks = page.split("```sh aws\n").skip(1).map(|block| block.split("```").next().unwrap());
    let script: String = blocks.collect();
    assert!(script.contains("aws "), "docs/how-to/fleet-on-aws.md has no commands");
    script
}

/// Runs the documented commands against the servers, in a folder with the template. Returns the settings that they
/// write.
fn make_stack(servers: &Servers) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join(TEMPLATE), folder.path().join("ladderd.yaml")).unwrap();
    let bin = root().join("target/tools/moto/bin");
    // The endpoint is named, because versions of the AWS CLI ignore AWS_ENDPOINT_URL for some services.
    let aws = format!(
        "aws() {{ '{0}/python3' '{0}/aws' --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }}\n",
        bin.display()
    );
    let script = format!("set -eu\nPREFIX=my\n{aws}{}", commands());
    let environment = [
        ("AWS_ENDPOINT_URL", servers.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
    ];
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder.path()).envs(environment);
    stdout(shell.output().unwrap());
    // moto makes the buckets of a template by their names alone.
    let mut rest = python(".ci/cfn-buckets");
    rest.args([TEMPLATE, "ladderd"]).envs(environment);
    stdout(rest.output().unwrap());
    std::fs::read_to_string(folder.path().join("ladderd.toml")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_makes_a_working_fleet() {
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    let Some(clip) = short_clip() else { return };
    let settings = make_stack(&servers);
    let own = "[http]\nlisten = \"127.0.0.1:0\"\n";
    let mut environment = servers.environment(&servers.endpoint, &servers.endpoint);
    environment.retain(|(name, _)| {
        let endpoints = ["STORE__ENDPOINT_URL", "STORE__PATH_STYLE", "QUEUE__ENDPOINT_URL"];
        name.starts_with("AWS_") || endpoints.iter().any(|end| name.ends_with(end))
    });
    let mut appliance = Appliance::builder()
        .environment(environment)
        .store_url(&servers.endpoint)
        .config(&format!("{settings}\n{own}"))
        .start();
    let appliance = tokio::task::spawn_blocking(move || {
        appliance.authorize();
        appliance
    })
    .await
    .unwrap();
    let put = servers.s3.put_object().bucket("my-uploads").key("in/Film.MOV").body(clip.into());
    put.send().await.unwrap();
    let id = VideoId::of_source("my-uploads", "in/Film.MOV").to_string();
    let video = appliance.wait_for(&id, |video| video["state"] == "ready").await;
    let url = video["playback_url"].as_str().unwrap();
    assert_eq!(url, format!("{}/my-streams/{id}/main.m3u8", servers.endpoint));
    assert_eq!(media::decode_errors(url), "");
    // The queue has dead letters, which ladderd finds by itself.
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["queue"]["dead"], 0, "{system:#}");
}

/// Text of the template without its comments.
fn template() -> String {
    let text = std::fs::read_to_string(root().join(TEMPLATE)).unwrap();
    text.lines()
        .filter(|line| !line.trim().starts_with('#'))
        .map(|line| line.to_owned() + "\n")
        .collect()
}

/// Runs the linter on a template. `None` where it is not installed.
fn lint(text: &str) -> Option<Output> {
    let mut command = python("cfn-lint");
    if !std::path::Path::new(command.get_program()).is_file() {
        skip(Need::Servers, "moto is not installed, and cfn-lint with it");
        return None;
    }
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    command.args(["--include-checks", "I", "--regions", REGION, "--template"]).arg(file.path());
    Some(command.output().unwrap())
}

#[test]
fn cfn_lint_accepts_the_template() {
    let text = std::fs::read_to_string(root().join(TEMPLATE)).unwrap();
    let Some(output) = lint(&text) else { return };
    assert_eq!(stdout(output).trim(), "");
    let planted = text.replace("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 9");
    let found = lint(&planted).unwrap();
    assert!(!found.status.success(), "cfn-lint finds nothing at all");
}

/// Methods of the SDK, and the actions of IAM that allow what ladderd does with them. Deletes name versions.
const ACTIONS: &[(&str, &[&str])] = &[
    ("abort_multipart_upload", &["s3:AbortMultipartUpload"]),
    ("change_message_visibility", &["sqs:ChangeMessageVisibility"]),
    ("change_message_visibility_batch", &["sqs:ChangeMessageVisibility"]),
    ("complete_multipart_upload", &["s3:PutObject"]),
    ("copy_object", &["s3:GetObject", "s3:PutObject"]),
    ("create_multipart_upload", &["s3:PutObject"]),
    ("delete_message", &["sqs:DeleteMessage"]),
    ("delete_object", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("delete_object_tagging", &["s3:DeleteObjectTagging"]),
    ("delete_objects", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("get_bucket_notification_configuration", &["s3:GetBucketNotification"]),
    ("get_bucket_ownership_controls", &["s3:GetBucketOwnershipControls"]),
    ("get_object", &["s3:GetObject"]),
    ("get_queue_attributes", &["sqs:GetQueueAttributes"]),
    ("get_queue_url", &["sqs:GetQueueUrl"]),
    ("head_bucket", &["s3:ListBucket"]),
    ("head_object", &["s3:GetObject"]),
    ("list_multipart_uploads", &["s3:ListBucketMultipartUploads"]),
    ("list_object_versions", &["s3:ListBucketVersions"]),
    ("list_objects_v2", &["s3:ListBucket"]),
    ("list_parts", &["s3:ListMultipartUploadParts"]),
    ("put_object", &["s3:PutObject"]),
    ("put_object_tagging", &["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]),
    ("receive_message", &["sqs:ReceiveMessage"]),
    ("send_message", &["sqs:SendMessage"]),
    ("upload_part", &["s3:PutObject"]),
    ("upload_part_copy", &["s3:GetObject", "s3:PutObject"]),
];

/// Methods of the clients of S3 and SQS that the code calls.
fn called() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("src/store"), root().join("src/queue")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text: String =
                std::fs::read_to_string(entry.path()).unwrap().split_whitespace().collect();
            for receiver in ["client.", "client().", "presigner."] {
                let calls = text.split(receiver).skip(1).filter_map(|rest| rest.split_once("()"));
                let names = calls.map(|(name, _)| name).filter(|name| {
                    name.contains('_')
                        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'2')
                });
                found.extend(names.map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn the_policy_of_a_box_has_the_actions_that_ladderd_calls_and_no_others() {
    let template = template();
    let policy = template.split("BoxPolicy:").nth(1).unwrap().split("BoxRole:").next().unwrap();
    let allowed: BTreeSet<&str> = policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter(|action| action.starts_with("s3:") || action.starts_with("sqs:"))
        .collect();
    let called = called();
    assert!(called.len() > 15, "{called:?}");
    let mut needed = BTreeSet::new();
    for method in &called {
        let actions = ACTIONS.iter().find(|(known, _)| known == method);
        needed.extend(actions.unwrap_or_else(|| panic!("ACTIONS lacks {method}")).1);
    }
    assert_eq!(allowed, needed);
}
