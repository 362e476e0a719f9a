//! Two boxes on one store: each event is delivered once, also if the box that delivers dies.

use serde_json::json;

use super::{create, make};
use crate::support::fleet::Fleet;
use crate::support::receiver::Receiver;
use crate::support::servers::ServerKind;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_delivers_each_event_once_and_another_box_goes_on() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let receiver = Receiver::start();
    let start = || {
        let builder = fleet.appliance().setting("webhooks.allow_private", true);
        builder.setting("events.poll_secs", 1).start()
    };
    let (mut first, second) = (start(), start());
    make(&first, &format!("{}/ok", receiver.url)).await;
    for _ in 0..5 {
        create(&first, json!({})).await;
        create(&second, json!({})).await;
    }
    receiver.wait_for("/ok", 10).await;
    // It has made the webhook, so it has the lease.
    first.kill();
    for _ in 0..5 {
        create(&second, json!({})).await;
    }
    receiver.wait_for("/ok", 15).await;
    let counts: Vec<usize> = receiver.by_id("/ok").values().map(Vec::len).collect();
    assert_eq!(counts, [1; 15]);
}
