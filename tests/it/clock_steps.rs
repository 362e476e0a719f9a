//! Wall clocks that are set back and forth while the daemon runs.

use super::support::appliance::Appliance;
use super::support::clock::Clock;
use super::support::media;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_forth_and_back_stops_nothing() {
    let Some(clip) = media::clip(180, "25", 1) else { return };
    let clock = Clock::new();
    let ladder = "[[ladder]]\nheight = 180\nmax_bitrate_kbps = 300\n";
    let appliance = Appliance::builder().config(ladder).environment(clock.environment()).start();
    // The store refuses requests whose time is more than 15 minutes from its own.
    for (n, offset_secs) in [3600, 0, -86_400, 0].into_iter().enumerate() {
        clock.set(offset_secs);
        let (id, _) = appliance.publish(&format!("film-{n}.mp4"), &clip).await;
        assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.1["state"], "ready");
    }
}
