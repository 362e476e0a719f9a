//! `docs/reference/s3-operations.md` says what the embedded store answers to each operation of S3.

use std::process::Command;

use super::support::appliance::Appliance;
use super::support::{Need, root, skip};

/// Parts of the page: text, tables that boto3 makes, table of other clients.
fn page() -> [String; 3] {
    let page = std::fs::read_to_string(root().join("docs/reference/s3-operations.md")).unwrap();
    let tables = page.find("## Operations").unwrap();
    let clients = page.find("\n## Clients").unwrap();
    [&page[..tables], &page[tables..clients], &page[clients..]].map(str::to_owned)
}

#[test]
fn every_operation_and_parameter_is_answered_as_documented() {
    let python = root().join("target/tools/moto/bin/python3");
    if !python.is_file() {
        skip(Need::Servers, "boto3 is not installed");
        return;
    }
    // Objects of the script are no sources.
    let appliance = Appliance::builder().setting("sources.prefix", "in/").start();
    let keys = std::fs::read(appliance.data_dir().join("credentials.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_slice(&keys).unwrap();
    let output = Command::new(python)
        .arg(root().join(".ci/s3-operations"))
        .args([&appliance.s3, "uploads"])
        .env("AWS_ACCESS_KEY_ID", keys["access_key_id"].as_str().unwrap())
        .env("AWS_SECRET_ACCESS_KEY", keys["secret_access_key"].as_str().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    let [text, tables, clients] = page();
    if std::env::var_os("LADDERD_WRITE_GENERATED").is_some() {
        let page = format!("{text}{made}{clients}");
        std::fs::write(root().join("docs/reference/s3-operations.md"), page).unwrap();
        return;
    }
    let differences: Vec<_> = made.lines().zip(tables.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differences, [], "`ladderd` answers what stands first, the page says the other");
    assert_eq!(made.trim_end(), tables.trim_end());
}
