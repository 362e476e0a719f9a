//! The documented configuration of Caddy. That of nginx is tried in `access::listening`, with a browser.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::pages::Page;
use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::{Need, root, skip};

const PAGE: &str = "docs/how-to/put-on-the-internet.md";

/// Caddy in front of an appliance. It is killed when this is dropped.
struct Caddy {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Caddy {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Caddy {
    /// Starts it with the block of the how-to, without TLS on a free port; nothing (reported as a skip) where it is
    /// not installed.
    fn start(appliance: &Appliance) -> Option<Self> {
        let unpacked = root().join("target/tools/caddy/usr/bin/caddy");
        let program = if unpacked.is_file() { unpacked } else { "caddy".into() };
        if Command::new(&program).arg("version").output().is_err() {
            skip(Need::Caddy, "Caddy is not installed (make test-deps)");
            return None;
        }
        let page = Page::at(PAGE);
        let (_, block) = page.blocks.iter().find(|(info, _)| info == "caddy").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let site = block
            .replace(
                "video.example.com {",
                &format!("http://video.example.com:{port} {{\nbind 127.0.0.1"),
            )
            .replace("127.0.0.1:8080", appliance.api.trim_start_matches("http://"));
        assert!(site.contains(&port.to_string()) && !site.contains(":8080"), "{site}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Caddyfile");
        std::fs::write(&file, format!("{{\nadmin off\nauto_https off\n}}\n{site}")).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(["run", "--config"]);
        command.arg(&file).env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { child, url: format!("http://127.0.0.1:{port}"), _folder: folder })
    }

    /// A request for the documented name, once Caddy listens.
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let http = crate::support::http_client();
        let ask = async {
            loop {
                let mut request = http.get(format!("{}{path}", self.url));
                request = request.header("host", "video.example.com");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                match request.send().await {
                    Ok(response) => return response,
                    Err(error) => assert!(error.is_connect(), "{error}"),
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, ask).await.expect("Caddy does not listen")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_caddy_passes_events_on_and_names_no_users() {
    let config = "[http]\npublic_url = \"https://video.example.com\"\n\
                  trusted_proxies = [\"127.0.0.1\"]\n\
                  [auth]\nmode = \"proxy\"\n[[auth.roles]]\ngroup = \"*\"\nscopes = [\"read\"]\n";
    let mut appliance = Appliance::builder().config(config).start();
    let Some(caddy) = Caddy::start(&appliance) else { return };
    appliance.authorize();
    let token = format!("Bearer {}", appliance.own_token());

    // The appliance believes these headers from the address of the proxy, so the proxy has to remove them.
    let forged = [("x-forwarded-user", "ann"), ("x-forwarded-groups", "x")];
    let mut direct = appliance.http.get(format!("{}/v1/videos", appliance.api));
    direct = direct.header("sec-fetch-site", "same-origin").header("host", "video.example.com");
    for (name, value) in forged {
        direct = direct.header(name, value);
    }
    assert_eq!(direct.send().await.unwrap().status(), 200);
    assert_eq!(caddy.get("/v1/videos", &forged).await.status(), 401);
    assert_eq!(caddy.get("/v1/videos", &[("authorization", &token)]).await.status(), 200);

    // An event comes while the stream is open.
    let mut events = caddy.get("/v1/events", &[("authorization", &token)]).await;
    assert_eq!(events.status(), 200);
    let asked = appliance.ask("film.mp4", 5).await;
    let mut text = String::new();
    while !text.contains("video.created") {
        let chunk = tokio::time::timeout(TIMEOUT, events.chunk()).await.expect("no event comes");
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains(asked["video_id"].as_str().unwrap()), "{text} {}", json!(asked));
}
