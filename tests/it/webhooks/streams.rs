//! The event stream of all videos.

use serde_json::{Value, json};

use crate::access::Client;
use crate::support::appliance::{Appliance, TIMEOUT};

/// An open event stream.
struct EventStream {
    response: reqwest::Response,
    text: String,
}

impl EventStream {
    async fn open(appliance: &Appliance, token: &str, last: Option<&str>) -> Self {
        let request = appliance.http.get(format!("{}/v1/events", appliance.api)).bearer_auth(token);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Id and data of the next event.
    async fn next(&mut self) -> (String, Value) {
        let next = async {
            loop {
                if let Some(end) = self.text.find("\n\n") {
                    let event: String = self.text.drain(..end + 2).collect();
                    let field = |name: &str| {
                        let found = event.lines().find_map(|line| line.strip_prefix(name));
                        found.map(|text| text.trim_start().to_owned())
                    };
                    if let (Some(id), Some(data)) = (field("id:"), field("data:")) {
                        return (id, serde_json::from_str(&data).unwrap());
                    }
                    continue;
                }
                let chunk = self.response.chunk().await.unwrap().expect("the stream ended");
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(TIMEOUT, next).await.expect("no event comes")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_all_videos_that_a_caller_may_see_are_streamed_and_replayed() {
    let mut appliance = Appliance::serving();
    let admin = Client::nobody(&appliance).make(&["admin"]).await.token;
    let made = async |scope: &str| Client::bearer(&appliance, &admin).make(&[scope]).await.token;
    let (reader, uploader, other) =
        (made("read").await, made("upload").await, made("upload").await);
    let create = async |appliance: &Appliance, token: &str| {
        let body = json!({"filename": "film.mp4", "size_bytes": 5});
        let answer =
            Client::bearer(appliance, token).ask("POST", "/v1/uploads", Some(body)).await.1;
        answer["video_id"].as_str().unwrap().to_owned()
    };
    let before = create(&appliance, &other).await;
    let mut all = EventStream::open(&appliance, &reader, None).await;
    let mut own = EventStream::open(&appliance, &uploader, None).await;
    let (first, second) = (create(&appliance, &other).await, create(&appliance, &uploader).await);
    // The clock of the store has whole seconds, so the one before may come, too.
    let (place, event) = loop {
        let (place, event) = all.next().await;
        if event["data"]["id"] != before.as_str() {
            break (place, event);
        }
    };
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("video.created"), &json!(first)));
    assert_eq!(all.next().await.1["data"]["id"], second.as_str());
    assert_eq!(own.next().await.1["data"]["id"], second.as_str(), "not that of the other");
    drop((all, own));

    appliance.kill();
    appliance.restart();
    let mut again = EventStream::open(&appliance, &reader, Some(&place)).await;
    assert_eq!(again.next().await.1["data"]["id"], second.as_str(), "what was missed");
    let third = create(&appliance, &other).await;
    assert_eq!(again.next().await.1["data"]["id"], third.as_str());
    let wrong = Client::bearer(&appliance, &reader);
    let request = appliance.http.get(format!("{}/v1/events", appliance.api)).bearer_auth(&reader);
    assert_eq!(request.header("last-event-id", "x").send().await.unwrap().status(), 400);
    drop(wrong);
}
