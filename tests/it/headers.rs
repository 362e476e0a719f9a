//! Headers that protect browsers, on every kind of answer of the API, the page and the store.

use reqwest::Method;
use reqwest::header::HeaderMap;

use super::support::appliance::Appliance;

/// Status and headers of an answer.
async fn answer(appliance: &Appliance, method: Method, url: &str) -> (u16, HeaderMap) {
    let request = appliance.http.request(method, url).header("origin", "https://a.example");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.headers().clone())
}

/// The values of a directive of the Content-Security-Policy.
fn directive(headers: &HeaderMap, name: &str) -> Vec<String> {
    let policy = headers["content-security-policy"].to_str().unwrap();
    let found = policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(name));
    let values = found.unwrap_or_else(|| panic!("{policy} has no {name}"));
    values.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_api_are_no_pages_and_in_no_frames() {
    let appliance = Appliance::start();
    let table = [
        (Method::GET, "/v1/system", 200),
        (Method::GET, "/v1/videos", 200),
        (Method::GET, "/healthz", 200),
        (Method::GET, "/metrics", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::GET, "/v1/videos/00000000000000000000", 404),
        (Method::GET, "/none.html", 404),
        (Method::POST, "/v1/uploads", 403),
        (Method::PATCH, "/v1/uploads", 403),
        (Method::DELETE, "/readyz", 403),
    ];
    for (method, path, status) in table {
        let url = format!("{}{path}", appliance.api);
        let (found, headers) = answer(&appliance, method.clone(), &url).await;
        assert_eq!(found, status, "{method} {path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{method} {path}");
        assert_eq!(directive(&headers, "frame-ancestors"), ["'none'"], "{method} {path}");
        assert_eq!(directive(&headers, "default-src"), ["'none'"], "{method} {path}");
    }
    // A host that is not ours.
    let url = format!("{}/healthz", appliance.api);
    let refused = appliance.http.get(url).header("host", "evil.example").send().await.unwrap();
    assert_eq!(refused.status(), 421);
    assert_eq!(refused.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_runs_no_script_but_its_own() {
    let appliance = Appliance::start();
    let none = &["'none'"][..];
    for (path, framed_by) in [
        ("/", none),
        ("/upload", none),
        ("/watch/x", none),
        ("/system", none),
        ("/system/backends", none),
        ("/settings/tokens", none),
        ("/docs", none),
        ("/embed/x", &["*"]),
    ] {
        let url = format!("{}{path}", appliance.api);
        let (status, headers) = answer(&appliance, Method::GET, &url).await;
        assert_eq!(status, 200, "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(!headers.contains_key("x-frame-options"), "it would forbid what the policy allows");
        assert_eq!(directive(&headers, "frame-ancestors"), framed_by, "{path}");
        assert_eq!(directive(&headers, "object-src"), ["'none'"]);
        assert_eq!(directive(&headers, "base-uri"), ["'none'"]);
        // Scripts have no directive of their own.
        assert_eq!(directive(&headers, "default-src"), ["'self'"], "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("script-src") && !policy.contains("unsafe-eval"), "{policy}");
        let connect = directive(&headers, "connect-src");
        assert_eq!(connect[0], "'self'");
        assert!(connect[1..].iter().all(|origin| *origin == appliance.s3), "{connect:?}");
    }
    for path in ["/nope", "/embed", "/watch/a/b", "/systems"] {
        let url = format!("{}{path}", appliance.api);
        assert_eq!(answer(&appliance, Method::GET, &url).await.0, 404, "{path}");
    }
    for (origins, expected) in
        [(r#"["https://a.example"]"#, &["https://a.example"][..]), ("[]", none)]
    {
        let text = format!("[http]\nembed_origins = {origins}\n");
        let appliance = Appliance::builder().config(&text).start();
        let url = format!("{}/embed/x", appliance.api);
        let (_, headers) = answer(&appliance, Method::GET, &url).await;
        assert_eq!(directive(&headers, "frame-ancestors"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_store_are_taken_for_nothing_else() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    let put = client.put_object().bucket("public").key("a.html").content_type("text/html");
    put.body(b"<script>alert(1)</script>".to_vec().into()).send().await.unwrap();
    let table = [
        (Method::GET, "/public/a.html", 200),
        (Method::HEAD, "/public/a.html", 200),
        (Method::GET, "/public/none", 404),
        (Method::GET, "/uploads/none", 403),
        (Method::GET, "/", 403),
        (Method::PUT, "/public/b", 403),
        (Method::POST, "/uploads", 403),
        (Method::OPTIONS, "/public/a.html", 403),
        (Method::GET, "/WriteGetObjectResponse", 501),
    ];
    for (method, path, status) in table {
        let url = format!("{}{path}", appliance.s3);
        let (found, headers) = answer(&appliance, method.clone(), &url).await;
        if method != Method::OPTIONS && method != Method::POST {
            assert_eq!(found, status, "{method} {path}");
        }
        assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {path}");
    }
    // A part of an object, and one that has not changed.
    let url = format!("{}/public/a.html", appliance.s3);
    for (name, value, status) in [("range", "bytes=0-1", 206), ("if-none-match", "*", 304)] {
        let response = appliance.http.get(&url).header(name, value).send().await.unwrap();
        assert_eq!((response.status().as_u16(), name), (status, name));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_not_served_from_the_origin_of_the_page() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    for bucket in ["public", "uploads"] {
        let put = client.put_object().bucket(bucket).key("index.html").content_type("text/html");
        put.body(b"mine".to_vec().into()).send().await.unwrap();
    }
    for path in ["/public/index.html", "/uploads/index.html", "/index.html", "/"] {
        let response = appliance.http.get(format!("{}{path}", appliance.api)).send().await.unwrap();
        assert!(!response.text().await.unwrap().contains("mine"), "{path}");
    }
    let origin = |url: &str| reqwest::Url::parse(url).unwrap().origin();
    assert_ne!(origin(&appliance.api), origin(&appliance.s3));
}
