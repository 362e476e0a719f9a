//! Settings from four layers, and the errors about invalid ones.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ladderd::domain::setting_view::Origin;
use ladderd::settings::{Loaded, Overrides, Settings, Sources};
use serde_json::{Value, json};

fn with_file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn faults(sources: &Sources) -> Vec<String> {
    let Err(faults) = Settings::load(sources) else { panic!("no fault was found") };
    faults.0
}

#[test]
fn without_any_layer_the_defaults_hold() {
    let (_dir, sources) = with_file("");
    assert_eq!(Settings::load(&sources).unwrap(), Settings::default());
}

#[test]
fn later_layers_win() {
    let (_dir, mut sources) = with_file(
        "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit_bytes = 70000\n[log]\nlevel = \"debug\"\n",
    );
    sources.environment = environment(&[
        ("LADDERD__HTTP__LISTEN", "127.0.0.1:2"),
        ("LADDERD__QUEUE__RETRY__FIRST_SECS", "7"),
        ("LADDERD__EMBEDDED__CORS_ORIGINS", "https://a.example,https://b.example"),
        ("LADDERD__JOBS__REQUIRED_BACKENDS", "nvenc,cpu"),
        ("LADDERD_REQUIRE", "not ours"),
        ("PATH", "/bin"),
    ]);
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.http.listen, "127.0.0.1:2");
    assert_eq!(settings.http.body_limit_bytes, 70_000);
    assert_eq!(settings.log.level, "debug");
    assert_eq!(settings.queue.retry.first_secs, 7);
    assert_eq!(settings.embedded.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(settings.jobs.required_backends, ["nvenc", "cpu"]);
    sources.overrides = Overrides {
        listen: Some("127.0.0.1:3".to_owned()),
        s3_listen: None,
        data_dir: Some(PathBuf::from("/d")),
    };
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.http.listen.as_str(), settings.data_dir), ("127.0.0.1:3", "/d".into()));
}

