//! Tokens: their life, what is kept of them, and the command line.

use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Client;
use crate::support::appliance::Appliance;
use crate::support::program;

/// Runs `ladderd token` on the data of an appliance. Returns standard output.
fn token_command(appliance: &Appliance, arguments: &[&str]) -> (bool, String) {
    let mut command: Command = program();
    command.arg("token").args(arguments).arg("--data-dir").arg(appliance.data_dir());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_command_line_works_at_once_and_ends_at_once() {
    let mut appliance = Appliance::start();
    let arguments = ["create", "--name", "ci", "--scope", "upload,read", "--expires", "90d"];
    let (is_made, token) = token_command(&appliance, &arguments);
    assert!(is_made && token.starts_with("ldr_") && token.len() == 68, "{token}");
    let client = Client::bearer(&appliance, &token);
    assert_eq!(client.ask("GET", "/v1/videos", None).await.0, 200);
    assert_eq!(client.ask("GET", "/metrics", None).await.0, 403);
    let (_, listed) = token_command(&appliance, &["list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let listed = listed.as_array().unwrap().iter().find(|listed| listed["name"] == "ci").unwrap();
    assert_eq!(listed["scopes"], json!(["upload", "read"]));
    assert!(listed["expires_at"].is_string(), "{listed:#}");
    let id = listed["id"].as_str().unwrap().to_owned();
    // Nothing keeps its text.
    let keys = appliance.keys("uploads", "auth/").await;
    for key in &keys {
        let object = appliance.s3_client().get_object().bucket("uploads").key(key).send().await;
        let bytes = object.unwrap().body.collect().await.unwrap().into_bytes();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token[4..]), "{key}");
    }
    assert!(keys.contains(&format!("auth/tokens/{id}.json")), "{keys:?}");
    assert!(token_command(&appliance, &["revoke", &id]).0);
    // Within 30 s; the daemon looks again after ten.
    let ended = async {
        while client.ask("GET", "/v1/videos", None).await.0 != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.unwrap();
    assert!(!token_command(&appliance, &["revoke", "0123456789abcdef"]).0);
    // The commands work without a daemon, too.
    appliance.kill();
    let (is_made, token) =
        token_command(&appliance, &["create", "--name", "b", "--scope", "admin"]);
    assert!(is_made);
    appliance.restart();
    assert_eq!(Client::bearer(&appliance, &token).ask("GET", "/v1/tokens", None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_settings_are_hashes() {
    let token = format!("ldr_{}", "5a".repeat(32));
    let hash = hex::encode(Sha256::digest(&token));
    let config = format!(
        "[[auth.tokens]]\nname = \"ops\"\nscopes = [\"metrics\"]\nsha256 = \"{hash}\"\nexpires_at = \"\"\n\
         [[auth.tokens]]\nname = \"old\"\nscopes = [\"admin\"]\nsha256 = \"{}\"\n\
         expires_at = \"2020-01-01T00:00:00Z\"\n",
        "ab".repeat(32)
    );
    let appliance = Appliance::builder().config(&config).start();
    let client = Client::bearer(&appliance, &token);
    assert_eq!(client.ask("GET", "/metrics", None).await.0, 200);
    assert_eq!(client.ask("GET", "/v1/videos", None).await.0, 403);
    assert_eq!(Client::nobody(&appliance).ask("GET", "/v1/videos", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_revoked_by_admins_alone() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let appliance =
        Appliance::builder().setting("log.format", "json").log(log.path().to_owned()).start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let by_admin = Client::bearer(&appliance, &admin.token);
    let made = by_admin.make(&["upload", "read", "upload"]).await;
    let reader = Client::bearer(&appliance, &made.token);
    for (body, expected) in [
        (json!({"name": "", "scopes": ["read"]}), 400),
        (json!({"name": "x", "scopes": []}), 400),
        (json!({"name": "x", "scopes": ["write"]}), 422),
        (json!({"name": "x", "scopes": ["read"], "expires_in": 0}), 400),
        (json!({"name": "x"}), 422),
    ] {
        let (status, answer) = by_admin.ask("POST", "/v1/tokens", Some(body.clone())).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    assert_eq!(reader.ask("POST", "/v1/tokens", Some(json!({}))).await.0, 403);
    let (_, listed) = by_admin.ask("GET", "/v1/tokens", None).await;
    let listed: Vec<&Value> = listed["tokens"].as_array().unwrap().iter().collect();
    let shown = listed.iter().find(|token| token["id"] == made.id.as_str()).unwrap();
    assert_eq!(shown["scopes"], json!(["upload", "read"]));
    assert!(shown.get("token").is_none() && shown.get("sha256").is_none(), "{shown}");
    let path = format!("/v1/tokens/{}", made.id);
    assert_eq!(reader.ask("DELETE", &path, None).await.0, 403);
    let (status, revoked) = by_admin.ask("DELETE", &path, None).await;
    assert!(status == 200 && revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(reader.refusal("GET", "/v1/videos", None).await, (401, "invalid-token".into()));
    for id in ["0123456789abcdef", "..%2F..%2Frecords", "x"] {
        let path = format!("/v1/tokens/{id}");
        assert_eq!(by_admin.ask("DELETE", &path, None).await.0, 404, "{id}");
    }
    let lines = std::fs::read_to_string(log.path()).unwrap();
    let audit: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["target"] == "audit")
        .collect();
    let actions: Vec<&str> =
        audit.iter().map(|line| line["fields"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["token-create", "token-create", "token-revoke"]);
    let last = &audit[2]["fields"];
    assert_eq!(last["who"], admin.id.as_str());
    assert_eq!(last["subject"], made.id.as_str());
    assert_eq!(last["from"], "127.0.0.1");
    assert!(!last["request_id"].as_str().unwrap().is_empty());
    for secret in [&admin.token, &made.token] {
        assert!(!lines.contains(&secret[4..]), "the log has a token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_ends_with_its_token() {
    let appliance = Appliance::start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let by_admin = Client::bearer(&appliance, &admin.token);
    let made = by_admin.make(&["upload"]).await;
    let uploader = Client::bearer(&appliance, &made.token);
    let (_, answer) = uploader.ask("POST", "/v1/uploads", super::upload(1)).await;
    let path = format!("{}/events", answer["video_url"].as_str().unwrap());
    let mut events = uploader.send("GET", &path, None).await;
    assert!(events.chunk().await.unwrap().is_some());
    by_admin.ask("DELETE", &format!("/v1/tokens/{}", made.id), None).await;
    let ended = async { while events.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.unwrap();
}
