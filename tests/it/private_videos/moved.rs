//! Changes of the visibility: the stream moves whole, or not at all.

use std::time::Duration;

use serde_json::{Value, json};

use super::main_url;
use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::media;
use crate::support::stream::check_url;

/// Keys of a video's stream in the public bucket, and in the private one.
async fn homes(appliance: &Appliance, id: &str) -> [Vec<String>; 2] {
    let public = appliance.keys("public", &format!("{id}/")).await;
    [public, appliance.keys("uploads", &format!("streams/{id}/")).await]
}

/// The stream is whole where its video says, and nowhere else.
async fn assert_in_one_home(appliance: &Appliance, id: &str) {
    let video = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(video["state"], "ready", "{video:#}");
    let [public, private] = homes(appliance, id).await;
    let is_private = video["visibility"] == "private";
    let (here, elsewhere) = if is_private { (private, public) } else { (public, private) };
    assert_eq!(elsewhere, Vec::<String>::new());
    assert!(here.len() > 10, "{here:#?}");
    let url = if is_private {
        main_url(appliance, id, &appliance.token(id).await)
    } else {
        video["playback_url"].as_str().unwrap().to_owned()
    };
    check_url(&url).await.assert_without_findings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_becomes_private_and_public_again() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let appliance = Appliance::start();
    let (id, before) = appliance.publish("film.mp4", &clip).await;
    let old = before["playback_url"].as_str().unwrap();
    let (status, video) = appliance.change(&id, "private").await;
    assert_eq!((status, &video["visibility"]), (200, &"private".into()), "{video:#}");
    assert_eq!(appliance.http.get(old).send().await.unwrap().status(), 404);
    assert_in_one_home(&appliance, &id).await;
    let of_stream =
        |video: &Value| json!([video["renditions"], video["duration_secs"], video["timings"]]);
    assert_eq!(of_stream(&video), of_stream(&before));

    let keys = homes(&appliance, &id).await;
    let (status, same) = appliance.change(&id, "private").await;
    assert_eq!((status, &same), (200, &video));
    assert_eq!(homes(&appliance, &id).await, keys, "nothing was done");

    let (status, video) = appliance.change(&id, "public").await;
    assert_eq!((status, &video["visibility"]), (200, &"public".into()), "{video:#}");
    assert_eq!(video["playback_url"], before["playback_url"]);
    assert_in_one_home(&appliance, &id).await;
    let poster = appliance.http.get(video["poster_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(poster.status(), 200);
    assert_eq!(poster.headers()["cache-control"], "public, max-age=31536000, immutable");

    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(homes(&appliance, &id).await, [Vec::<String>::new(), Vec::new()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_changed_before_its_job_and_after_and_not_during_it() {
    let Some(clip) = media::clip(720, "30", 30) else { return };
    let appliance = Appliance::start();
    let bytes = std::fs::read(clip).unwrap();
    let answer = appliance.ask("film.mp4", bytes.len() as u64).await;
    let id = answer["video_id"].as_str().unwrap();
    let (status, video) = appliance.change(id, "private").await;
    assert_eq!((status, &video["state"]), (200, &"uploading".into()), "{video:#}");
    assert_eq!(appliance.put(&answer["upload"], bytes).await.status(), 200);
    appliance.wait_for(id, |video| video["playable"] == true).await;
    let (status, problem) = appliance.change(id, "public").await;
    assert_eq!((status, &problem["code"]), (409, &"conflict".into()), "{problem:#}");
    assert_eq!(appliance.wait_for_end(id).await["visibility"], "private");
    assert_in_one_home(&appliance, id).await;
    assert_eq!(appliance.change(id, "secret").await.0, 422);
    assert_eq!(appliance.change(&"0".repeat(20), "public").await.0, 404);
    let failed = appliance.upload("broken.mp4", vec![7; 5000]).await;
    assert_eq!(appliance.wait_for_end(&failed).await["state"], "failed");
    let (status, video) = appliance.change(&failed, "private").await;
    assert_eq!((status, &video["state"]), (200, &"failed".into()), "{video:#}");
    assert_eq!(
        homes(&appliance, &failed).await,
        [vec![], vec![format!("streams/{failed}/job.json")]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_keys_are_private_stays_private() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("encryption.kind", "aes-128")
        .setting("encryption.master_keys", format!("1:{}", "k".repeat(32)))
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let keys = homes(&appliance, &id).await;
    let (status, problem) = appliance.change(&id, "public").await;
    assert_eq!((status, &problem["code"]), (409, &"conflict".into()), "{problem:#}");
    assert_eq!(homes(&appliance, &id).await, keys);
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.1["visibility"], "private");
}

/// Waits until the stream is in one home.
async fn wait_for_one_home(appliance: &Appliance, id: &str) {
    let mut last = Default::default();
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            last = homes(appliance, id).await;
            if last.iter().filter(|keys| keys.is_empty()).count() == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("both homes keep objects: {last:#?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_dies_during_a_change_leaves_one_whole_stream() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let mut appliance = Appliance::builder()
        .setting("jobs.claim_renewal_secs", 1)
        .setting("housekeeping.sweep_secs", 1)
        .setting("housekeeping.orphan_age_secs", 1)
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    // Killed after the first object, after some, and near the end.
    for (round, (target, other)) in
        [("private", 1), ("private", 1), ("public", 0), ("private", 1)].into_iter().enumerate()
    {
        let body = json!({"visibility": target});
        let url = format!("{}/v1/videos/{id}", appliance.api);
        let request = tokio::spawn(appliance.http.patch(url).json(&body).send());
        let copied = tokio::time::timeout(TIMEOUT, async {
            while homes(&appliance, &id).await[other].len() <= round * 8 && !request.is_finished() {
                tokio::task::yield_now().await;
            }
        });
        copied.await.unwrap();
        appliance.kill();
        drop(request.await);
        appliance.restart();
        wait_for_one_home(&appliance, &id).await;
        assert_in_one_home(&appliance, &id).await;
    }
    let (status, video) = tokio::time::timeout(TIMEOUT, async {
        loop {
            let answer = appliance.change(&id, "public").await;
            // The claim of the dead box lasts for some seconds.
            if answer.0 != 409 {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!((status, &video["visibility"]), (200, &"public".into()), "{video:#}");
    assert_in_one_home(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_removes_a_stream_that_is_not_in_the_home_of_its_video() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("housekeeping.sweep_secs", 1)
        .setting("housekeeping.orphan_age_secs", 1)
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let before = homes(&appliance, &id).await;
    for file in ["a9/360p/seg_00000.ts", "a9/360p/index.m3u8", "main.m3u8", "job.json"] {
        let put = appliance.s3_client().put_object().bucket("public").key(format!("{id}/{file}"));
        put.body(b"x".to_vec().into()).send().await.unwrap();
    }
    wait_for_one_home(&appliance, &id).await;
    assert_eq!(homes(&appliance, &id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_after_an_abort_keeps_its_visibility() {
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::start();
    let bytes = std::fs::read(clip).unwrap();
    let answer = appliance.ask("film.mp4", bytes.len() as u64).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.change(id, "private").await.0, 200);
    let aborted = format!("{}/v1/uploads/{id}/x", appliance.api);
    assert_eq!(appliance.http.delete(aborted).send().await.unwrap().status(), 204);
    // The URL of the upload still works.
    assert_eq!(appliance.put(&answer["upload"], bytes).await.status(), 200);
    let video = appliance.wait_for_end(id).await;
    assert_eq!((&video["state"], &video["visibility"]), (&"ready".into(), &"private".into()));
    assert_in_one_home(&appliance, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_repeated_removes_what_the_first_left() {
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    assert_eq!(appliance.change(&id, "private").await.0, 200);
    let left = format!("{id}/main.m3u8");
    let put = appliance.s3_client().put_object().bucket("public").key(&left);
    put.body(b"#EXTM3U\n".to_vec().into()).send().await.unwrap();
    assert_eq!(appliance.change(&id, "private").await.0, 200);
    assert_in_one_home(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_an_earlier_release_moves_with_its_playlist() {
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let mut record = appliance.record(&id).await;
    assert!(record.as_object_mut().unwrap().remove("main").is_some());
    let put = appliance.s3_client().put_object().bucket("public").key(format!("{id}/job.json"));
    put.content_type("application/json")
        .body(record.to_string().into_bytes().into())
        .send()
        .await
        .unwrap();
    assert_eq!(appliance.change(&id, "private").await.0, 200);
    assert_in_one_home(&appliance, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_video_can_be_changed() {
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("housekeeping.purge_delay_secs", 3600)
        .setting("jobs.claim_renewal_secs", 1)
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    assert_eq!(appliance.delete(&id).await, 202);
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/restore")).await.0, 202);
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    // The claim of the cancelled job counts for six renewals.
    let changed = async {
        while appliance.change(&id, "private").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, changed).await.expect("it stays busy");
    assert_in_one_home(&appliance, &id).await;
}
