//! Failures of the surroundings never count against a video.

use super::short_clip;
use crate::support::fleet::Fleet;
use crate::support::proxy::FaultProfile;
use crate::support::servers::ServerKind;

#[tokio::test(flavor = "multi_thread")]
async fn a_video_survives_credentials_that_have_expired() {
    let faults = FaultProfile::Expired(3);
    let Some(fleet) = Fleet::with_faults(ServerKind::Moto, faults).await else { return };
    let Some(clip) = short_clip() else { return };
    let appliance = fleet.appliance().setting("queue.max_attempts", 1).start();
    let id = appliance.upload("film.mp4", clip).await;
    let video = fleet.assert_published_once(&appliance, &id).await;
    assert_eq!(video["attempt"], 1, "{video:#}");
    let refused = fleet.proxy.seen().iter().filter(|seen| seen.status == Some(400)).count();
    assert_eq!(refused, 3);
    fleet.wait_until_done().await;
}
