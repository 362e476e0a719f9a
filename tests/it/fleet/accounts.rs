//! Accounts of two boxes on one private bucket.

use std::time::{Duration, Instant};

use serde_json::json;

use super::on_both;
use crate::access::Client;
use crate::support::fleet::Fleet;
use crate::support::servers::ServerKind;

/// Longest time in which a revoked token ends on every box.
const REVOKED_WITHIN: Duration = Duration::from_secs(30);

on_both!(a_token_of_one_box_works_on_the_other_and_ends_there);
async fn a_token_of_one_box_works_on_the_other_and_ends_there(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let (first, second) = (fleet.appliance().start(), fleet.appliance().start());
    let admin = Client::nobody(&first).make(&["admin"]).await;
    let by_admin = Client::bearer(&first, &admin.token);
    let made = by_admin.make(&["read"]).await;
    let there = Client::bearer(&second, &made.token);
    // A box looks for a token that it does not know.
    assert_eq!(there.ask("GET", "/v1/videos", None).await.0, 200);
    // A session of one box counts on the other.
    let signed_in = Client::nobody(&first)
        .send("POST", "/v1/session", Some(json!({"token": made.token})))
        .await;
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    let page = Client::nobody(&second).header("cookie", cookie.split(';').next().unwrap());
    assert_eq!(page.ask("GET", "/v1/videos", None).await.0, 200);
    // The second box has seen no token made by itself, and trusts its own machine for ten seconds at most.
    let path = format!("/v1/tokens/{}", made.id);
    assert_eq!(by_admin.ask("DELETE", &path, None).await.0, 200);
    let revoked = Instant::now();
    for client in [&there, &page] {
        while client.ask("GET", "/v1/videos", None).await.0 != 401 {
            assert!(revoked.elapsed() < REVOKED_WITHIN, "the token still works on the other box");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    assert_eq!(Client::nobody(&second).ask("GET", "/v1/videos", None).await.0, 401);
}

on_both!(a_code_signs_in_on_one_of_two_boxes);
async fn a_code_signs_in_on_one_of_two_boxes(kind: ServerKind) {
    let Some(fleet) = Fleet::start(kind).await else { return };
    let (first, second) = (fleet.appliance().start(), fleet.appliance().start());
    let mut command = crate::support::program();
    command.envs(fleet.servers.environment(&fleet.proxy.url, &fleet.proxy.url));
    command.args(["token", "link", "--data-dir"]).arg(first.data_dir());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let link = String::from_utf8(output.stdout).unwrap();
    let code = link.trim().split_once("/#sign-in=").unwrap().1.to_owned();
    let redeem = |appliance| {
        let body = Some(json!({"code": code}));
        async move { Client::nobody(appliance).ask("POST", "/v1/session", body).await.0 }
    };
    let mut statuses = [0, 0];
    (statuses[0], statuses[1]) = tokio::join!(redeem(&first), redeem(&second));
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}
