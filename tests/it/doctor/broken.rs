//! Set-ups on S3 and SQS that are broken on purpose: each has its finding, and the printed commands mend it.

use std::process::Command;

use ladderd::domain::doctor::{Examiner, Finding, Severity};

use super::{assert_all, report, worst};
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::root;
use crate::support::servers::{REGION, ServerKind, Servers};

/// Checks that the commands mend.
const MENDED: [&str; 4] = ["cors-upload", "cors-playback", "notification", "dead-letter-queue"];

/// Runs the steps that a finding prints.
async fn mend(servers: &Servers, finding: &Finding) {
    let bin = root().join("target/tools/moto/bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let aws = "aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n";
    let commands = finding.mend.as_deref().unwrap();
    assert!(commands.contains("aws "), "{finding:?}");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("set -eu\n{aws}{commands}")])
        .env("PATH", path)
        .env("AWS_ENDPOINT_URL", &servers.endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .envs([("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION)]);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_finding_and_the_printed_commands_mend_it() {
    let Some(fleet) = Fleet::with_faults(ServerKind::Moto, FaultProfile::Misconfigured).await
    else {
        return;
    };
    let servers = &fleet.servers;
    servers.notify(false).await;
    let queue = servers.queue("alone", None).await;
    let environment = servers.environment(&fleet.proxy.url, &fleet.proxy.url);
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut own = environment.clone();
    own.push(set("LADDERD__QUEUE__URL", &queue));
    // The origin of the page, before and after.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    own.push(set("LADDERD__HTTP__LISTEN", &format!("127.0.0.1:{port}")));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display().to_string();
    let found = report(&own, &["--data-dir", &folder]).await;
    assert_eq!(found.by, Examiner::Command);
    assert_all(&found, Severity::Error, &MENDED);
    assert_all(&found, Severity::Error, &["bucket-permissions", "clock"]);
    let denied = worst(&found, "bucket-permissions");
    assert!(denied.what.contains("(s3:ListBucketMultipartUploads)"), "{denied:?}");
    assert!(denied.mend.as_deref().unwrap().contains("\"s3:ListBucketMultipartUploads\""));
    assert!(worst(&found, "clock").what.contains("s behind that of the store"), "{found:?}");
    // moto answers with no body if there is no configuration.
    assert!(worst(&found, "notification").what.contains("no box has received"), "{found:?}");
    assert_all(&found, Severity::Ok, &["playback", "bucket", "queue"]);
    for id in MENDED {
        mend(servers, worst(&found, id)).await;
    }
    fleet.proxy.set_faults(FaultProfile::None);

    let appliance = fleet
        .appliance()
        .setting("queue.url", &queue)
        .setting("queue.wait_secs", 1)
        .ports(port, 0)
        .start();
    let folder = appliance.data_dir().display().to_string();
    let found = report(&environment, &["--data-dir", &folder]).await;
    assert_eq!(found.by, Examiner::Service);
    // moto refuses each preflight of an object that is not signed.
    let mended = MENDED.into_iter().filter(|id| *id != "cors-playback").collect::<Vec<_>>();
    assert_all(&found, Severity::Ok, &mended);
    assert_all(&found, Severity::Ok, &["clock", "queue", "dead-letters"]);
    // moto's answer to ListParts cannot be read by the SDK; LocalStack answers all operations.
    assert!(!found.findings.iter().any(|finding| finding.what.contains("is denied")), "{found:?}");
    for bucket in ["uploads", "public"] {
        let left = servers.keys(bucket, "").await;
        assert!(!left.iter().any(|key| key.contains("doctor-")), "{bucket}: {left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_localstack_gets_its_events() {
    let Some(fleet) = Fleet::start(ServerKind::LocalStack).await else { return };
    let versioned = fleet.servers.s3.put_bucket_versioning().bucket("uploads");
    let on = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    versioned.versioning_configuration(on).send().await.unwrap();
    let appliance = fleet.appliance().setting("queue.wait_secs", 1).start();
    let folder = appliance.data_dir().display().to_string();
    let found = report(&[], &["--data-dir", &folder]).await;
    let fine = ["bucket", "bucket-permissions", "playback", "queue"];
    assert_all(&found, Severity::Ok, &fine);
    assert_all(&found, Severity::Ok, &["notification", "dead-letter-queue", "clock"]);
    assert_all(&found, Severity::Note, &["bucket-versioning"]);
    let list = fleet.servers.s3.list_object_versions().bucket("uploads").send().await.unwrap();
    let left = list.versions().iter().filter_map(|version| version.key());
    let left: Vec<&str> = left.filter(|key| key.contains("doctor-")).collect();
    assert!(left.is_empty(), "{left:?}");
}
