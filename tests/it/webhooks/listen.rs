//! `ladderd webhook listen`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{builder, create};
use crate::support::program;

#[tokio::test(flavor = "multi_thread")]
async fn events_are_printed_for_development_and_the_webhook_goes_at_the_end() {
    let appliance = builder().start();
    let mut command = program();
    command.args(["webhook", "listen", "--event", "video.created", "--event", "video.ready"]);
    command.env("LADDERD_URL", &appliance.api).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read_line = |from: Box<dyn std::io::Read + Send>| {
        tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(from).read_line(&mut line).unwrap();
            line
        })
    };
    let said = read_line(Box::new(err)).await.unwrap();
    assert!(said.starts_with("listening on http://127.0.0.1:"), "{said}");
    let printed = read_line(Box::new(out));
    let id = create(&appliance, json!({})).await;
    let event: Value = serde_json::from_str(&printed.await.unwrap()).unwrap();
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("video.created"), &json!(id)));
    let listed = appliance.get("/v1/webhooks").await.1;
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 1);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(appliance.get("/v1/webhooks").await.1["webhooks"], json!([]));

    // An appliance that allows no private address says so.
    let appliance = crate::support::appliance::Appliance::serving();
    let mut command = program();
    command.args(["webhook", "listen"]).env("LADDERD_URL", &appliance.api);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("webhooks.allow_private"), "{said}");
}
