//! Runs the commands of docs/how-to/fleet-on-aws.md as they stand there.

use std::process::Command;

use ladderd::domain::job::VideoId;

use super::{on_both, short_clip};
use crate::support::appliance::Home;
use crate::support::servers::{Make, REGION, Servers};
use crate::support::{media, root};

/// The shell blocks with this label, concatenated.
fn blocks(kind: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/how-to/fleet-on-aws.md")).unwrap();
    let mut script = String::new();
    for block in text.split("```sh ").skip(1) {
        let (label, code) = block.split_once('\n').unwrap();
        if kind.split(' ').any(|kind| kind == label) {
            script.push_str(code.split("```").next().unwrap());
        }
    }
    assert!(script.contains("aws "), "docs/how-to/fleet-on-aws.md has no block {kind}");
    script
}

/// Runs the README's commands against these servers. Returns what they printed.
fn run(servers: &Servers, kind: &str) -> String {
    let bin = root().join("target/tools/moto/bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let names = "PRIVATE=my-uploads PUBLIC=my-streams QUEUE=ladderd-jobs\n";
    // Of AWS_ENDPOINT_URL, this version of the command knows nothing for SQS.
    let aws = "aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n";
    let script = format!("set -eu\n{names}{aws}{}", blocks(kind));
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("PATH", path)
        .env("AWS_ENDPOINT_URL", &servers.endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .envs([("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

on_both!(the_readme_sets_up_a_fleet_that_works);
async fn the_readme_sets_up_a_fleet_that_works(make: Make) {
    let Some(servers) = Servers::start(make).await else { return };
    // LocalStack runs without IAM here.
    let said = run(&servers, if make == Make::Moto { "aws iam" } else { "aws" });
    let queue = said.lines().find_map(|line| line.strip_prefix("queue.url = ")).unwrap();
    // The example that the README points to, with these names in it.
    let example = std::fs::read_to_string(root().join("config/aws.toml")).unwrap();
    let config = example
        .replace("0.0.0.0:8080", "127.0.0.1:0")
        .replace("example-uploads", "my-uploads")
        .replace("example-streams", "my-streams")
        .replace("https://cdn.example.com", "")
        .replace(r#""https://sqs.eu-central-1.amazonaws.com/123456789012/ladderd-jobs""#, queue);
    let mut environment = servers.settings(&servers.endpoint, &servers.endpoint);
    environment.retain(|(name, _)| {
        let endpoints = ["STORE__ENDPOINT_URL", "STORE__PATH_STYLE", "QUEUE__ENDPOINT_URL"];
        name.starts_with("AWS_") || endpoints.iter().any(|end| name.ends_with(end))
    });
    let home = Home::of_fleet(&servers.endpoint, environment, &[]);
    let file = home.path().join("ladderd.toml");
    std::fs::write(&file, config).unwrap();
    let Some(clip) = short_clip(home.path()) else { return };
    let appliance = home.start_with(&["--config", file.to_str().unwrap()]);
    let put = servers.s3.put_object().bucket("my-uploads").key("in/Film.MOV").body(clip.into());
    put.send().await.unwrap();
    let id = VideoId::of_source("my-uploads", "in/Film.MOV").to_string();
    let video = appliance.wait_for(&id, |video| video["state"] == "ready").await;
    let url = video["playback_url"].as_str().unwrap();
    assert_eq!(url, format!("{}/my-streams/{id}/main.m3u8", servers.endpoint));
    assert_eq!(media::decode_errors(url), "");
}
