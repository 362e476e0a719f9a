//! Several appliances on the S3 and SQS of moto and `LocalStack`.

mod accounts;
mod catalog;
mod chaos;
mod deletes;
mod events;
mod how_to;
mod private;
mod surroundings;
mod takeover;

use super::support::appliance::Appliance;
use super::support::fleet::Fleet;
use super::support::media;
use super::support::servers::ServerKind;

/// A test on both implementations of S3 and SQS.
macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_moto() {
                super::$name(crate::support::servers::ServerKind::Moto).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_localstack() {
                super::$name(crate::support::servers::ServerKind::LocalStack).await;
            }
        }
    };
}
use on_both;

/// The bytes of a short clip.
pub(super) fn short_clip() -> Option<Vec<u8>> {
    Some(std::fs::read(media::clip(360, "25", 2)?).unwrap())
}

on_both!(an_upload_becomes_a_stream);
async fn an_upload_becomes_a_stream(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet
        .appliance()
        .setting("uploads.single_put_max_bytes", 6_000_000)
        .setting("uploads.part_size_bytes", 5_242_880)
        .start();
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["store"]["conditional_writes"], true);
    let single = appliance.upload("film one.mp4", clip.clone()).await;
    // An empty `free` box at the end makes the MP4 file large enough for two parts.
    let mut large = clip.clone();
    let padding = vec![0; 7 << 20];
    large.extend(u32::try_from(padding.len() + 8).unwrap().to_be_bytes());
    large.extend(b"free");
    large.extend(padding);
    let in_parts = upload_in_parts(&appliance, &large).await;
    for id in [single, in_parts] {
        let video = fleet.assert_published_once(&appliance, &id).await;
        let url = format!("{}/public/{id}/main.m3u8", fleet.servers.endpoint);
        assert_eq!(video["playback_url"], format!("{}/public/{id}/main.m3u8", fleet.proxy.url));
        assert_eq!(media::decode_errors(&url), "");
        assert_eq!(media::size_and_frames(&url), (640, 360, 50));
    }
    fleet.wait_until_done().await;
}

/// Uploads in parts by the URLs that the API gives.
async fn upload_in_parts(appliance: &Appliance, bytes: &[u8]) -> String {
    let answer = appliance.ask("film two.MP4", bytes.len() as u64).await;
    let upload = &answer["upload"];
    let part_size = usize::try_from(upload["part_size_bytes"].as_u64().unwrap()).unwrap();
    let mut parts = Vec::new();
    for (part, bytes) in upload["parts"].as_array().unwrap().iter().zip(bytes.chunks(part_size)) {
        let put = appliance.http.put(part["url"].as_str().unwrap()).body(bytes.to_vec());
        let put = put.send().await.unwrap();
        assert_eq!(put.status(), 200);
        let etag = put.headers()["etag"].to_str().unwrap().to_owned();
        parts.push(serde_json::json!({"number": part["number"], "etag": etag}));
    }
    assert!(parts.len() > 1);
    let url = format!("{}{}", appliance.api, upload["complete_url"].as_str().unwrap());
    let done = appliance.http.post(url).json(&serde_json::json!({"parts": parts}));
    assert_eq!(done.send().await.unwrap().status(), 204);
    answer["video_id"].as_str().unwrap().to_owned()
}
