//! Support bundles: their files, and no secret in them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{command, run};
use crate::support::appliance::Appliance;

/// Secrets of the settings.
const SECRETS: [(&str, &str); 4] = [
    ("playback.keys", "k1:planted-playback-key-4715-with-32-characters"),
    ("encryption.key_hex", "00112233445566778899aabbccdd4716"),
    ("encryption.key_endpoint_token", "planted-endpoint-token-4717"),
    ("encryption.master_keys", "1:planted-master-key-4718-with-32-characters"),
];
/// Other settings that these need.
const OTHERS: [(&str, &str); 2] =
    [("encryption.kind", "aes-128"), ("encryption.key_url", "https://keys.example.com/{video_id}")];

/// Names and texts of the files in a bundle.
fn files(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        found.insert(name, text);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_has_the_facts_and_no_secret() {
    let mut builder = Appliance::builder();
    let mut environment = Vec::new();
    for (key, value) in SECRETS.into_iter().chain(OTHERS) {
        builder = builder.setting(key, value);
        environment.push((crate::support::environment_variable(key), value.to_owned()));
    }
    let mut appliance = builder.before_trials().start();
    appliance.authorize();
    let folder = appliance.data_dir().display().to_string();
    let credentials =
        std::fs::read_to_string(appliance.data_dir().join("credentials.json")).unwrap();
    let credentials: serde_json::Value = serde_json::from_str(&credentials).unwrap();
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("bundle.tar");
    let output = path.display().to_string();
    let arguments = ["support-bundle", "--data-dir", &folder, "--output", &output];
    let (code, said, errors) = run(command(&environment, &arguments)).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("Read it before you send it"), "{errors}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let files = files(&path);
    for (name, part) in [
        ("doctor.txt", "examined by the running service"),
        ("doctor.json", "\"findings\""),
        ("settings.json", "\"encryption.key_hex\""),
        ("system.json", "\"backends\""),
        ("failures.json", "\"failures\""),
        ("metrics.txt", "# EOF"),
        ("kernel.txt", "Linux"),
        ("log.txt", ""),
    ] {
        assert!(files[name].contains(part), "{name}: {}", files[name]);
        assert!(said.contains(name), "{said}");
    }
    let planted = SECRETS
        .iter()
        .map(|(_, value)| value.split_once(':').map_or(*value, |(_, secret)| secret).to_owned());
    let own = [
        appliance.own_token().to_owned(),
        credentials["secret_access_key"].as_str().unwrap().to_owned(),
    ];
    for secret in planted.chain(own) {
        for (name, text) in &files {
            assert!(!text.contains(&secret), "{name} holds {secret}");
        }
    }
    // A file that is there stays.
    let (code, _, errors) = run(command(&environment, &arguments)).await;
    assert!(code == Some(1) && errors.contains("bundle.tar"), "{errors}");
}
