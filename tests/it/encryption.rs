//! Encrypted streams: others play them with the key, and nobody without.

use std::path::Path;

use ladderd::domain::outcome::{Fault, FaultClass};
use ladderd::encryption::{Config, Encryption};
use serde_json::Value;

use super::support::appliance::Home;
use super::support::keys::{KeyServer, TOKEN};
use super::support::{self, media};

const KEY_HEX: &str = "12345678901234567890123456789012";
const OTHER_HEX: &str = "00112233445566778899aabbccddeeff";

fn key() -> Vec<u8> {
    hex::decode(KEY_HEX).unwrap()
}

/// Makes an encrypted stream of a file.
fn transcode(input: &Path, out: &Path, key_url: &str, more: &[&str]) {
    let output = support::program()
        .arg("transcode")
        .args([input, out])
        .args(more)
        .env("LADDERD__ENCRYPTION__KIND", "aes-128")
        .env("LADDERD__ENCRYPTION__KEY_URL", key_url)
        .env("LADDERD__ENCRYPTION__KEY_HEX", KEY_HEX)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains(KEY_HEX), "{said}");
}

/// Rules that the check says are broken, the binding ones, with what it says.
fn musts(target: &Path, more: &[&str]) -> (Vec<String>, String) {
    let output = support::program().arg("check").arg("--json").arg(target).args(more).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap().iter();
    let musts: Vec<String> = findings
        .filter(|finding| finding["level"] == "MUST")
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(output.status.success(), musts.is_empty());
    (musts, text)
}

fn lines_of_keys(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| line.starts_with("#EXT-X-KEY:")).collect()
}

#[test]
fn an_encrypted_folder_plays_with_its_key_and_keeps_the_rules() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(home.path(), 360, "25", 13) else { return };
    let out = home.path().join("out");
    let server = KeyServer::start(out.clone(), &key());
    transcode(&clip, &out, &format!("{}/play/{{video_id}}", server.url), &[]);

    let index = std::fs::read_to_string(out.join("360p/index.m3u8")).unwrap();
    let lines = lines_of_keys(&index);
    assert_eq!(lines.len(), index.matches("#EXTINF:").count(), "{index}");
    assert!(lines[0].contains("/play/clip_360p_13s\",IV=0x"), "{index}");
    assert!(lines[0] != lines[1] && lines[1] != lines[2], "{index}");
    let segment = std::fs::read(out.join("360p/seg_00000.ts")).unwrap();
    let is_of = |unit: usize| segment.len().is_multiple_of(unit);
    assert!(is_of(16) && !is_of(188), "blocks and not packets: {}", segment.len());

    let at = |file: &str| format!("{}/files/{file}", server.url);
    for file in ["main.m3u8", "audio-und/index.m3u8"] {
        assert_eq!(media::decode_errors(&at(file)), "", "{file}");
    }
    for (rung, size) in [("360p", (640, 360)), ("240p", (426, 240))] {
        let playlist = at(&format!("{rung}/index.m3u8"));
        assert_eq!(media::decode_errors(&playlist), "", "{rung}");
        assert_eq!(media::picture(&playlist), (size.0, size.1, 13 * 25), "{rung}");
        let iframes = at(&format!("{rung}/iframes.m3u8"));
        assert_eq!(media::decode_errors(&iframes), "", "{rung}");
        assert_eq!(media::picture(&iframes), (size.0, size.1, 7), "{rung}: one in 2 s");
    }
    // Nobody watches with another key.
    server.give(&hex::decode(OTHER_HEX).unwrap());
    assert_ne!(media::decode_errors(&at("360p/index.m3u8")), "");
    assert_ne!(media::decode_errors(&at("360p/iframes.m3u8")), "");
    server.give(&key());
    // By the key that players are given, and by one that is at hand.
    let (rules, report) = musts(&out, &[]);
    assert_eq!(rules, Vec::<String>::new(), "{report}");
    drop(server);
    let (rules, report) = musts(&out, &["--key-hex", KEY_HEX]);
    assert_eq!(rules, Vec::<String>::new(), "{report}");
    assert!(report.contains("\"codec\": \"avc1.64"), "{report}");

    let (rules, report) = musts(&out, &[]);
    let only = |rules: &[String], rule: &str| !rules.is_empty() && rules.iter().all(|r| r == rule);
    assert!(only(&rules, "key") && report.contains("give it with --key-hex"), "{report}");
    let (rules, report) = musts(&out, &["--key-hex", OTHER_HEX]);
    assert!(only(&rules, "RFC 8216 4.3.2.4"), "one cause, one rule: {report}");
    damages(&out);
}

