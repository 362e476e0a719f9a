//! Outgoing connections: authorities of one's own, proxies and their exceptions.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ladderd::encryption::{Config as Encrypted, Encryption};
use ladderd::tls::{Config, Trust};

use super::support::appliance::Appliance;
use super::support::certificates::Authority;
use super::support::keys::{KeyServer, TOKEN};
use super::support::media;
use super::support::servers::{ServerKind, Servers};
use super::support::tunnel::{Tunnel, tls_front};
use super::support::{environment_variable, program};

/// A password of the proxy.
const PASSWORD: &str = "planted-proxy-4714";
/// A name that no resolver knows: only the proxy does.
const NAME: &str = "s3.test.invalid";

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_and_sqs_are_reached_by_tls_through_a_proxy() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    let authority = Authority::new();
    let front = tls_front(&authority.issue("front", 2), address(&servers.endpoint)).await;
    let names = HashMap::from([(format!("{NAME}:443"), front)]);
    let tunnel = Tunnel::start(names).await;
    let endpoint = format!("https://{NAME}");
    let proxy = tunnel.url.replace("http://", &format!("http://box:{PASSWORD}@"));
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let variables = [("HTTPS_PROXY", proxy.as_str()), ("RUST_LOG", "trace")];
    let mut appliance = Appliance::builder()
        .environment(servers.environment(&endpoint, &endpoint))
        .environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .log(log.clone())
        .setting("tls.ca", authority.ca().display())
        .setting("store.upload_base_url", &servers.endpoint)
        .setting("store.public_base_url", format!("{}/public", servers.endpoint))
        .store_url(&servers.endpoint)
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    assert!(!servers.keys("public", &format!("{id}/main.m3u8")).await.is_empty());
    let asked = tunnel.asked();
    let connect = format!("CONNECT {NAME}:443 HTTP/1.1");
    assert!(!asked.is_empty() && asked.iter().all(|line| *line == connect), "{asked:?}");
    let told = STANDARD.encode(format!("box:{PASSWORD}"));
    for head in tunnel.heads() {
        let authorization = format!("proxy-authorization: basic {told}").to_ascii_lowercase();
        assert!(head.to_ascii_lowercase().contains(&authorization), "{head}");
    }
    // A proxy that is gone is an error.
    let gone = format!("http://box:{PASSWORD}@127.0.0.1:9");
    appliance.kill();
    let failed = tokio::time::timeout(Duration::from_mins(3), async {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(logs.path());
        command.envs(servers.environment(&endpoint, &endpoint)).env("HTTPS_PROXY", gone);
        command.env("RUST_LOG", "trace");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    });
    let failed = failed.await.unwrap();
    assert!(!failed.status.success());
    for said in [std::fs::read(&log).unwrap(), failed.stdout, failed.stderr] {
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains(PASSWORD) && !said.contains(&told), "a log holds the password");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_no_proxy_are_reached_without_it() {
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    let authority = Authority::new();
    let front = tls_front(&authority.issue("front", 2), address(&servers.endpoint)).await;
    let tunnel = Tunnel::start(HashMap::new()).await;
    let endpoint = format!("https://localhost:{}", front.port());
    let proxies = [("HTTPS_PROXY", tunnel.url.as_str()), ("NO_PROXY", "localhost,10.0.0.0/8")];
    let appliance = Appliance::builder()
        .environment(servers.environment(&endpoint, &endpoint))
        .environment(proxies.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .setting("tls.ca", authority.ca().display())
        .store_url(&servers.endpoint)
        .start();
    let (status, system) = appliance.get("/v1/system").await;
    assert_eq!((status, &system["queue"]["visible"]), (200, &0.into()), "{system:#}");
    assert_eq!(tunnel.asked(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_keys_is_reached_through_a_proxy() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyServer::start(folder.path().to_owned(), &[7; 16]);
    let front = tls_front(&authority.issue("keys", 2), address(&keys.url)).await;
    let tunnel = Tunnel::start(HashMap::from([(format!("{NAME}:443"), front)])).await;
    let out = folder.path().join("out");
    let mut command = program();
    command.arg("transcode").args([&clip, &out]).env("HTTPS_PROXY", &tunnel.url);
    let settings = [
        ("tls.ca", authority.ca().display().to_string()),
        ("encryption.kind", "aes-128".to_owned()),
        ("encryption.key_url", format!("{}/play/{{video_id}}", keys.url)),
        ("encryption.key_endpoint", format!("https://{NAME}/keys/{{video_id}}")),
        ("encryption.key_endpoint_token", TOKEN.to_owned()),
    ];
    command.envs(settings.map(|(key, value)| (environment_variable(key), value)));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(tunnel.asked(), [format!("CONNECT {NAME}:443 HTTP/1.1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_keys_needs_a_certificate_of_a_trusted_authority() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyServer::start(folder.path().to_owned(), &[7; 16]);
    let front = tls_front(&authority.issue("keys", 2), address(&keys.url)).await;
    let config: Encrypted = toml::from_str(&format!(
        "kind = \"aes-128\"\nkey_url = \"/k\"\nkey_endpoint_token = \"{TOKEN}\"\n\
         key_endpoint = \"https://localhost:{}/keys/{{video_id}}\"",
        front.port()
    ))
    .unwrap();
    let ca = authority.ca().display().to_string();
    let trust = Trust::open(&Config { ca, ..Config::default() }).unwrap();
    let key = Encryption::open(&config, &trust).unwrap().key_of("v").await.unwrap();
    assert!(key.is_some_and(|key| key.key.0 == [7; 16]));
    let untrusted = Encryption::open(&config, &Trust::default()).unwrap();
    let error = untrusted.key_of("v").await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn a_file_without_authorities_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let open = || {
        let ca = path.display().to_string();
        Trust::open(&Config { ca, ..Config::default() }).unwrap_err().to_string()
    };
    assert!(open().contains("failed to read certificates"), "{}", open());
    std::fs::write(&path, "no certificate").unwrap();
    assert!(open().contains("has no certificate in PEM form"), "{}", open());
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(open().contains("damaged certificate"), "{}", open());
}
