//! Sessions of the page: sign-in by token and by link, cookies, sign-out.

use serde_json::json;

use super::{Client, set_cookie};
use crate::browser;
use crate::support::appliance::Appliance;
use crate::support::program;

/// The code of a new sign-in link.
fn code(appliance: &Appliance) -> String {
    let mut command = program();
    command.args(["token", "link", "--data-dir"]).arg(appliance.data_dir());
    let link = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let (page, code) = link.trim().split_once("/#sign-in=").unwrap();
    assert_eq!(page, appliance.api);
    code.to_owned()
}

/// Name and value of the cookie of a new session with this token.
async fn sign_in(appliance: &Appliance, token: &str) -> String {
    let client = Client::nobody(appliance);
    let response = client.send("POST", "/v1/session", Some(json!({"token": token}))).await;
    assert_eq!(response.status(), 200);
    let cookie = set_cookie(response.headers()).unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once() {
    let appliance = Appliance::start();
    let made = Client::nobody(&appliance).make(&["read"]).await;
    drop(made);
    let code = code(&appliance);
    let body = || Some(json!({"code": code}));
    let client = Client::nobody(&appliance);
    let response = client.send("POST", "/v1/session", body()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let cookie = set_cookie(response.headers()).unwrap();
    assert!(cookie.starts_with("ladderd="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = Client::nobody(&appliance).header("cookie", &cookie);
    let (_, session) = page.ask("GET", "/v1/session", None).await;
    assert_eq!((session["by"].as_str(), &session["scopes"]), (Some("session"), &json!(["admin"])));
    assert_eq!(page.ask("GET", "/v1/tokens", None).await.0, 200);
    let again = client.refusal("POST", "/v1/session", body()).await;
    assert_eq!(again, (401, "invalid-code".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_nothing_for_pages_of_others() {
    let appliance = Appliance::start();
    let made = Client::nobody(&appliance).make(&["admin"]).await;
    let cookie = sign_in(&appliance, &made.token).await;
    let body = || Some(json!({"name": "x", "scopes": ["read"]}));
    let own = appliance.api.clone();
    let store = appliance.s3.clone();
    let page = || Client::nobody(&appliance).header("cookie", &cookie);
    let table = [
        (page().header("sec-fetch-site", "same-origin"), 201),
        (page().header("origin", &own), 201),
        // No browser of today, so nobody knows whose page it is.
        (page(), 403),
        (page().header("sec-fetch-site", "same-site").header("origin", &store), 403),
        (page().header("origin", &store), 403),
        (page().header("sec-fetch-site", "cross-site"), 403),
        (page().header("sec-fetch-site", "none"), 403),
        // A token is not ambient.
        (Client::bearer(&appliance, &made.token).header("cookie", &cookie), 201),
    ];
    for (client, expected) in table {
        let (status, answer) = client.ask("POST", "/v1/tokens", body()).await;
        assert_eq!(status, expected, "{:?}: {answer}", client.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_with_their_token_and_by_signing_out() {
    let appliance = Appliance::start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let by_admin = Client::bearer(&appliance, &admin.token);
    let made = by_admin.make(&["read"]).await;
    let [first, second] =
        [sign_in(&appliance, &made.token).await, sign_in(&appliance, &made.token).await];
    let page = |cookie: &str| {
        let client = Client::nobody(&appliance).header("cookie", cookie);
        client.header("sec-fetch-site", "same-origin")
    };
    let status = async |cookie: &str| page(cookie).ask("GET", "/v1/videos", None).await.0;
    assert_eq!(status(&first).await, 200);
    // Somebody who changes the cookie is nobody.
    let forged = first.replace(&made.id, &admin.id);
    let (head, tail) = first.rsplit_once('.').unwrap();
    let unsigned = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for wrong in [forged + "x", unsigned, "ladderd=x".to_owned(), "ladderd=".to_owned()] {
        assert_eq!(status(&wrong).await, 401, "{wrong}");
    }
    let response = page(&first).send("DELETE", "/v1/session", None).await;
    assert_eq!(response.status(), 204);
    assert!(set_cookie(response.headers()).unwrap().contains("Max-Age=0"));
    // Cookies count seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(page(&second).ask("DELETE", "/v1/sessions", None).await.0, 204);
    for cookie in [&first, &second] {
        assert_eq!(status(cookie).await, 401);
    }
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let third = sign_in(&appliance, &made.token).await;
    assert_eq!(status(&third).await, 200);
    by_admin.ask("DELETE", &format!("/v1/tokens/{}", made.id), None).await;
    assert_eq!(status(&third).await, 401);
    // Files of the page are for everybody, also with a cookie of yesterday.
    assert_eq!(page(&third).ask("GET", "/", None).await.0, 200);
    assert_eq!(page(&third).ask("GET", "/v1/session", None).await.1["by"], "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_is_for_this_host_alone() {
    let appliance =
        Appliance::builder().setting("http.public_url", "https://video.example.com").start();
    let mut command = program();
    command.args(["token", "create", "--name", "a", "--scope", "read", "--data-dir"]);
    let made = command.arg(appliance.data_dir()).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let client = Client::nobody(&appliance).header("origin", "https://video.example.com");
    let response = client.send("POST", "/v1/session", Some(json!({"token": token}))).await;
    let cookie = set_cookie(response.headers()).unwrap();
    assert!(cookie.starts_with("__Host-ladderd=") && cookie.contains("Secure"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_signs_in_by_token_and_link_and_out() {
    if !browser::has_browser() {
        return;
    }
    let appliance = Appliance::start();
    Client::nobody(&appliance).make(&["read"]).await;
    let link = format!("{}/#sign-in={}", appliance.api, code(&appliance));
    let folder = std::env::var("LADDERD_SCREENSHOTS").unwrap_or_default();
    let arguments = if folder.is_empty() { vec![&*link] } else { vec![&*link, &*folder] };
    let (result, is_success) = browser::browse("sign_in.mjs", &arguments).await;
    assert!(is_success, "{result:#}");
    let text = |name: &str| result[name].as_str().unwrap().to_owned();
    assert!(text("error").contains("not known"), "{result:#}");
    assert!(text("account").starts_with("admin"), "{result:#}");
    assert_eq!(text("hash"), "", "the code stays in the address bar");
    assert!(text("again").contains("used already"), "{result:#}");
    assert_eq!(result["signed_out"], true);
}