#[test]
fn encrypted_fragments_keep_the_rules_and_decode() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(home.path(), 360, "25", 7) else { return };
    let settings = home.path().join("cmaf.toml");
    std::fs::write(&settings, "encode.segment = \"cmaf\"\n").unwrap();
    let out = home.path().join("out");
    let server = KeyServer::start(out.clone(), &key());
    let url = format!("{}/play/{{video_id}}", server.url);
    transcode(&clip, &out, &url, &["--config", settings.to_str().unwrap()]);

    let (rules, report) = musts(&out, &["--key-hex", KEY_HEX]);
    assert_eq!(rules, Vec::<String>::new(), "{report}");
    assert!(report.contains("\"codec\": \"avc1.64"), "{report}");
    let index = std::fs::read_to_string(out.join("360p/index.m3u8")).unwrap();
    let (map, first_key) = (index.find("#EXT-X-MAP").unwrap(), index.find("#EXT-X-KEY").unwrap());
    assert!(map < first_key, "what the segments are read with stays in the clear: {index}");
    let at = |file: &str| format!("{}/files/{file}", server.url);
    for file in ["360p/index.m3u8", "audio-und/index.m3u8"] {
        assert_eq!(media::decode_errors(&at(file)), "", "{file}");
    }
    assert_eq!(media::picture(&at("360p/index.m3u8")), (640, 360, 7 * 25));
}

/// A change of a file that the check has to call by its rule.
struct Damage {
    rule: &'static str,
    file: &'static str,
    change: fn(Vec<u8>) -> Vec<u8>,
}

fn text(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let before = String::from_utf8(bytes).unwrap();
    assert!(before.contains(from), "{before}");
    before.replacen(from, to, 1).into_bytes()
}

