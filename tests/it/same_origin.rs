//! Who may use the API from a browser: hosts, origins, and pages of others in Chromium.

use serde_json::{Value, json};

use super::browser;
use super::support::appliance::Appliance;
use super::support::media;

/// Status and code of a request with these headers.
async fn answer(
    appliance: &Appliance,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, String) {
    let url = format!("{}{path}", appliance.api);
    let mut request = appliance.http.request(method.parse().unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_are_refused_on_every_path() {
    let appliance = Appliance::builder()
        .setting("http.public_url", "https://video.example.com")
        .setting("http.hosts", "box7")
        .start();
    let hosts = [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:9", 200),
        ("video.example.com", 200),
        ("box7:8080", 200),
        ("rebound.example.net", 421),
        ("10.0.0.1:8080", 421),
        ("video.example.com.example.net", 421),
        ("a b", 421),
    ];
    for (host, expected) in hosts {
        for path in ["/", "/healthz", "/v1/session", "/openapi.json"] {
            let (status, code) = answer(&appliance, "GET", path, &[("host", host)]).await;
            assert_eq!(status, expected, "{host} {path}");
            assert!(status == 200 || code == "wrong-host", "{host} {path}: {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_change_nothing_and_read_nothing() {
    let ours = "https://app.example.com";
    let appliance = Appliance::builder().setting("http.cors_origins", ours).start();
    let own = appliance.api.clone();
    let path = "/v1/videos/00000000000000000000/retry";
    let table = [
        (vec![], 404),
        (vec![("origin", own.as_str()), ("sec-fetch-site", "same-origin")], 404),
        (vec![("origin", own.as_str())], 404),
        (vec![("origin", ours), ("sec-fetch-site", "cross-site")], 404),
        (vec![("origin", appliance.s3.as_str()), ("sec-fetch-site", "same-site")], 403),
        (vec![("origin", appliance.s3.as_str())], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
    ];
    for (headers, expected) in table {
        for method in ["POST", "DELETE"] {
            let path = if method == "POST" { path } else { path.trim_end_matches("/retry") };
            let (status, code) = answer(&appliance, method, path, &headers).await;
            assert_eq!(status, expected, "{method} {headers:?}");
            assert!(status != 403 || code == "cross-origin", "{code}");
        }
    }
    for (origin, expected) in [(ours, Some(ours)), ("https://evil.example", None)] {
        let url = format!("{}/v1/videos", appliance.api);
        let asked = appliance.http.get(url).header("origin", origin).send().await.unwrap();
        let allowed = asked.headers().get("access-control-allow-origin");
        assert_eq!(allowed.map(|allowed| allowed.to_str().unwrap()), expected, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pages_in_a_browser_neither_read_nor_change_anything() {
    if !browser::has_browser() {
        return;
    }
    let Some(film) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::start();
    let (id, _) = appliance.publish("film.mp4", &film).await;
    let (_, before) = appliance.get("/v1/videos").await;
    let (result, is_success) = browser::browse("hostile.mjs", &[&appliance.api, &id]).await;
    assert!(is_success, "{result:#}");
    let attempts = result["attempts"].as_object().unwrap();
    assert_eq!(attempts.len(), 14, "{result:#}");
    for (attempt, outcome) in attempts {
        let expected = match attempt.split_once(": ").unwrap() {
            (_, "form") => json!(403),
            ("rebound name", _) => json!(421),
            // Sent, refused, and not readable.
            (_, "simple") => json!("opaque"),
            _ => json!("blocked"),
        };
        assert_eq!(*outcome, expected, "{attempt}");
    }
    let (_, after) = appliance.get("/v1/videos").await;
    assert_eq!(after, before);
}
