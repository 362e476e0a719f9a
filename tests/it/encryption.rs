//! Encrypted streams: players decode them with the key, and not without it.

use std::path::Path;

use ladderd::domain::outcome::{Fault, FaultClass};
use ladderd::encryption::{Config, Encryption};
use ladderd::tls::Trust;

use super::support::appliance::Appliance;
use super::support::damage::{self, Damage, text};
use super::support::keys::{KeyServer, TOKEN};
use super::support::stream::{Stream, Transcode, check, check_url};
use super::support::{self, media};

const KEY_HEX: &str = "12345678901234567890123456789012";
const OTHER_HEX: &str = "00112233445566778899aabbccddeeff";
const WITH_KEY: [&str; 2] = ["--key-hex", KEY_HEX];

fn key() -> Vec<u8> {
    hex::decode(KEY_HEX).unwrap()
}

/// Makes an encrypted stream of a file. `server` is the one that players get the key from.
fn transcode(input: &Path, out: &Path, server: &KeyServer, format: &str) -> Stream {
    let stream = Transcode::new(input)
        .into_folder(out)
        .setting("encode.segment", format)
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", &format!("{}/play/{{video_id}}", server.url))
        .setting("encryption.key_hex", KEY_HEX)
        .run();
    assert!(!stream.stderr.contains(KEY_HEX), "{}", stream.stderr);
    stream
}

fn key_tags(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| line.starts_with("#EXT-X-KEY:")).collect()
}

#[test]
fn an_encrypted_folder_plays_with_its_key_and_keeps_the_rules() {
    let Some(clip) = media::clip(360, "25", 13) else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let server = KeyServer::start(out.clone(), &key());
    let stream = transcode(&clip, &out, &server, "ts");

    let index = stream.text("360p/index.m3u8");
    let tags = key_tags(&index);
    assert_eq!(tags.len(), index.matches("#EXTINF:").count(), "{index}");
    assert!(tags[0].contains("/play/clip_360p_13s\",IV=0x"), "{index}");
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "{index}");
    let segment = std::fs::read(stream.path("360p/seg_00000.ts")).unwrap();
    let is_made_of = |unit: usize| segment.len().is_multiple_of(unit);
    assert!(is_made_of(16) && !is_made_of(188), "blocks, not packets: {}", segment.len());

    let at = |file: &str| format!("{}/files/{file}", server.url);
    for file in ["main.m3u8", "audio-und/index.m3u8"] {
        assert_eq!(media::decode_errors(&at(file)), "", "{file}");
    }
    for (rung, size) in [("360p", (640, 360)), ("240p", (426, 240))] {
        let playlist = at(&format!("{rung}/index.m3u8"));
        assert_eq!(media::decode_errors(&playlist), "", "{rung}");
        assert_eq!(media::size_and_frames(&playlist), (size.0, size.1, 13 * 25), "{rung}");
        let iframes = at(&format!("{rung}/iframes.m3u8"));
        assert_eq!(media::decode_errors(&iframes), "", "{rung}");
        assert_eq!(media::size_and_frames(&iframes), (size.0, size.1, 7), "{rung}: one in 2 s");
    }
    // Another key decodes nothing.
    server.give(&hex::decode(OTHER_HEX).unwrap());
    assert_ne!(media::decode_errors(&at("360p/index.m3u8")), "");
    assert_ne!(media::decode_errors(&at("360p/iframes.m3u8")), "");
    server.give(&key());
    // With the key from the server, and with the one of the command line.
    stream.check().assert_sound();
    drop(server);
    let report = check(&out, &WITH_KEY);
    report.assert_sound();
    assert!(report.json.to_string().contains("\"codec\":\"avc1.64"), "{:#}", report.json);

    let (rules, said) = broken(&out, &[]);
    assert!(is_only(&rules, "key") && said.contains("give it with --key-hex"), "{said}");
    let (rules, said) = broken(&out, &["--key-hex", OTHER_HEX]);
    assert!(is_only(&rules, "RFC 8216 4.3.2.4"), "one cause, one rule: {said}");
    damage::assert_found(&stream, DAMAGES, &WITH_KEY);
}

/// The binding rules that the check finds broken, and its report.
fn broken(folder: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let report = check(folder, arguments);
    (report.musts(), report.json.to_string())
}

fn is_only(rules: &[String], rule: &str) -> bool {
    !rules.is_empty() && rules.iter().all(|found| found == rule)
}

#[test]
fn encrypted_fragments_keep_the_rules_and_decode() {
    let Some(clip) = media::clip(360, "25", 7) else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let server = KeyServer::start(out.clone(), &key());
    let stream = transcode(&clip, &out, &server, "cmaf");

    let report = check(&out, &WITH_KEY);
    report.assert_sound();
    assert!(report.json.to_string().contains("\"codec\":\"avc1.64"), "{:#}", report.json);
    let index = stream.text("360p/index.m3u8");
    let (map, first_key) = (index.find("#EXT-X-MAP").unwrap(), index.find("#EXT-X-KEY").unwrap());
    assert!(map < first_key, "the initialization section stays in the clear: {index}");
    let at = |file: &str| format!("{}/files/{file}", server.url);
    for file in ["360p/index.m3u8", "audio-und/index.m3u8"] {
        assert_eq!(media::decode_errors(&at(file)), "", "{file}");
    }
    assert_eq!(media::size_and_frames(&at("360p/index.m3u8")), (640, 360, 7 * 25));
}