#[test]
fn each_value_is_shown_with_the_layer_that_wins() {
    let (dir, mut sources) = with_file(
        "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit_bytes = 70000\n[log]\nlevel = \"debug\"\n\
         [[ladder]]\nheight = 360\nmax_bitrate_kbps = 900\n",
    );
    let secret = dir.path().join("secret");
    write(&secret, "00112233445566778899aabbccddeeff", 0o600);
    sources.environment = environment(&[
        ("LADDERD__HTTP__BODY_LIMIT_BYTES", "80000"),
        ("ladderd__queue__retry__first_secs", "7"),
        ("LADDERD__ENCRYPTION__KIND", "aes-128"),
        ("LADDERD__ENCRYPTION__KEY_URL", "/k"),
        ("LADDERD__ENCRYPTION__KEY_HEX_FILE", secret.to_str().unwrap()),
        ("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN", "hidden-token"),
    ]);
    sources.overrides =
        Overrides { listen: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
    let shown = Loaded::load(&sources).unwrap().shown;
    let file = dir.path().join("test.toml");
    let (file, secret) = (file.to_str(), secret.to_str());
    let table = [
        ("http.listen", json!("127.0.0.1:3"), Origin::CommandLine, Some("--listen")),
        (
            "http.body_limit_bytes",
            json!(80_000),
            Origin::Environment,
            Some("LADDERD__HTTP__BODY_LIMIT_BYTES"),
        ),
        (
            "queue.retry.first_secs",
            json!(7),
            Origin::Environment,
            Some("ladderd__queue__retry__first_secs"),
        ),
        ("log.level", json!("debug"), Origin::File, file),
        ("ladder", json!([{ "height": 360, "max_bitrate_kbps": 900 }]), Origin::File, file),
        ("queue.lease_secs", json!(60), Origin::Default, None),
        ("encryption.key_hex", Value::Null, Origin::File, secret),
        (
            "encryption.key_endpoint_token",
            Value::Null,
            Origin::Environment,
            Some("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN"),
        ),
    ];
    for (key, value, origin, source) in table {
        let view = shown.iter().find(|view| view.key == key).unwrap();
        assert_eq!((&view.value, view.origin, view.source.as_deref()), (&value, origin, source));
        assert_eq!(view.is_secret, key.starts_with("encryption."), "{key}");
    }
    let text = serde_json::to_string(&shown).unwrap();
    assert!(!text.contains("hidden-token") && !text.contains("0011223344"), "{text}");
}

#[test]
fn unknown_keys_and_wrong_types_are_all_reported() {
    let (dir, mut sources) = with_file(
        "nonsense = 1\n[http]\nlisten = 8080\nport = 1\n[queue.retry]\nfirst_secs = \"soon\"\n[[ladder]]\nheigth = 360\n",
    );
    sources.environment = environment(&[("LADDERD__JOBS__MAX_RUNING", "2")]);
    let file = dir.path().join("test.toml").display().to_string();
    let reported = faults(&sources);
    let expected = [
        format!("{file}: http.listen = 8080: allowed: text in quotes"),
        format!(
            "{file}: http.port: unknown key; allowed: allow_insecure, body_limit_bytes, cors_origins, embed_origins, hosts, listen, public_url, request_burst, request_timeout_secs, requests_per_sec, trusted_proxies"
        ),
        format!("{file}: ladder[0].heigth: unknown key; allowed: height, max_bitrate_kbps"),
        format!("{file}: nonsense: unknown key; allowed: auth, changes, data_dir, embedded, encode, encryption, events, housekeeping, http, jobs, ladder, limits, log, metrics, playback, pulls, qoe, queue, sandbox, sources, store, tls, uploads, videos, webhooks"),
        format!("{file}: queue.retry.first_secs = \"soon\": allowed: a whole number, 0 or greater"),
        "the environment: jobs.max_runing: unknown key; allowed: backend_retrial_secs, claim_renewal_secs, max_encoder_sessions, max_running, required_backends, shutdown_grace_secs, stall_timeout_secs, superseded_secs, surroundings_max_age_secs, worker_memory_bytes".to_owned(),
    ];
    assert_eq!(reported, expected);
}

#[test]
fn values_out_of_range_are_all_reported() {
    let (dir, mut sources) = with_file(
        "[queue]\nlease_secs = 0\n[encode]\nquality = 99.0\n[store]\npublic_bucket = \"uploads\"\n\
         [[ladder]]\nheight = 361\nmax_bitrate_kbps = 900\n",
    );
    sources.environment =
        environment(&[("LADDERD__HTTP__LISTEN", "here"), ("LADDERD__LOG__LEVEL", "=")]);
    let file = dir.path().join("test.toml").display().to_string();
    let reported = faults(&sources);
    let expected = [
        "the environment: http.listen = \"here\": allowed: address and port, such as 127.0.0.1:8080".to_owned(),
        format!("{file}: store.public_bucket = \"uploads\": allowed: another one than the private bucket"),
        format!("{file}: queue.lease_secs = 0: allowed: 3 to 43200"),
        format!("{file}: ladder[0].height = 361: allowed: even, 16 to 2160"),
        format!("{file}: encode.quality = 99: allowed: 0, or 10 to 40"),
        "the environment: log.level = \"=\": allowed: error, warn, info, debug, trace or a filter".to_owned(),
    ];
    assert_eq!(reported, expected);
}

#[test]
fn a_file_that_is_no_toml_or_missing_is_named() {
    let (dir, sources) = with_file("[http\n");
    let reported = faults(&sources).join("\n");
    let file = dir.path().join("test.toml").display().to_string();
    assert!(reported.starts_with(&file) && reported.contains("line 1"), "{reported}");
    let sources = Sources { file: Some(PathBuf::from("/no/such.toml")), ..Sources::default() };
    assert_eq!(faults(&sources), ["/no/such.toml: there is no such file"]);
}

#[test]
fn store_and_queue_must_go_together() {
    let (_dir, sources) = with_file(
        "[store]\nafter_success = \"tag\"\n[queue]\nkind = \"sqs\"\n[sources]\nsuffixes = [\"\"]\n",
    );
    let reported = faults(&sources).join("\n");
    for key in ["queue.kind", "queue.url", "store.after_success", "sources.suffixes"] {
        assert!(reported.contains(key), "{reported}");
    }
    let (_dir, sources) = with_file("[store]\nkind = \"s3\"\n");
    assert!(Settings::load(&sources).is_ok(), "a single box on S3 finds its uploads by itself");
    let example = std::fs::read_to_string(super::support::root().join("config/aws.toml")).unwrap();
    let (_dir, sources) = with_file(&example);
    assert!(Settings::load(&sources).is_ok(), "the example is valid");
}

#[test]
fn faults_of_encryption_are_reported_at_once_and_without_secrets() {
    let (dir, mut sources) = with_file(
        "[encryption]\nkind = \"aes-128\"\nkey_url = \"https://k.example/{id}\"\n\
         key_hex = \"0011-secret\"\n",
    );
    sources.environment = environment(&[("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN", "two words")]);
    let file = dir.path().join("test.toml").display().to_string();
    let reported = faults(&sources);
    let expected = [
        format!("{file}: encryption.key_url = \"https://k.example/{{id}}\": allowed: a URL: {{id}} is unknown; the one placeholder is {{video_id}}"),
        format!("{file}: encryption.key_hex = (redacted): allowed: 32 hex digits"),
        "the environment: encryption.key_endpoint_token = (redacted): allowed: letters, digits and signs, without spaces".to_owned(),
    ];
    assert_eq!(reported, expected);
    // A number where a text should be, and a line that is no TOML.
    for text in ["[encryption]\nkey_hex = 4711\n", "[encryption]\nkey_hex = \"4711\n"] {
        let (_dir, sources) = with_file(text);
        let reported = faults(&sources).join("\n");
        assert!(reported.contains("key_hex") && !reported.contains("4711"), "{reported}");
    }
}

/// Writes a file with this mode.
fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn secrets_come_from_private_files_and_credentials() {
    let key = "00112233445566778899aabbccddeeff";
    let folder = tempfile::tempdir().unwrap();
    let (file, credential) = (folder.path().join("file"), folder.path().join("encryption.key_hex"));
    let text = "[encryption]\nkind = \"aes-128\"\nkey_url = \"/k\"\n";
    let (_dir, plain) = with_file(text);
    let of_file = environment(&[("LADDERD__ENCRYPTION__KEY_HEX_FILE", file.to_str().unwrap())]);
    let of_folder = environment(&[("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())]);
    for (path, environment) in [(&file, of_file), (&credential, of_folder)] {
        let sources = Sources { environment, ..plain.clone() };
        write(path, &format!("{key}\n"), 0o400);
        assert_eq!(Settings::load(&sources).unwrap().encryption.key_hex.reveal(), key);
        // A value that is not allowed is reported with its place and without itself.
        std::fs::remove_file(path).unwrap();
        write(path, "0011-secret", 0o600);
        let reported = faults(&sources);
        let shown = path.display();
        let allowed = "encryption.key_hex = (redacted): allowed: 32 hex digits";
        assert_eq!(reported, [format!("{shown}: {allowed}")]);
        write(path, key, 0o644);
        let reported = faults(&sources).join("\n");
        assert!(reported.contains("encryption.key_hex: "), "{reported}");
        assert!(reported.contains("chmod 600") && !reported.contains(key), "{reported}");
        std::fs::remove_file(path).unwrap();
    }
    let missing = environment(&[("LADDERD__ENCRYPTION__KEY_HEX_FILE", "/no/such/file")]);
    let reported = faults(&Sources { environment: missing, ..plain }).join("\n");
    assert!(reported.contains("encryption.key_hex: /no/such/file: "), "{reported}");
}

#[test]
fn a_settings_file_with_a_secret_is_private() {
    let with_secret = "[encryption]\nkind = \"aes-128\"\nkey_url = \"/k\"\n\
                       key_hex = \"00112233445566778899aabbccddeeff\"\n";
    let table = [
        (with_secret, 0o600, true),
        (with_secret, 0o640, true),
        (with_secret, 0o644, false),
        ("[encryption]\nkey_hex = \"\"\n", 0o644, true),
        ("[log]\nlevel = \"debug\"\n", 0o644, true),
    ];
    for (text, mode, expected) in table {
        let (_dir, sources) = with_file(text);
        write(sources.file.as_ref().unwrap(), text, mode);
        match Settings::load(&sources) {
            Ok(_) => assert!(expected, "{mode:o} {text}"),
            Err(faults) => {
                let text = faults.to_string();
                assert!(
                    !expected && text.contains("chmod 600") && !text.contains("0011"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_key_of_digits_is_not_rounded() {
    let (_dir, mut sources) = with_file("[encryption]\nkey_url = \"/k\"\n");
    // All three look like numbers.
    for key in [
        "12345678901234567890123456789012",
        "00000000000000000000000000000e10",
        "00000000000000000000000000000001",
    ] {
        sources.environment = environment(&[
            ("LADDERD__ENCRYPTION__KIND", "aes-128"),
            ("LADDERD__ENCRYPTION__KEY_HEX", key),
        ]);
        let settings = Settings::load(&sources).unwrap();
        assert_eq!(settings.encryption.key_hex.reveal(), key);
        assert!(!format!("{settings:?}").contains(key));
    }
}
