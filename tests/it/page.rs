//! The page in Chromium: each walk is a script of `web/e2e`, which names its steps and its findings in one line of
//! JSON. Every walk runs axe on the views that it sees.

mod seed;

use ladderd::db::Db;
use ladderd::queue::Enqueue;
use ladderd::queue::embedded::EmbeddedQueue;
use serde_json::{Value, json};

use super::browser::{browse, has_browser};
use super::support::appliance::Appliance;
use super::support::media;

/// Runs a walk to its end without a finding.
async fn walk(script: &str, arguments: &[&str]) -> Option<Value> {
    if !has_browser() {
        return None;
    }
    let (result, is_success) = browse(script, arguments).await;
    assert!(is_success, "{script}: {result:#}");
    Some(result)
}

/// Ten files at once, a cut network, a reload, a crash, two tabs, duplicates, pasted files, dropped folders, expired
/// URLs, refused files, an expired session.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_survive_all_that_browsers_and_networks_do() {
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 1 << 20)
        .setting("uploads.part_size_bytes", 5 << 20)
        .setting("sources.suffixes", ".mp4")
        .start();
    walk("uploads.mjs", &[&appliance.api, clip.to_str().unwrap()]).await;
}

/// First run, search, filters, bulk changes with undo, the trash, the keyboard alone, offline and back, bulk retries.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_finds_and_changes_videos() {
    let appliance = Appliance::builder()
        .setting("housekeeping.purge_delay_secs", 3600)
        .setting("uploads.max_in_flight", 100_000)
        .setting("http.requests_per_sec", 0)
        .start();
    walk("library.mjs", &[&appliance.api, "300"]).await;
}

/// Search, filters and scrolling among thousands, of which few are in the document.
#[tokio::test(flavor = "multi_thread")]
async fn a_library_of_thousands_is_searched_and_scrolled() {
    if !has_browser() {
        return;
    }
    // `make test` is short; LADDERD_LIBRARY=10000 walks through more.
    let count = std::env::var("LADDERD_LIBRARY").map_or(800, |count| count.parse().unwrap());
    let mut appliance = Appliance::builder().setting("http.requests_per_sec", 0).start();
    seed::ready_videos(&mut appliance, count).await;
    walk("many.mjs", &[&appliance.api, &count.to_string()]).await;
}

/// Menus, keys, captions, audio tracks, storyboard, start times and the memory of the player, from before a stream
/// plays until it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn the_player_plays_all_that_a_stream_has() {
    let appliance = Appliance::start();
    walk("player.mjs", &[&appliance.api]).await;
}

/// Title, description, tracks, poster and visibility are changed on the page of a video.
#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_edited_on_its_page() {
    // Long enough to undo a delete.
    let appliance = Appliance::builder()
        .setting("housekeeping.purge_delay_secs", 3600)
        .setting("qoe.enabled", false)
        .start();
    walk("video_page.mjs", &[&appliance.api]).await;
}

/// Tokens are renewed while a private video plays, and after a session has ended it goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_video_plays_on_after_its_tokens_have_expired() {
    let appliance = Appliance::builder().setting("playback.token_ttl_secs", 6).start();
    walk("expiry.mjs", &[&appliance.api]).await;
}

/// The player in the page of another origin, also of a private video, and its reports of playback.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_show_the_player_in_a_frame() {
    let appliance = Appliance::start();
    walk("embed.mjs", &[&appliance.api]).await;
}

/// A dead letter is tried again, a webhook gets a test event, a token is made and revoked.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_state_and_mends_it() {
    let appliance = Appliance::builder().setting("webhooks.allow_private", true).start();
    let db = Db::open(&appliance.data_dir().join("ladderd.sqlite")).unwrap();
    EmbeddedQueue::attach(db).unwrap().send("no JSON").await.unwrap();
    walk("operator.mjs", &[&appliance.api]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_tabs_share_one_event_stream() {
    let appliance = Appliance::start();
    let Some(result) = walk("tabs.mjs", &[&appliance.api]).await else { return };
    assert_eq!((&result["streams"], &result["seen"]), (&json!(1), &json!(8)), "{result:#}");
}