/// Replaces the first `from`.
fn replaced(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    text(bytes, |text| text.replacen(from, to, 1))
}

const DAMAGES: &[Damage] = &[
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
        change: |b| replaced(b, "METHOD=AES-128", "METHOD=AES-64"),
    },
    Damage {
        rule: "RFC 8216 4.3.2.4",
        file: "240p/iframes.m3u8",
        change: |b| replaced(b, "IV=0x", "IV="),
    },
    // One block less.
    Damage {
        rule: "RFC 8216 4.3.2.4",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| damage::number(t, "#EXT-X-BYTERANGE:", |len| len - 16.0)),
    },
    Damage {
        rule: "RFC 8216 7",
        file: "360p/index.m3u8",
        change: |b| replaced(b, "EXT-X-VERSION:6", "EXT-X-VERSION:1"),
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_retries_the_key_endpoint_and_its_stream_plays() {
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::start(folder.path().to_owned(), &key());
    server.fail(2);
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let appliance = Appliance::builder()
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", format!("{}/play/{{video_id}}", server.url))
        .setting("encryption.key_endpoint", format!("{}/keys/{{video_id}}", server.url))
        .setting("encryption.key_endpoint_token", TOKEN)
        // Failures of the key server do not count as attempts.
        .setting("queue.max_attempts", 1)
        .start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    assert_eq!(video["attempt"], 1, "{video:#}");
    assert_eq!(server.asked(), [id.as_str(); 3], "two failures and a key");

    let url = video["playback_url"].as_str().unwrap().to_owned();
    let keys = appliance.keys("public", &format!("{id}/")).await;
    let of = |file: &str| keys.iter().find(|key| key.ends_with(file)).unwrap().clone();
    let (_, _, event) = appliance.public(&of("360p/event.m3u8")).await;
    let event = String::from_utf8(event).unwrap();
    assert_eq!(key_tags(&event).len(), event.matches("#EXTINF:").count(), "{event}");
    assert!(event.ends_with("#EXT-X-ENDLIST\n"), "{event}");
    let (_, headers, iframes) = appliance.public(&of("360p/iframes_00000.ts")).await;
    assert_eq!((&headers["content-type"], iframes.len() % 16), (&"video/mp2t".parse().unwrap(), 0));

    let record = appliance.record(&id).await;
    let text = record.to_string();
    assert!(!text.contains(TOKEN) && !text.contains(KEY_HEX), "{text}");
    assert_eq!(record["conformance"]["findings"], serde_json::json!([]), "{record:#}");

    let iframes = format!("{}/public/{}", appliance.s3, of("360p/iframes.m3u8"));
    let index = format!("{}/public/{}", appliance.s3, of("360p/index.m3u8"));
    check_url(&url).await.assert_sound();
    let decoded = tokio::task::spawn_blocking(move || {
        assert_eq!(media::decode_errors(&url), "");
        assert_eq!(media::size_and_frames(&index), (640, 360, 8 * 25));
        assert_eq!(media::decode_errors(&iframes), "");
    });
    decoded.await.unwrap();
}

#[tokio::test]
async fn faults_of_the_key_endpoint_are_reported_without_the_token() {
    support::http_client();
    let server = KeyServer::start(std::env::temp_dir(), &key());
    let open = |token: &str| {
        let text = format!(
            "kind = \"aes-128\"\nkey_url = \"/k/{{video_id}}\"\nkey_endpoint_token = \"{token}\"\n\
             key_endpoint = \"{}/keys/{{video_id}}\"\n",
            server.url
        );
        Encryption::open(&toml::from_str::<Config>(&text).unwrap(), &Trust::default()).unwrap()
    };
    let found = open(TOKEN).key_of("0a").await.unwrap().unwrap();
    assert_eq!((found.key.0.to_vec(), found.uri.as_str()), (key(), "/k/0a"));
    let mut reported = Vec::new();
    for (len, token) in [(15, TOKEN), (17, TOKEN), (64, TOKEN), (16, "wrong-token")] {
        server.give(&vec![7; len]);
        let error = open(token).key_of("0a").await.unwrap_err();
        assert_eq!(error.class(), FaultClass::Retryable);
        reported.push(format!("{}: {error}", error.code()));
    }
    let encryption = open(TOKEN);
    drop(server);
    let gone = encryption.key_of("0a").await.unwrap_err();
    assert!(!gone.to_string().contains("/keys/"), "{gone}");
    assert_eq!(gone.code().as_str(), "key-unavailable");
    let length = |found| {
        format!(
            "key-length: the key endpoint answered {found} bytes instead of the 16 raw bytes of a key"
        )
    };
    assert_eq!(
        reported,
        [
            length("15"),
            length("more than 16"),
            length("more than 16"),
            "key-unavailable: the key endpoint gives no key: HTTP status 401 Unauthorized"
                .to_owned(),
        ]
    );
}
