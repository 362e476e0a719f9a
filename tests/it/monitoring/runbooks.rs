//! The commands of the runbooks, as far as they ask an appliance.

use std::process::Command;

use crate::support::appliance::Appliance;
use crate::support::root;

/// Address of the metrics in the runbooks.
const METRICS: &str = "http://127.0.0.1:9464/metrics";

/// The lines of the runbooks that ask the API or the metrics, without those that need an id of an answer.
fn requests() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/how-to/runbooks.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    // The first one sets the variables.
    let lines = blocks.skip(1).flat_map(str::lines);
    let asks = |line: &&str| line.contains("$API/") || line.contains(METRICS);
    lines.filter(asks).filter(|line| !line.contains("$ID")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_the_runbooks_are_answered() {
    let mut appliance = Appliance::start();
    appliance.authorize();
    let requests = requests();
    assert!(requests.len() > 20, "{requests:#?}");
    for request in requests {
        // The metrics of a box without a listener of their own.
        let metrics = "-H \"Authorization: Bearer $TOKEN\" $API/metrics";
        let script = request.replace(METRICS, metrics);
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c"])
            .arg(format!("curl() {{ command curl -f \"$@\"; }}\n{script}"))
            .env("API", &appliance.api)
            .env("TOKEN", appliance.own_token())
            .env("CODE", "not-media");
        let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{request}: {said}");
    }
}
