//! The embedded appliance: inside of the daemon, by the API, and without a daemon.

use std::time::Duration;

use ladderd::domain::doctor::{Examiner, Severity};
use reqwest::Method;
use serde_json::Value;

use super::{assert_all, command, report, run, worst};
use crate::support::appliance::Appliance;

/// Checks that are fine on any machine that can run the tests.
const FINE: [&str; 10] = [
    "daemon",
    "bucket",
    "bucket-permissions",
    "conditional-writes",
    "playback",
    "cors-playback",
    "cors-upload",
    "queue",
    "dead-letters",
    "api",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_examines_itself_and_leaves_nothing_behind() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let mut appliance = Appliance::builder().log(log.clone()).start();
    appliance.authorize();
    let folder = appliance.data_dir().display().to_string();
    // The socket asks for no token.
    let report = report(&[], &["--data-dir", &folder]).await;
    assert_eq!(report.by, Examiner::Service);
    assert_all(&report, Severity::Ok, &FINE);
    assert_all(&report, Severity::Ok, &["notification", "gstreamer"]);
    let cpu = report.findings.iter().find(|found| found.id == "backends" && found.subject == "cpu");
    assert_eq!(cpu.unwrap().severity, Severity::Ok, "{cpu:?}");
    for bucket in ["uploads", "public"] {
        let keys = appliance.keys(bucket, "").await;
        let left: Vec<&String> = keys.iter().filter(|key| key.contains("doctor-")).collect();
        assert!(left.is_empty(), "{bucket}: {left:?}");
    }
    let files = std::fs::read_dir(appliance.data_dir()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("doctor-")));

    // The API shows the same report to admins alone.
    let shown = appliance.request(Method::GET, "/v1/doctor").send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["running"], false);
    assert_eq!(shown["report"], serde_json::to_value(&report).unwrap());
    let url = format!("LADDERD_URL={}", appliance.api);
    let (name, value) = url.split_once('=').unwrap();
    let environment = [(name.to_owned(), value.to_owned())];
    let (code, said, errors) = run(command(&environment, &["doctor"])).await;
    assert_eq!((code, said.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("sign in") || errors.contains("token"), "{errors}");
    let token = ("LADDERD_TOKEN".to_owned(), appliance.own_token().to_owned());
    let [url] = environment;
    let (code, said, errors) = run(command(&[url, token], &["doctor"])).await;
    assert!(matches!(code, Some(0 | 3)), "{said}{errors}");
    assert!(said.contains("examined by the running service"), "{said}");
    for group in ["\nMachine\n", "\nEncoding\n", "\nStore\n", "\nQueue\n", "\nNetwork\n"] {
        assert!(said.contains(group), "{said}");
    }
    // It asks the store for operations that it lacks, and that is no fault.
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("listening") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_examines_what_a_daemon_has_left() {
    let mut appliance = Appliance::serving();
    appliance.terminate();
    let folder = appliance.data_dir().display().to_string();
    let free = [("LADDERD__HTTP__LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
    let found = report(&free, &["--data-dir", &folder]).await;
    assert_eq!(found.by, Examiner::Command);
    let fine = ["bucket", "bucket-permissions", "conditional-writes", "api"];
    assert_all(&found, Severity::Ok, &fine);
    assert_all(&found, Severity::Note, &["daemon"]);
    assert_all(&found, Severity::Skipped, &["notification", "queue"]);

    // A folder that nobody can write to, and a port that somebody else has.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let taken_port = [("LADDERD__HTTP__LISTEN".to_owned(), address)];
    let broken = report(&taken_port, &["--data-dir", "/sys/kernel"]).await;
    assert_all(&broken, Severity::Error, &["data-dir", "api"]);
    assert_all(&broken, Severity::Skipped, &["bucket"]);
    assert!(worst(&broken, "data-dir").mend.as_deref().unwrap().contains("chown"));
    assert!(worst(&broken, "api").mend.as_deref().unwrap().contains("ss -ltnp"));
    tokio::time::timeout(Duration::from_millis(1), taken.accept()).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_and_silent_servers_have_exit_codes_of_their_own() {
    let wrong = [("LADDERD__QUEUE__LEASE_SECS".to_owned(), "0".to_owned())];
    let (code, said, errors) = run(command(&wrong, &["doctor"])).await;
    assert_eq!((code, said.as_str()), (Some(64), ""), "{errors}");
    let (code, _, errors) = run(command(&[], &["doctor", "--url", "no-url"])).await;
    assert_eq!(code, Some(64), "{errors}");
}
