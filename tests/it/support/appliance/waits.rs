//! Waits for the state of an appliance.

use std::time::Duration;

use serde_json::Value;

use super::{Appliance, TIMEOUT};

impl Appliance {
    /// Waits until `wanted` holds for the video.
    pub async fn wait_for(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(TIMEOUT, async {
            loop {
                last = self.get(&format!("/v1/videos/{id}")).await.1;
                if wanted(&last) {
                    return last.clone();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let waited = waited.await;
        waited.unwrap_or_else(|_| panic!("the video stays {last:#}"))
    }

    /// Waits until the video is ready or failed.
    pub async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_for(id, |video| matches!(video["state"].as_str(), Some("ready" | "failed"))).await
    }

    /// Waits until there is no such video.
    pub async fn wait_until_gone(&self, id: &str) {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(TIMEOUT, async {
            loop {
                let (status, video) = self.get(&format!("/v1/videos/{id}")).await;
                if status == 404 {
                    return;
                }
                last = video;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("the video stays {last:#}"));
    }

    /// Waits until the queue is empty, and returns its depth.
    pub async fn wait_for_empty_queue(&self) -> Value {
        let mut depth = Value::Null;
        let waited = tokio::time::timeout(TIMEOUT, async {
            loop {
                depth = self.get("/v1/system").await.1["queue"].clone();
                if depth["visible"] == 0 && depth["in_flight"] == 0 {
                    return depth.clone();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("the queue does not become empty: {depth}"))
    }
}
