//! Who may do what: tokens, sessions, grants, limits, and the rules of the same machine.

mod grants;
mod listening;
mod routes;
mod sessions;
mod tokens;

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::support::appliance::Appliance;
use super::support::media;

/// One caller of the API: the headers that it sends.
pub(crate) struct Client<'a> {
    appliance: &'a Appliance,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Client<'a> {
    /// A caller without credentials.
    pub(crate) fn nobody(appliance: &'a Appliance) -> Self {
        Self { appliance, headers: Vec::new() }
    }

    /// A caller with the text of a token or a grant.
    pub(crate) fn bearer(appliance: &'a Appliance, secret: &str) -> Self {
        Self::nobody(appliance).header("authorization", &format!("Bearer {secret}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.appliance.api);
        let mut request = self.appliance.http.request(method.parse().unwrap(), url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Status and body of an answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Status and code of an answer.
    pub(crate) async fn refusal(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, String) {
        let (status, body) = self.ask(method, path, body).await;
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes a token with these scopes.
    pub(crate) async fn make(&self, scopes: &[&str]) -> Made {
        let body = json!({"name": "test", "scopes": scopes});
        let (status, made) = self.ask("POST", "/v1/tokens", Some(body)).await;
        assert_eq!(status, 201, "{made:#}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Made { id: text("id"), token: text("token") }
    }
}

/// A token that was made.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// The body of a request for an upload.
#[allow(clippy::unnecessary_wraps, reason = "other requests have no body")]
fn upload(size: u64) -> Option<Value> {
    Some(json!({"filename": "film.mp4", "size_bytes": size}))
}

/// A cookie that an answer sets, with its attributes.
fn set_cookie(headers: &HeaderMap) -> Option<String> {
    headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_machine_needs_no_account_until_it_is_set_up_for_others() {
    let appliance = Appliance::start();
    let nobody = || Client::nobody(&appliance);
    let table = [
        (nobody(), 200),
        (nobody().header("host", "localhost:80"), 200),
        (nobody().header("forwarded", "for=192.0.2.1"), 401),
        (nobody().header("x-forwarded-for", "192.0.2.1"), 401),
        (nobody().header("x-forwarded-proto", "https"), 401),
        (nobody().header("x-real-ip", "192.0.2.1"), 401),
        (nobody().header("via", "1.1 proxy"), 401),
    ];
    for (client, expected) in table {
        let (status, answer) = client.ask("GET", "/v1/videos", None).await;
        assert_eq!(status, expected, "{:?}: {answer}", client.headers);
    }
    // The first token of somebody ends it, for everything but what needs no account.
    let made = nobody().make(&["read"]).await;
    assert_eq!(nobody().refusal("GET", "/v1/videos", None).await, (401, "not-signed-in".into()));
    assert_eq!(nobody().ask("GET", "/healthz", None).await.0, 200);
    assert_eq!(nobody().ask("GET", "/", None).await.0, 200);
    let (_, session) = nobody().ask("GET", "/v1/session", None).await;
    assert_eq!(session["by"], "none");
    let reader = Client::bearer(&appliance, &made.token);
    assert_eq!(reader.ask("GET", "/v1/videos", None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_for_others_end_the_trust_in_the_same_machine() {
    for (key, value) in
        [("http.public_url", "https://video.example.com"), ("http.trusted_proxies", "127.0.0.1")]
    {
        let appliance = Appliance::builder().setting(key, value).start();
        let nobody = Client::nobody(&appliance);
        assert_eq!(nobody.ask("GET", "/v1/videos", None).await.0, 401, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_refused_until_they_may_come_again() {
    let appliance = Appliance::builder()
        .setting("http.requests_per_sec", 1)
        .setting("http.request_burst", 5)
        .start();
    let nobody = Client::nobody(&appliance);
    let mut refused = None;
    for _ in 0..20 {
        let response = nobody.send("GET", "/v1/videos", None).await;
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.status(), 200);
    }
    let refused = refused.expect("no request was refused");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait));
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "too-many-requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_tokens_is_refused_and_known_ones_still_work() {
    let appliance = Appliance::start();
    let made = Client::nobody(&appliance).make(&["read"]).await;
    let reader = Client::bearer(&appliance, &made.token);
    assert_eq!(reader.ask("GET", "/v1/videos", None).await.0, 200);
    let guess = |n: usize| {
        let wrong = format!("ldr_{n:064x}");
        let client = Client::bearer(&appliance, &wrong);
        async move { client.ask("GET", "/v1/videos", None).await.0 }
    };
    let statuses = futures_util::future::join_all((0..40).map(guess)).await;
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert_eq!(guess(99).await, 429);
    let code = json!({"code": format!("ldc_{}", "0".repeat(64))});
    let nobody = Client::nobody(&appliance);
    assert_eq!(nobody.ask("POST", "/v1/session", Some(code)).await.0, 429);
    assert_eq!(reader.ask("GET", "/v1/videos", None).await.0, 200);
}

/// A store that keeps no source after its job, and users who delete their videos soon, made every upload count until
/// its URLs expired.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_source_is_gone_again_has_ended() {
    let Some(clip) = media::clip(180, "25", 1) else { return };
    let appliance = Appliance::builder()
        .setting("uploads.max_in_flight", 1)
        .setting("store.after_success", "delete")
        .start();
    appliance.publish("film.mp4", &clip).await;
    let nobody = Client::nobody(&appliance);
    let (status, second) = nobody.ask("POST", "/v1/uploads", upload(4)).await;
    assert_eq!(status, 201, "{second:#}");
    let video = second["video_url"].as_str().unwrap();
    assert_eq!(nobody.ask("DELETE", video, None).await.0, 202);
    assert_eq!(nobody.ask("POST", "/v1/uploads", upload(4)).await.0, 201);
    assert_eq!(nobody.ask("POST", "/v1/uploads", upload(4)).await.0, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_many_uploads_in_flight() {
    let appliance = Appliance::builder().setting("uploads.max_in_flight", 2).start();
    let nobody = Client::nobody(&appliance);
    let (_, first) = nobody.ask("POST", "/v1/uploads", upload(4)).await;
    assert_eq!(nobody.ask("POST", "/v1/uploads", upload(4)).await.0, 201);
    let refused = nobody.send("POST", "/v1/uploads", upload(4)).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    // An upload that has ended makes room.
    assert_eq!(appliance.put(&first["upload"], vec![0; 4]).await.status(), 200);
    assert_eq!(nobody.ask("POST", "/v1/uploads", upload(4)).await.0, 201);
}
