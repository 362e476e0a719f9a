//! A private video on S3 and SQS.

use super::{Fleet, ServerKind, on_both, short_clip};
use crate::support::media;
use crate::support::stream::check_url;

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
        let media = text.lines().find(|line| line.contains("/index.m3u8")).unwrap();
        let url = format!("{api}/play/{id}/{media}");
        text.clone() + &first.http.get(url).send().await.unwrap().text().await.unwrap()
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