fn damages(good: &Path) {
    let all = [
        Damage {
            rule: "RFC 8216 4.3.2.4",
            file: "360p/seg_00001.ts",
            change: |b| b[..b.len() - 16].to_vec(),
        },
        Damage {
            rule: "RFC 8216 4.3.2.4",
            file: "audio-und/seg_00002.ts",
            change: |b| b[..b.len() - 1].to_vec(),
        },
        Damage {
            rule: "RFC 8216 4.3.2.4",
            file: "240p/index.m3u8",
            change: |b| text(b, "METHOD=AES-128", "METHOD=AES-64"),
        },
        Damage {
            rule: "RFC 8216 4.3.2.4",
            file: "240p/iframes.m3u8",
            change: |b| text(b, "IV=0x", "IV="),
        },
        Damage {
            rule: "RFC 8216 4.3.2.4",
            file: "240p/iframes.m3u8",
            change: |b| {
                let before = String::from_utf8(b).unwrap();
                let len = before.split("#EXT-X-BYTERANGE:").nth(1).unwrap();
                let len = len.split('@').next().unwrap();
                let block_less = len.parse::<usize>().unwrap() - 16;
                before.replacen(&format!(":{len}@"), &format!(":{block_less}@"), 1).into_bytes()
            },
        },
        Damage {
            rule: "RFC 8216 7",
            file: "360p/index.m3u8",
            change: |b| text(b, "EXT-X-VERSION:6", "EXT-X-VERSION:1"),
        },
    ];
    for damage in all {
        let file = good.join(damage.file);
        let before = std::fs::read(&file).unwrap();
        std::fs::write(&file, (damage.change)(before.clone())).unwrap();
        let (rules, report) = musts(good, &["--key-hex", KEY_HEX]);
        let found = rules.iter().any(|rule| rule == damage.rule);
        assert!(found, "{} in {}: {report}", damage.rule, damage.file);
        std::fs::write(&file, before).unwrap();
    }
    assert_eq!(musts(good, &["--key-hex", KEY_HEX]).0, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_asks_for_the_key_until_it_has_it_and_its_stream_plays() {
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::start(folder.path().to_owned(), &key());
    server.fail(2);
    let home = Home::with(&[
        ("LADDERD__ENCRYPTION__KIND", "aes-128"),
        ("LADDERD__ENCRYPTION__KEY_URL", &format!("{}/play/{{video_id}}", server.url)),
        ("LADDERD__ENCRYPTION__KEY_ENDPOINT", &format!("{}/keys/{{video_id}}", server.url)),
        ("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN", TOKEN),
        // Failures of the key's server do not count.
        ("LADDERD__QUEUE__MAX_ATTEMPTS", "1"),
    ]);
    let Some(clip) = media::clip(home.path(), 360, "25", 8) else { return };
    let appliance = home.start();
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(
        (video["state"].as_str(), &video["attempt"]),
        (Some("ready"), &1.into()),
        "{video:#}"
    );
    assert_eq!(server.asked(), [id.as_str(); 3], "two failures and a key");

    let url = video["playback_url"].as_str().unwrap().to_owned();
    let keys = appliance.keys("public", &format!("{id}/")).await;
    let of = |file: &str| keys.iter().find(|key| key.ends_with(file)).unwrap().clone();
    let (_, _, event) = appliance.public(&of("360p/event.m3u8")).await;
    let event = String::from_utf8(event).unwrap();
    assert_eq!(lines_of_keys(&event).len(), event.matches("#EXTINF:").count(), "{event}");
    assert!(event.ends_with("#EXT-X-ENDLIST\n"), "{event}");
    let (_, headers, pictures) = appliance.public(&of("360p/iframes_00000.ts")).await;
    assert_eq!(
        (&headers["content-type"], pictures.len() % 16),
        (&"video/mp2t".parse().unwrap(), 0)
    );

    let record = appliance.public(&format!("{id}/job.json")).await.2;
    let record = String::from_utf8(record).unwrap();
    assert!(!record.contains(TOKEN) && !record.contains(KEY_HEX), "{record}");
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["conformance"]["findings"], serde_json::json!([]), "{record:#}");

    let iframes = format!("{}/public/{}", appliance.s3, of("360p/iframes.m3u8"));
    let index = format!("{}/public/{}", appliance.s3, of("360p/index.m3u8"));
    let judged = tokio::task::spawn_blocking(move || {
        assert_eq!(media::decode_errors(&url), "");
        assert_eq!(media::picture(&index), (640, 360, 8 * 25));
        assert_eq!(media::decode_errors(&iframes), "");
        assert_eq!(musts(Path::new(&url), &[]).0, Vec::<String>::new());
    });
    judged.await.unwrap();
}

#[tokio::test]
async fn what_the_key_endpoint_does_wrong_is_told_and_not_the_token() {
    support::http_client();
    let server = KeyServer::start(std::env::temp_dir(), &key());
    let open = |token: &str| {
        let text = format!(
            "kind = \"aes-128\"\nkey_url = \"/k/{{video_id}}\"\nkey_endpoint_token = \"{token}\"\n\
             key_endpoint = \"{}/keys/{{video_id}}\"\n",
            server.url
        );
        Encryption::open(&toml::from_str::<Config>(&text).unwrap()).unwrap()
    };
    let found = open(TOKEN).key_of("0a").await.unwrap().unwrap();
    assert_eq!((found.key.0.to_vec(), found.uri.as_str()), (key(), "/k/0a"));
    let mut told = Vec::new();
    for (len, token) in [(15, TOKEN), (17, TOKEN), (64, TOKEN), (16, "wrong-token")] {
        server.give(&vec![7; len]);
        let error = open(token).key_of("0a").await.unwrap_err();
        assert_eq!(error.class(), FaultClass::Retryable);
        told.push(format!("{}: {error}", error.code()));
    }
    let encryption = open(TOKEN);
    drop(server);
    let gone = encryption.key_of("0a").await.unwrap_err();
    assert!(!gone.to_string().contains("/keys/"), "{gone}");
    assert_eq!(gone.code(), "key-unavailable");
    let length = |found| {
        format!(
            "key-length: the key endpoint answered {found} bytes instead of the 16 raw bytes of a key"
        )
    };
    assert_eq!(
        told,
        [
            length("15"),
            length("more than 16"),
            length("more than 16"),
            "key-unavailable: the key endpoint gives no key: HTTP status 401 Unauthorized"
                .to_owned(),
        ]
    );
}
