//! Playback tokens: which are issued, and which open nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ladderd::play::KEYS_RECORD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::main_url;
use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::media;

const APP_SECRET: &str = "a secret that the app and we share";

/// A token as an app makes one.
fn app_token(kid: &str, secret: &str, claims: &Value) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
    let signed = [header, claims.clone()].map(|part| BASE64.encode(part.to_string())).join(".");
    let signature = BASE64.encode(ring::hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Status and code of the answer to a token.
async fn answer(appliance: &Appliance, url: &str) -> (u16, String) {
    let response = appliance.http.get(url).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    if status == 200 {
        return (status, String::new());
    }
    assert_eq!(headers["content-type"], "application/problem+json", "{text}");
    assert_eq!(headers["access-control-allow-origin"], "*");
    let problem: Value = serde_json::from_str(&text).unwrap();
    (status, problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_token_of_the_video_opens_it() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("playback.keys", format!("app:{APP_SECRET},old:{}", "0".repeat(32)))
        .start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    let (other, _) = appliance.publish("other.mp4", &clip).await;
    let token = appliance.token(&id).await;
    let (_, brief) = appliance.ask_token(&id, &json!({"expires_in": 1, "viewer": "Anna"})).await;
    let brief = brief["token"].as_str().unwrap().to_owned();
    let claims =
        |sub: &str, from: i64, to: i64| json!({"sub": sub, "iat": now() + from, "exp": now() + to});
    let app = |kid: &str, secret: &str, claims: Value| app_token(kid, secret, &claims);
    let none = format!(
        "{}.{}.",
        BASE64.encode(r#"{"alg":"none","kid":"app"}"#),
        BASE64.encode(claims(&id, 0, 60).to_string())
    );
    let (head, _) = token.rsplit_once('.').unwrap();
    let table = [
        (token.clone(), (200, "")),
        (app("app", APP_SECRET, claims(&id, 0, 60)), (200, "")),
        (app("old", &"0".repeat(32), claims(&id, -86_400, 40 * 86_400)), (200, "")),
        (String::new(), (401, "token-missing")),
        ("nonsense".to_owned(), (401, "token-malformed")),
        (none, (401, "token-algorithm")),
        (format!("{head}.{}", BASE64.encode([7; 32])), (401, "token-signature")),
        (
            app("app", "another secret of the same length!", claims(&id, 0, 60)),
            (401, "token-signature"),
        ),
        (app("gone", APP_SECRET, claims(&id, 0, 60)), (401, "token-key-unknown")),
        (app("app", APP_SECRET, claims(&id, -60, -1)), (401, "token-expired")),
        (app("app", APP_SECRET, claims(&id, 3600, 7200)), (401, "token-not-yet-valid")),
        (app("app", APP_SECRET, json!({"sub": id, "exp": now() + 60})), (401, "token-malformed")),
        (app("app", APP_SECRET, claims(&other, 0, 60)), (403, "token-other-video")),
        (appliance.token(&other).await, (403, "token-other-video")),
    ];
    let poster = video["poster_url"].as_str().unwrap();
    let folder = poster.strip_suffix("/poster.jpg").unwrap();
    let paths = ["360p/index.m3u8", "360p/iframes.m3u8", "poster.jpg", "storyboard.vtt"];
    for (token, (status, code)) in table {
        let found = answer(&appliance, &main_url(&appliance, &id, &token)).await;
        assert_eq!(found, (status, code.to_owned()), "{token}");
        for path in paths {
            let found = answer(&appliance, &format!("{folder}/{path}?token={token}")).await;
            assert_eq!(found, (status, code.to_owned()), "{path} {token}");
        }
    }
    assert_long_token_has_periods(&appliance, &id, folder).await;
    let expired = tokio::time::timeout(TIMEOUT, async {
        while answer(&appliance, &main_url(&appliance, &id, &brief)).await.0 == 200 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    expired.await.unwrap();
    let found = answer(&appliance, &main_url(&appliance, &id, &brief)).await;
    assert_eq!(found, (401, "token-expired".to_owned()));
    for path in
        ["job.json", "a1/720p/seg_00000.ts", "a1/key", "../main.m3u8", "a1/720p/..%2F..%2Fjob.json"]
    {
        let url = format!("{}/play/{id}/{path}?token={token}", appliance.api);
        assert_eq!(appliance.http.get(url).send().await.unwrap().status(), 404, "{path}");
    }
}

/// With a token of weeks, URLs are signed anew from time to time, but not those of an event playlist that a player
/// follows already.
async fn assert_long_token_has_periods(appliance: &Appliance, id: &str, folder: &str) {
    const DAY: i64 = 86_400;
    let iat = now() - 4 * DAY;
    let claims = json!({"sub": id, "iat": iat, "exp": now() + 40 * DAY});
    let token = app_token("app", APP_SECRET, &claims);
    let text =
        async |url: String| appliance.http.get(url).send().await.unwrap().text().await.unwrap();
    let main = text(main_url(appliance, id, &token)).await;
    let uris = super::uris(&main);
    assert!(uris.iter().all(|uri| uri.ends_with(&format!("?token={token}&period=1"))), "{main}");
    let signed_at = async |file: &str, period: u32| {
        let playlist = text(format!("{folder}/360p/{file}?token={token}&period={period}")).await;
        let (_, rest) = playlist.split_once("X-Amz-Date=").unwrap();
        rest[..16].to_owned()
    };
    let date = |secs: i64| {
        let at = jiff::Timestamp::from_second(secs).unwrap();
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    let (first, second) = (date(iat), date(iat + 7 * DAY / 2));
    assert_eq!(signed_at("event.m3u8", 0).await, first);
    assert_eq!(signed_at("event.m3u8", 1).await, second);
    assert_eq!(signed_at("event.m3u8", 9).await, second);
    assert_eq!(signed_at("index.m3u8", 0).await, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_outlive_a_restart_and_their_keys_can_be_changed() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let mut appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let first = appliance.token(&id).await;
    appliance.restart();
    assert_eq!(answer(&appliance, &main_url(&appliance, &id, &first)).await.0, 200);
    let store = appliance.s3_client();
    let read = store.get_object().bucket("uploads").key(KEYS_RECORD).send().await.unwrap();
    let mut record: Value =
        serde_json::from_slice(&read.body.collect().await.unwrap().into_bytes()).unwrap();
    let secret = "5".repeat(64);
    let new = json!({"id": "new", "secret": secret, "created_at": "2026-01-01T00:00:00Z"});
    record["keys"].as_array_mut().unwrap().push(new);
    let put = store.put_object().bucket("uploads").key(KEYS_RECORD);
    put.body(record.to_string().into_bytes().into()).send().await.unwrap();
    // The box meets an unknown key and reads the record again.
    let claims = json!({"sub": id, "iat": now(), "exp": now() + 60});
    let bytes = String::from_utf8(hex::decode(&secret).unwrap()).unwrap();
    let second = app_token("new", &bytes, &claims);
    let known = tokio::time::timeout(TIMEOUT, async {
        while answer(&appliance, &main_url(&appliance, &id, &second)).await.0 != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    known.await.unwrap();
    assert_eq!(answer(&appliance, &main_url(&appliance, &id, &first)).await.0, 200);
    let header = appliance.token(&id).await;
    let header = BASE64.decode(header.split_once('.').unwrap().0).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["kid"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_tokens_are_checked() {
    let appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let id = appliance.ask("film.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    let table = [
        (json!({}), 201),
        (json!({"expires_in": 604_800, "viewer": "x".repeat(256)}), 201),
        (json!({"expires_in": 0}), 400),
        (json!({"expires_in": 604_801}), 400),
        (json!({"viewer": "x".repeat(257)}), 400),
    ];
    for (body, status) in table {
        assert_eq!(appliance.ask_token(&id, &body).await.0, status, "{body}");
    }
    let unknown = "0".repeat(20);
    assert_eq!(appliance.ask_token(&unknown, &json!({})).await.0, 404);
    let (_, answer) = appliance.ask_token(&id, &json!({})).await;
    assert_eq!(answer["url"], main_url(&appliance, &id, answer["token"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn players_on_other_sites_reach_the_gateway_and_nothing_else() {
    let appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let id = appliance.ask("film.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    let main = main_url(&appliance, &id, &appliance.token(&id).await);
    let send = async |method: reqwest::Method,
                      url: &str,
                      headers: &[(&'static str, &'static str)]| {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let request = appliance.http.request(method, url).headers(headers.collect::<HeaderMap>());
        request.send().await.unwrap()
    };
    let origin = ("origin", "https://player.example");
    let allowed = |response: &reqwest::Response| {
        let value = response.headers().get("access-control-allow-origin");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let get = send(reqwest::Method::GET, &main, &[origin]).await;
    assert_eq!((get.status().as_u16(), allowed(&get).as_deref()), (404, Some("*")));
    assert!(!get.headers().contains_key("access-control-allow-credentials"));
    let preflight = [origin, ("access-control-request-method", "GET")];
    let asked = send(reqwest::Method::OPTIONS, &main, &preflight).await;
    assert_eq!((asked.status().as_u16(), allowed(&asked).as_deref()), (200, Some("*")));
    let api = format!("{}/v1/videos/{id}", appliance.api);
    assert_eq!(allowed(&send(reqwest::Method::GET, &api, &[origin]).await), None);
    let foreign = [("host", "rebound.example")];
    assert_eq!(send(reqwest::Method::GET, &main, &foreign).await.status(), 421);
}
