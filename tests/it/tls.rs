//! TLS of the API and the embedded store, and addresses of IPv6.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::browser;
use super::support::appliance::{Appliance, TIMEOUT};
use super::support::certificates::{self, Authority, Pair};
use super::support::{corpus, media, program};

/// Shakes hands with the server at this URL. Returns what openssl prints.
fn handshake(url: &str, ca: &Path, flags: &[&str]) -> String {
    let address = url.strip_prefix("https://").unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-CAfile", ca.to_str().unwrap()]);
    let output = command.args(flags).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_and_1_3_are_accepted_and_nothing_older() {
    let authority = Authority::new();
    let appliance = Appliance::builder().tls(&authority, &authority.issue("a", 2)).start();
    let old = ["-cipher", "ALL:@SECLEVEL=0"];
    for url in [&appliance.api, &appliance.s3] {
        for (flag, expected) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            for protocol in ["h2", "http/1.1"] {
                let said = handshake(url, &authority.ca(), &[flag, "-alpn", protocol]);
                assert!(said.contains(&format!("New, {expected}")), "{said}");
                assert!(said.contains(&format!("ALPN protocol: {protocol}")), "{said}");
                assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
            }
        }
        for flag in ["-tls1", "-tls1_1"] {
            let said = handshake(url, &authority.ca(), &[&[flag], &old[..]].concat());
            // An alert of the server, rather than a refusal by openssl to offer the version.
            assert!(said.contains("SSL alert number"), "{flag}: {said}");
            assert!(said.contains("New, (NONE)"), "{flag}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_tls_keep_browsers_at_it() {
    let authority = Authority::new();
    let pair = authority.issue("a", 2);
    let appliance = Appliance::builder().tls(&authority, &pair).start();
    let urls = [
        format!("{}/healthz", appliance.api),
        format!("{}/none", appliance.api),
        format!("{}/public/none", appliance.s3),
    ];
    let hsts = async |appliance: &Appliance, url: &str| {
        let response = appliance.http.get(url).send().await.unwrap();
        let value = response.headers().get("strict-transport-security");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    for url in &urls {
        let value = hsts(&appliance, url).await;
        assert_eq!(value.as_deref(), Some("max-age=31536000"), "{url}");
        // The same place without encryption.
        let plain = url.replace("https://", "http://");
        assert!(appliance.http.get(plain).send().await.is_err());
    }
    let off = Appliance::builder().tls(&authority, &pair).setting("tls.hsts_secs", 0).start();
    assert_eq!(hsts(&off, &format!("{}/healthz", off.api)).await, None);
    let plain = Appliance::start();
    assert_eq!(hsts(&plain, &format!("{}/healthz", plain.api)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_shake_hands_and_say_nothing_lock_nobody_out() {
    let authority = Authority::new();
    let builder = Appliance::builder().tls(&authority, &authority.issue("a", 2));
    let appliance = builder.setting("embedded.max_connections", 1).start();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.ca()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let address = appliance.s3.strip_prefix("https://").unwrap();
    let mut silent = Vec::new();
    for is_shaken in [true, false, true, false] {
        let stream = TcpStream::connect(address).await.unwrap();
        silent.push(if is_shaken {
            let name = "localhost".try_into().unwrap();
            Either::Left(connector.connect(name, stream).await.unwrap())
        } else {
            Either::Right(stream)
        });
    }
    let url = format!("{}/public/none", appliance.s3);
    let get = tokio::time::timeout(TIMEOUT, appliance.http.get(url).send());
    assert_eq!(get.await.unwrap().unwrap().status(), 404);
    // The server closes them by itself.
    for stream in &mut silent {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a silent connection stays open");
    }
}

/// Text that `serve` with these settings prints before it ends, which it must.
fn refusal(settings: &[(&str, &Path)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
    for (key, value) in settings {
        command.env(super::support::environment_variable(key), value);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    // It prints its URLs once it has started.
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "");
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!child.wait().unwrap().success());
    text
}

#[test]
fn certificates_that_cannot_be_used_refuse_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let authority = Authority::new();
    let (good, other) = (authority.issue("good", 2), authority.issue("other", 2));
    let expired = authority.issue("expired", -1);
    let open = authority.issue("open", 2);
    std::fs::set_permissions(&open.key, PermissionsExt::from_mode(0o644)).unwrap();
    let none = authority.file("none");
    let no_key = authority.file("no.key");
    std::fs::copy(&good.cert, &no_key).unwrap();
    std::fs::set_permissions(&no_key, PermissionsExt::from_mode(0o600)).unwrap();
    let table: [(&Path, &Path, &str); 7] = [
        (&good.cert, &other.key, "is not the key of the first certificate"),
        (&expired.cert, &expired.key, "renew it"),
        (&open.cert, &open.key, "chmod 600"),
        (&none, &good.key, "failed to read certificates"),
        (&good.cert, &none, "failed to read tls.key"),
        (&good.key, &good.key, "has no certificate in PEM form"),
        (&good.cert, &no_key, "has no private key in PEM form"),
    ];
    for (cert, key, expected) in table {
        let said = refusal(&[("tls.cert", cert), ("tls.key", key)]);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let mut validate = program();
    validate.arg("validate").env("LADDERD__TLS__CERT", &expired.cert);
    validate.env("LADDERD__TLS__KEY", &expired.key).env("LADDERD__TLS__CA", &none);
    let output = validate.output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("renew it") && said.contains("failed to read certificates"), "{said}");
    for (key, value) in [("tls.cert", &good.cert), ("tls.key", &good.key)] {
        let said = refusal(&[(key, value)]);
        assert!(said.contains("allowed: the"), "{said}");
    }
}

#[test]
fn a_name_that_the_certificate_lacks_is_reported() {
    let authority = Authority::new();
    let pair = authority.issue("a", 2);
    let table = [
        ("http.public_url", "https://localhost", false),
        ("http.public_url", "https://video.example.com", true),
        // The daemon does not know the certificates of other servers.
        ("store.public_base_url", "https://cdn.example.com", false),
    ];
    for (key, value, is_reported) in table {
        let log = authority.file("log");
        std::fs::write(&log, "").unwrap();
        let builder = Appliance::builder().tls(&authority, &pair).log(log.clone());
        drop(builder.setting(key, value).start());
        let said = std::fs::read_to_string(&log).unwrap();
        assert_eq!(said.contains("the certificate is not one of the host"), is_reported, "{said}");
    }
}

/// Serial number of the certificate that the server shows.
pub(super) async fn shown_serial(url: &str, ca: &Path) -> String {
    let (url, ca) = (url.to_owned(), ca.to_owned());
    let said = tokio::task::spawn_blocking(move || handshake(&url, &ca, &[])).await.unwrap();
    let mut x509 = Command::new("openssl")
        .args(["x509", "-noout", "-serial"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    x509.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
    String::from_utf8(x509.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

async fn wait_for_serial(url: &str, ca: &Path, wanted: &str) {
    let waited = tokio::time::timeout(TIMEOUT, async {
        while shown_serial(url, ca).await != wanted {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    waited.await.unwrap();
}

/// The next event of a stream.
async fn next_event(stream: &mut reqwest::Response) -> Value {
    let mut text = String::new();
    loop {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        if let Some(data) = text.split("\n\n").find_map(|event| event.strip_prefix("data: ")) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_and_open_streams_go_on() {
    let authority = Authority::new();
    let (served, renewed, last) =
        (authority.issue("served", 2), authority.issue("renewed", 2), authority.issue("last", 2));
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let appliance = Appliance::builder().tls(&authority, &served).log(log.clone()).start();
    let answer = appliance.ask("film.mp4", 3).await;
    let url = format!("{}{}/events", appliance.api, answer["video_url"].as_str().unwrap());
    let mut stream = appliance.http.get(url).send().await.unwrap();
    assert_eq!(next_event(&mut stream).await["state"], "uploading");
    served.replace_by(&renewed);
    for url in [&appliance.api, &appliance.s3] {
        wait_for_serial(url, &authority.ca(), &renewed.serial()).await;
    }
    // A key that is not that of the certificate: the old pair stays.
    std::fs::copy(&last.key, &served.key).unwrap();
    let waited = tokio::time::timeout(TIMEOUT, async {
        while !std::fs::read_to_string(&log).unwrap().contains("failed to renew the certificate") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap();
    assert_eq!(shown_serial(&appliance.api, &authority.ca()).await, renewed.serial());
    served.replace_by(&last);
    wait_for_serial(&appliance.api, &authority.ca(), &last.serial()).await;
    // The stream of the first certificate still has events.
    let put = appliance.put(&answer["upload"], vec![0; 3]).await;
    assert_eq!(put.status(), 200);
    while next_event(&mut stream).await["state"] == "uploading" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_uploaded_and_played_by_tls_under_the_public_name() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let authority = Authority::new();
    let mut appliance = Appliance::builder()
        .tls(&authority, &authority.issue("a", 2))
        .setting("http.public_url", "https://localhost")
        .start();
    appliance.authorize();
    let store = format!("https://localhost:{}/", appliance.s3.rsplit_once(':').unwrap().1);
    let answer = appliance.ask("film.mp4", 3).await;
    assert!(answer["upload"]["url"].as_str().unwrap().starts_with(&store), "{answer:#}");
    let (_, video) = appliance.publish("film.mp4", &clip).await;
    let playlist = video["playback_url"].as_str().unwrap();
    assert!(playlist.starts_with(&store), "{video:#}");
    let output =
        program().args(["check", playlist]).env("SSL_CERT_FILE", authority.ca()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uploads_and_plays_by_tls() {
    let film = corpus("bbb_720p24_30s_vp8_vorbis.webm").or_else(|| media::clip(720, "30", 30));
    let Some(file) = film.filter(|_| browser::has_browser()) else { return };
    let authority = Authority::new();
    let pair: Pair = authority.issue("a", 2);
    let mut appliance = Appliance::builder()
        .tls(&authority, &pair)
        .setting("http.public_url", "https://localhost")
        .start();
    appliance.authorize();
    let page = format!("https://localhost:{}", appliance.api.rsplit_once(':').unwrap().1);
    let hash = certificates::spki_hash(&pair);
    let flags = format!("--ignore-certificate-errors-spki-list={hash}");
    let arguments = [page.as_str(), file.to_str().unwrap(), appliance.own_token()];
    let (result, is_success) = browser::browse_with("watch.mjs", &arguments, &flags).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["ended_state"], "ready", "{result:#}");
    assert!(is_success, "{result:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uploads_and_plays_by_ipv6() {
    let film = corpus("bbb_720p24_30s_vp8_vorbis.webm").or_else(|| media::clip(720, "30", 30));
    let Some(file) = film.filter(|_| browser::has_browser()) else { return };
    let appliance = Appliance::builder().address("[::1]").start();
    let arguments = [appliance.api.as_str(), file.to_str().unwrap()];
    let (result, is_success) = browser::browse("watch.mjs", &arguments).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert!(is_success, "{result:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_and_store_are_reached_by_ipv6() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    for (address, shown) in [("[::1]", "http://[::1]:"), ("[::]", "http://[::]:")] {
        // The unspecified address is open to others, who need accounts and TLS.
        let builder = Appliance::builder().address(address);
        let mut appliance = builder.setting("http.allow_insecure", address == "[::]").start();
        assert!(appliance.api.starts_with(shown), "{}", appliance.api);
        assert!(appliance.s3.starts_with("http://[::1]:"), "{}", appliance.s3);
        // No client names the unspecified address.
        appliance.api = appliance.api.replace("[::]", "[::1]");
        appliance.authorize();
        let (_, video) = appliance.publish("film.mp4", &clip).await;
        let playlist = video["playback_url"].as_str().unwrap();
        assert!(playlist.starts_with("http://[::1]:"), "{playlist}");
        assert_eq!(appliance.http.get(playlist).send().await.unwrap().status(), 200);
    }
    // The unspecified address of IPv6 takes IPv4, too.
    let builder = Appliance::builder().address("[::]");
    let appliance = builder.setting("http.allow_insecure", true).start();
    for url in [&appliance.api, &appliance.s3] {
        let port = url.rsplit_once(':').unwrap().1;
        let url = format!("http://127.0.0.1:{port}/healthz");
        let status = appliance.http.get(url).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 200 | 403), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_of_private_videos_have_the_scheme_of_the_api() {
    let authority = Authority::new();
    let appliance = Appliance::builder()
        .tls(&authority, &authority.issue("a", 2))
        .setting("videos.visibility", "private")
        .start();
    let answer = appliance.ask("film.mp4", 3).await;
    let url = answer["playback_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/play/", appliance.api)), "{answer:#}");
}
