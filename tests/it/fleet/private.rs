//! A private video on S3 and SQS.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{Fleet, ServerKind, on_both, short_clip};
use crate::support::media;
use crate::support::stream::check_url;

/// URI of the first variant in a multivariant playlist.
fn first_variant(main: &str) -> &str {
    main.lines().find(|line| line.contains("/index.m3u8") && !line.starts_with('#')).unwrap()
}

on_both!(a_private_video_is_made_watched_on_another_box_and_deleted);
async fn a_private_video_is_made_watched_on_another_box_and_deleted(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let Some(clip) = short_clip() else { return };
    let first = fleet.appliance().start();
    let second = fleet.appliance().start();
    let id = first.upload_private("film.mp4", clip).await;
    let video = second.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["visibility"]), (&"ready".into(), &"private".into()));
    assert_eq!(fleet.servers.keys("public", "").await, Vec::<String>::new());
    let stream = fleet.servers.keys("uploads", "streams/").await;
    assert!(stream.len() > 5, "{stream:#?}");

    // Either box accepts the tokens of the other.
    let token = first.token(&id).await;
    let main = format!("{}/play/{id}/main.m3u8?token={token}", second.api);
    check_url(&main).await.assert_without_findings();
    let decoded = tokio::task::spawn_blocking(move || {
        assert_eq!(media::decode_errors(&main), "");
        assert_eq!(media::size_and_frames(&main), (640, 360, 50));
    });
    decoded.await.unwrap();
    let bytes = async |api: &str| {
        let url = format!("{api}/play/{id}/main.m3u8?token={token}");
        let text = first.http.get(url).send().await.unwrap().text().await.unwrap();
        let media = first_variant(&text);
        let url = format!("{api}/play/{id}/{media}");
        let playlist = first.http.get(url).send().await.unwrap().text().await.unwrap();
        assert!(playlist.contains("X-Amz-Signature="), "{playlist}");
        text.clone() + &playlist
    };
    assert_eq!(bytes(&first.api).await, bytes(&second.api).await);

    let (status, video) = first.change(&id, "public").await;
    assert_eq!((status, &video["visibility"]), (200, &"public".into()), "{video:#}");
    assert_eq!(fleet.servers.keys("uploads", "streams/").await, Vec::<String>::new());
    let public = format!("{}/public/{id}/main.m3u8", fleet.servers.endpoint);
    check_url(&public).await.assert_without_findings();
    let (status, video) = second.change(&id, "private").await;
    assert_eq!((status, &video["visibility"]), (200, &"private".into()), "{video:#}");
    assert_eq!(fleet.servers.keys("public", "").await, Vec::<String>::new());

    assert_eq!(second.delete(&id).await, 202);
    first.wait_until_gone(&id).await;
    assert_eq!(fleet.servers.keys("uploads", "streams/").await, Vec::<String>::new());
    fleet.wait_until_done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_before_the_urls_are_refused_with_the_remedy() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let Some(clip) = short_clip() else { return };
    // As those of a role: they end in an hour.
    let folder = tempfile::tempdir().unwrap();
    let [script, config, log] = ["role", "config", "log"].map(|name| folder.path().join(name));
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let keys = json!({"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test",
        "SessionToken": "session", "Expiration": end.to_string()});
    std::fs::write(&script, format!("#!/bin/sh\nprintf %s '{keys}'\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!("[default]\ncredential_process = {}\n", script.display());
    std::fs::write(&config, text).unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut appliance = fleet.appliance().environment(environment).log(log.clone()).start();

    let id = appliance.upload_private("film.mp4", clip).await;
    assert_eq!(appliance.wait_for_end(&id).await["state"], "ready");
    let base = format!("{}/play/{id}", appliance.api);
    let token = appliance.token(&id).await;
    let get = async |path: &str| {
        let url = format!("{base}/{path}");
        let response = appliance.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (_, main) = get(&format!("main.m3u8?token={token}")).await;
    let index = first_variant(&main);
    let (status, problem) = get(index).await;
    assert!(status == 503 && problem.contains(r#""code":"short-credentials""#), "{problem}");
    assert!(problem.contains("access key of an IAM user"), "{problem}");
    // A token that ends before the credentials is fine.
    let (_, brief) = appliance.ask_token(&id, &json!({"expires_in": 600})).await;
    let index = index.replace(&token, brief["token"].as_str().unwrap());
    let (status, playlist) = get(&index).await;
    assert!(status == 200 && playlist.contains("X-Amz-Security-Token="), "{playlist}");

    appliance.set("videos.visibility", "private");
    assert!(appliance.try_restart().is_err());
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("videos.visibility is private, but the AWS credentials"), "{said}");
}
