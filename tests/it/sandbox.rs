//! The sandbox of a worker.

use super::support;

#[test]
fn the_sandbox_refuses_every_attempt_to_get_out() {
    let output = support::program().args(["sandbox-test", "--json"]).output().unwrap();
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let right = |attempt: &serde_json::Value| attempt["is_ok"] == true;
    let attempts = outcome["attempts"].as_array().unwrap();
    // An old kernel may lack a layer, which is reported; the other layers must refuse these attempts
    // all the same.
    let wrong: Vec<_> = attempts.iter().filter(|attempt| !right(attempt)).collect();
    let layers = outcome["layers"].as_array().unwrap();
    let whole = layers.iter().all(|layer| layer["is_enforced"] == true);
    assert!(wrong.is_empty() || !whole, "{wrong:#?}");
    assert_eq!(output.status.success(), whole && wrong.is_empty(), "{outcome:#}");
    let refused = |what: &str| attempts.iter().any(|a| a["what"] == what && right(a));
    for what in ["open a TCP connection", "become a shell", "start a process", "write a file"] {
        assert!(refused(what), "{what}: {outcome:#}");
    }
}
