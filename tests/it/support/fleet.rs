//! Several appliances on one S3 and SQS.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::appliance::{Appliance, ApplianceBuilder, TIMEOUT};
use super::proxy::{FaultProfile, Proxy};
use super::servers::{ServerKind, Servers};

/// S3 and SQS, with a proxy in front that records requests.
pub struct Fleet {
    pub servers: Servers,
    pub proxy: Proxy,
}

impl Fleet {
    /// Starts the servers. Nothing (reported as a skip) where they are not installed.
    pub async fn start(kind: ServerKind) -> Option<Self> {
        Self::with_faults(kind, FaultProfile::None).await
    }

    /// The same with faults between the appliances and the servers.
    pub async fn with_faults(kind: ServerKind, faults: FaultProfile) -> Option<Self> {
        let servers = Servers::start(kind).await?;
        let proxy = Proxy::start(&servers.endpoint, faults).await;
        Some(Self { servers, proxy })
    }

    /// An appliance that reaches S3 and SQS through the proxy. The tests read past the proxy.
    pub fn appliance(&self) -> ApplianceBuilder {
        let environment = self.servers.environment(&self.proxy.url, &self.proxy.url);
        Appliance::builder().environment(environment).store_url(&self.servers.endpoint)
    }

    /// Waits until the queue is empty; there must be no dead letter.
    pub async fn wait_until_done(&self) {
        let mut depth = (0, 0, 0);
        let empty = async {
            loop {
                depth = self.servers.depth().await;
                if (depth.0, depth.1) == (0, 0) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, empty).await;
        waited.unwrap_or_else(|_| panic!("the queue does not become empty: {depth:?}"));
        assert_eq!(depth.2, 0, "dead letters");
    }

    /// Waits for the end of the video, which must be ready, flipped once and one whole stream.
    pub async fn assert_published_once(&self, appliance: &Appliance, id: &str) -> Value {
        let video = appliance.wait_for_end(id).await;
        assert_eq!(video["state"], "ready", "{video:#}");
        assert_eq!(self.proxy.flips(id), 1, "flips of {id}");
        let keys = self.servers.keys("public", &format!("{id}/")).await;
        let folders: BTreeSet<&str> =
            keys.iter().filter_map(|key| Some(key.split_once('/')?.1.split_once('/')?.0)).collect();
        assert_eq!(folders.len(), 1, "{keys:#?}");
        video
    }
}
