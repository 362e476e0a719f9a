//! Several boxes on S3 and SQS that are not ours.

mod chaos;
mod events;
mod setup;
mod takeover;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::support::appliance::{Appliance, Home, PATIENCE};
use super::support::media;
use super::support::proxy::{Proxy, Weather};
use super::support::servers::{Make, Servers};

/// A test on both makes of servers.
macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_moto() {
                super::$name(crate::support::servers::Make::Moto).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_localstack() {
                super::$name(crate::support::servers::Make::LocalStack).await;
            }
        }
    };
}
use on_both;

/// Servers, with a proxy before their S3 that writes down what passes.
pub(super) struct Bench {
    pub(super) servers: Servers,
    pub(super) proxy: Proxy,
}

impl Bench {
    pub(super) async fn start(make: Make, weather: Weather) -> Option<Self> {
        let servers = Servers::start(make).await?;
        let proxy = Proxy::start(&servers.endpoint, weather).await;
        Some(Self { servers, proxy })
    }

    /// A box that reaches S3 and SQS through the proxy.
    pub(super) fn home(&self, more: &[(&str, &str)]) -> Home {
        let settings = self.servers.settings(&self.proxy.url, &self.proxy.url);
        Home::of_fleet(&self.servers.endpoint, settings, more)
    }

    /// Waits until the queue is empty.
    pub(super) async fn wait_until_done(&self) {
        let mut depth = (0, 0, 0);
        let empty = async {
            loop {
                depth = self.servers.depth().await;
                if (depth.0, depth.1) == (0, 0) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, empty).await;
        waited.unwrap_or_else(|_| panic!("the queue does not become empty: {depth:?}"));
        assert_eq!(depth.2, 0, "dead letters");
    }

    /// The video is ready, was flipped once, and what is public of it is one whole stream.
    pub(super) async fn check_ready(&self, appliance: &Appliance, id: &str) -> Value {
        let video = appliance.wait_for_end(id).await;
        assert_eq!(video["state"], "ready", "{video:#}");
        assert_eq!(self.proxy.flips(id), 1, "flips of {id}");
        let keys = self.servers.keys("public", &format!("{id}/")).await;
        let folders: BTreeSet<&str> =
            keys.iter().filter_map(|key| Some(key.split_once('/')?.1.split_once('/')?.0)).collect();
        assert_eq!(folders.len(), 1, "{keys:#?}");
        video
    }
}

/// A short video.
pub(super) fn short_clip(dir: &std::path::Path) -> Option<Vec<u8>> {
    Some(std::fs::read(media::clip(dir, 360, "25", 2)?).unwrap())
}

/// A video that takes some seconds to encode.
pub(super) fn long_clip(dir: &std::path::Path) -> Option<Vec<u8>> {
    Some(std::fs::read(media::clip(dir, 720, "30", 30)?).unwrap())
}

on_both!(an_upload_becomes_a_stream);
async fn an_upload_becomes_a_stream(make: Make) {
    let Some(bench) = Bench::start(make, Weather::Fair).await else { return };
    let home = bench.home(&[
        ("LADDERD__UPLOADS__SINGLE_PUT_MAX_BYTES", "6000000"),
        ("LADDERD__UPLOADS__PART_SIZE_BYTES", "5242880"),
    ]);
    let Some(clip) = short_clip(home.path()) else { return };
    let appliance = home.start();
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["store"]["conditional_writes"], true);
    let single = appliance.upload("film one.mp4", clip.clone()).await;
    // A box at the end of an MP4 file that says nothing: large enough for two parts.
    let mut large = clip.clone();
    let padding = vec![0; 7 << 20];
    large.extend(u32::try_from(padding.len() + 8).unwrap().to_be_bytes());
    large.extend(b"free");
    large.extend(padding);
    let in_parts = upload_in_parts(&appliance, &large).await;
    for id in [single, in_parts] {
        let video = bench.check_ready(&appliance, &id).await;
        let url = format!("{}/public/{id}/main.m3u8", bench.servers.endpoint);
        assert_eq!(video["playback_url"], format!("{}/public/{id}/main.m3u8", bench.proxy.url));
        assert_eq!(media::decode_errors(&url), "");
        assert_eq!(media::picture(&url), (640, 360, 50));
    }
    bench.wait_until_done().await;
}

/// Uploads by the URLs of parts that the API hands out.
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
