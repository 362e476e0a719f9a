//! Starts that are refused because others could reach the API unprotected, and proxies in front.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::Client;
use crate::browser;
use crate::support::appliance::Appliance;
use crate::support::{Need, media, program, root, skip};

/// Standard error of an appliance that ends at its start.
fn refusal(settings: &[(&str, &str)]) -> String {
    let data_dir = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["serve", "--listen", "0.0.0.0:0", "--data-dir"]).arg(data_dir.path());
    command.args(["--s3-listen", "127.0.0.1:0"]);
    for (key, value) in settings {
        command.env(crate::support::environment_variable(key), value);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_unprotected_start_for_others_is_refused_with_the_remedy() {
    let reasons = [
        refusal(&[]),
        // A proxy that nobody trusts, and one that has no certificate.
        refusal(&[("http.public_url", "https://video.example.com")]),
        refusal(&[
            ("http.public_url", "http://video.example.com"),
            ("http.trusted_proxies", "10.0.0.1"),
        ]),
    ];
    for reason in reasons {
        for remedy in ["tls.cert", "http.public_url", "http.trusted_proxies", "allow_insecure"] {
            assert!(reason.contains(remedy), "{reason}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insecure_start_is_told_to_those_who_use_it() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let appliance = Appliance::builder()
        .setting("http.allow_insecure", true)
        .log(log.path().to_owned())
        .listen("0.0.0.0:0")
        .start();
    let (_, session) = Client::nobody(&appliance)
        .header("host", "localhost")
        .ask("GET", "/v1/session", None)
        .await;
    assert_eq!(session["insecure"], true, "{session}");
    let lines = std::fs::read_to_string(log.path()).unwrap();
    assert!(lines.contains("http.allow_insecure"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_names_users_and_groups_and_nobody_else_does() {
    let config = "[auth]\nmode = \"proxy\"\n\
                  [[auth.roles]]\ngroup = \"video-admins\"\nscopes = [\"admin\"]\n\
                  [[auth.roles]]\ngroup = \"*\"\nscopes = [\"read\"]\n\
                  [http]\npublic_url = \"https://video.example.com\"\n";
    let trusting = format!("{config}trusted_proxies = [\"127.0.0.1\"]\n");
    let appliance = Appliance::builder().config(&trusting).start();
    let user = |groups: &str| {
        let client = Client::nobody(&appliance).header("x-forwarded-user", "ann@example.com");
        client.header("x-forwarded-groups", groups).header("sec-fetch-site", "same-origin")
    };
    assert_eq!(user("staff").ask("GET", "/v1/videos", None).await.0, 200);
    assert_eq!(user("staff").ask("GET", "/v1/tokens", None).await.0, 403);
    assert_eq!(user("staff, video-admins").ask("GET", "/v1/tokens", None).await.0, 200);
    let (_, session) = user("").ask("GET", "/v1/session", None).await;
    assert_eq!(
        (session["by"].as_str(), session["name"].as_str()),
        (Some("proxy"), Some("ann@example.com"))
    );
    assert_eq!(Client::nobody(&appliance).ask("GET", "/v1/videos", None).await.0, 401);
    // The proxy's cookie comes with every page's requests.
    let page = Client::nobody(&appliance)
        .header("x-forwarded-user", "ann")
        .header("x-forwarded-groups", "video-admins");
    let body = || Some(json!({"name": "x", "scopes": ["read"]}));
    assert_eq!(page.ask("POST", "/v1/tokens", body()).await.0, 403);
    let page = page.header("origin", "https://video.example.com");
    assert_eq!(page.ask("POST", "/v1/tokens", body()).await.0, 201);

    let distrusting = format!("{config}trusted_proxies = [\"192.0.2.1\"]\n");
    let appliance = Appliance::builder().config(&distrusting).start();
    let forged = Client::nobody(&appliance).header("x-forwarded-user", "ann@example.com");
    let forged = forged.header("x-forwarded-groups", "video-admins");
    assert_eq!(forged.ask("GET", "/v1/videos", None).await.0, 401);
}

/// nginx with the configuration of the how-to. It is killed when this is dropped.
struct Nginx {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Nginx {
    /// Starts it in front of an appliance; nothing (reported as a skip) where it is not installed.
    async fn start(appliance: &Appliance) -> Option<Self> {
        let unpacked = root().join("target/tools/nginx/usr/sbin/nginx");
        let program = if unpacked.is_file() { unpacked } else { "nginx".into() };
        if Command::new(&program).arg("-v").output().is_err() {
            skip(Need::Nginx, "nginx is not installed (make test-deps)");
            return None;
        }
        let page =
            std::fs::read_to_string(root().join("docs/how-to/put-on-the-internet.md")).unwrap();
        let block = page.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let api = appliance.api.trim_start_matches("http://");
        let server = block
            .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
            .replace("127.0.0.1:8080", api)
            .lines()
            .filter(|line| !line.trim_start().starts_with("ssl_"))
            .collect::<Vec<_>>()
            .join("\n");
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {shown}/pid; error_log stderr; worker_processes 1;\nevents {{}}\n\
             http {{ access_log off; client_body_temp_path {shown}; proxy_temp_path {shown};\n\
             fastcgi_temp_path {shown}; uwsgi_temp_path {shown}; scgi_temp_path {shown};\n{server}\n}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).arg("-p").arg(folder.path());
        command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf"));
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, url: format!("http://video.localhost:{port}"), _folder: folder };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(nginx);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nginx does not listen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_nginx_passes_pages_on_and_keeps_strangers_out() {
    if !browser::has_browser() {
        return;
    }
    let Some(film) = media::clip(180, "25", 2) else { return };
    let mut appliance = Appliance::start();
    let (id, _) = appliance.publish("film.mp4", &film).await;
    // The name of the proxy resolves to this machine, and so does that of another page of the same host.
    appliance.set("http.public_url", "http://video.localhost");
    appliance.set("http.trusted_proxies", "127.0.0.1");
    appliance.restart();
    let mut command = program();
    command.args(["token", "create", "--name", "a", "--scope", "admin", "--data-dir"]);
    let made = command.arg(appliance.data_dir()).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let Some(nginx) = Nginx::start(&appliance).await else { return };
    let (result, is_success) =
        browser::browse("hostile.mjs", &[&nginx.url, &id, "proxied", &token]).await;
    assert!(is_success, "{result:#}");
    let attempts = result["attempts"].as_object().unwrap();
    assert_eq!(attempts.len(), 10, "{result:#}");
    for (attempt, outcome) in attempts {
        let expected = match attempt.split_once(": ").unwrap() {
            // The cookie comes along, and the page is not ours.
            (_, "form") => json!([401, 403]),
            (_, "simple") => json!(["opaque"]),
            _ => json!(["blocked"]),
        };
        assert!(expected.as_array().unwrap().contains(outcome), "{attempt}: {outcome}");
    }
    let video =
        Client::bearer(&appliance, &token).ask("GET", &format!("/v1/videos/{id}"), None).await;
    assert_eq!(video.1["state"], "ready");
    assert_eq!(result["signed_in"], true, "{result:#}");
}
