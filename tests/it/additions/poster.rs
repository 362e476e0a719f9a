//! Posters that users choose.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::send;
use crate::support::appliance::Appliance;
use crate::support::media;
use crate::support::stream::check_url;

/// An image of this size whose left half is red and whose right half is blue.
fn image(name: &str, size: &str, more: &[&str]) -> Option<PathBuf> {
    let (width, height) = size.split_once('x').unwrap();
    let half = width.parse::<u32>().unwrap() / 2;
    let source =
        format!("color=red:s={size},drawbox=x={half}:y=0:w={half}:h={height}:color=blue:t=fill");
    let arguments = ["-f", "lavfi", "-i", &source, "-frames:v", "1"];
    media::generated(name, &[&arguments[..], more].concat())
}

/// Mean luma, blue and red difference (8 bits) of a part of an image. `crop` has its `width:height:x:y`.
fn mean_yuv(image: &Path, crop: &str) -> [f64; 3] {
    let graph = format!("crop={crop},signalstats,metadata=print:file=-");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(image)
        .args(["-vf", &graph, "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    ["YAVG", "UAVG", "VAVG"].map(|name| {
        let value = said.split(&format!("signalstats.{name}=")).nth(1);
        value.unwrap_or_else(|| panic!("{said}")).lines().next().unwrap().parse().unwrap()
    })
}

async fn put(appliance: &Appliance, id: &str, body: Vec<u8>) -> (u16, Value) {
    send(appliance, "PUT", &format!("/v1/videos/{id}/poster"), body).await
}

async fn put_frame(appliance: &Appliance, id: &str, at_secs: f64) -> (u16, Value) {
    let url = format!("{}/v1/videos/{id}/poster", appliance.api);
    let response = appliance.http.put(url).json(&json!({"at_secs": at_secs})).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Saves the poster that a video shows. Returns its file.
async fn poster(appliance: &Appliance, video: &Value, dir: &tempfile::TempDir) -> PathBuf {
    let url = video["poster_url"].as_str().unwrap();
    let response = appliance.http.get(url).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"image/jpeg".parse().unwrap())
    );
    let file = dir.path().join("poster.jpg");
    std::fs::write(&file, response.bytes().await.unwrap()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_or_a_frame_becomes_the_poster() {
    let (Some(clip), Some(png), Some(jpeg)) = (
        media::flashes(),
        image("poster.png", "2000x500", &[]),
        image("poster.jpg", "300x400", &["-q:v", "2"]),
    ) else {
        return;
    };
    let Some(webp) = image("poster.webp", "64x64", &["-c:v", "libwebp"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let appliance = Appliance::start();
    let (id, before) = appliance.publish("film.mp4", &clip).await;
    for (file, size) in [(&png, (1280, 320)), (&webp, (64, 64)), (&jpeg, (300, 400))] {
        let (status, video) = put(&appliance, &id, std::fs::read(file).unwrap()).await;
        assert_eq!(status, 200, "{video:#}");
        assert_ne!(video["poster_url"], before["poster_url"]);
        let poster = poster(&appliance, &video, &dir).await;
        let (width, height, _) = media::size_and_frames(&poster.display().to_string());
        assert_eq!((width, height), size, "{}", file.display());
        let [_, blue, red] = mean_yuv(&poster, "iw/2-8:ih:0:0");
        assert!(red > 200.0 && blue < 110.0, "red is {red}, blue {blue}");
        let [_, blue, red] = mean_yuv(&poster, "iw/2-8:ih:iw/2+8:0");
        assert!(red < 130.0 && blue > 200.0, "red is {red}, blue {blue}");
    }
    let names = appliance.keys("public", &format!("{id}/")).await;
    assert_eq!(names.iter().filter(|key| key.contains("/poster-")).count(), 1, "{names:#?}");

    // A white flash of 0.1 s at 8 s, and black before and after it.
    for (at_secs, expected) in [(7.8, 16.0), (8.05, 235.0), (8.5, 16.0)] {
        let (status, video) = put_frame(&appliance, &id, at_secs).await;
        assert_eq!(status, 200, "{video:#}");
        let poster = poster(&appliance, &video, &dir).await;
        let [luma, ..] = mean_yuv(&poster, "iw:ih:0:0");
        // JPEG has full range.
        let luma = 16.0 + luma * 219.0 / 255.0;
        assert!((luma - expected).abs() < 25.0, "{at_secs} s: {luma}");
    }
    let white = put_frame(&appliance, &id, 8.05).await.1;
    check_url(white["playback_url"].as_str().unwrap()).await.assert_without_findings();
    // It is kept when the video is encoded anew, and gives way to the old one on request.
    let record = appliance.record(&id).await;
    let path = format!("/v1/videos/{id}/encode");
    assert_eq!(super::post_json(&appliance, &path, &json!({})).await.0, 202);
    let is_new = |video: &Value| {
        video["state"] == "ready"
            && !video["poster_url"]
                .as_str()
                .unwrap_or_default()
                .contains(record["attempt_id"].as_str().unwrap())
    };
    let again = appliance.wait_for(&id, is_new).await;
    let [luma, ..] = mean_yuv(&poster(&appliance, &again, &dir).await, "iw:ih:0:0");
    assert!(luma > 200.0, "{luma}");
    let (status, automatic) =
        send(&appliance, "DELETE", &format!("/v1/videos/{id}/poster"), Vec::new()).await;
    assert_eq!(status, 200, "{automatic:#}");
    assert!(automatic["poster_url"].as_str().unwrap().ends_with("/poster.jpg"), "{automatic:#}");
    assert_eq!(appliance.keys("uploads", "additions/").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused() {
    let Some(png) = image("poster.png", "2000x500", &[]) else { return };
    let appliance = Appliance::serving();
    let answer = appliance.ask("film.mp4", 1).await;
    let id = answer["video_id"].as_str().unwrap();
    let png = std::fs::read(png).unwrap();
    let mut broken = png.clone();
    broken.truncate(60);
    let cases = [
        (b"<svg/>".to_vec(), 400),
        (b"GIF89a".to_vec(), 400),
        (broken, 400),
        (b"RIFF\0\0\0\0WEBPVP8 nothing".to_vec(), 400),
        (png, 202),
    ];
    for (body, expected) in cases {
        let (status, answer) = put(&appliance, id, body.clone()).await;
        assert_eq!(status, expected, "{:?}: {answer:#}", &body[..6]);
    }
    assert_eq!(put_frame(&appliance, id, 1.0).await.0, 409);
    assert_eq!(put_frame(&appliance, "00000000000000000000", 1.0).await.0, 404);
}
