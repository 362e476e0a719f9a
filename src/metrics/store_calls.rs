//! Metrics of the requests to the buckets: an interceptor of the SDK's client.

use std::time::Instant;

use aws_sdk_s3::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::list::register;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    operation: String,
    status: &'static str,
}

/// Requests to the buckets. Clones share them.
#[derive(Clone, Debug)]
pub struct StoreCalls {
    counts: Family<StatusLabels, Counter>,
    times: Family<OperationLabels, Histogram, fn() -> Histogram>,
    sent: Counter,
    received: Counter,
}

/// A try that is sent.
#[derive(Debug)]
struct Sent {
    at: Instant,
    bytes: u64,
    /// The head of the answer announces bytes that do not come.
    is_head: bool,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl StoreCalls {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let times: Family<OperationLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
            });
        Self {
            counts: register(registry, "ladderd_store_requests_total", Family::default()),
            times: register(registry, "ladderd_store_request_duration_seconds", times),
            sent: register(registry, "ladderd_store_sent_bytes_total", Counter::default()),
            received: register(registry, "ladderd_store_received_bytes_total", Counter::default()),
        }
    }
}

impl Intercept for StoreCalls {
    fn name(&self) -> &'static str {
        "StoreCalls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let sent = Sent {
            at: Instant::now(),
            bytes: length(request.headers().get("content-length")),
            is_head: request.method() == "HEAD",
        };
        config.interceptor_state().store_put(sent);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A call that only signs a URL ends before it is sent, without a result.
        let (Some(sent), Some(_)) = (config.load::<Sent>(), context.output_or_error()) else {
            return Ok(());
        };
        let operation = config.load::<Metadata>().map_or("unknown", Metadata::name).to_owned();
        let response = context.response();
        let status = response.map_or("none", |response| class(response.status().as_u16()));
        let labels = OperationLabels { operation: operation.clone() };
        self.times.get_or_create(&labels).observe(sent.at.elapsed().as_secs_f64());
        self.counts.get_or_create(&StatusLabels { operation, status }).inc();
        self.sent.inc_by(sent.bytes);
        if let Some(response) = response.filter(|_| !sent.is_head) {
            self.received.inc_by(length(response.headers().get("content-length")));
        }
        Ok(())
    }
}

/// Bytes that a header announces.
fn length(header: Option<&str>) -> u64 {
    header.and_then(|len| len.parse().ok()).unwrap_or_default()
}

/// Class of a status.
fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_s3::presigning::PresigningConfig;

    use super::super::{Format, Metrics};

    #[tokio::test]
    async fn a_request_without_an_answer_counts_and_a_signed_url_does_not() {
        let metrics = Metrics::default();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::from_static("us-east-1"))
            // Nobody listens there.
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .force_path_style(true)
            .interceptor(metrics.store.clone())
            .build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let soon = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
        client.get_object().bucket("b").key("k").presigned(soon).await.unwrap();
        let counted = || {
            let text = metrics.render(Vec::new(), Format::OpenMetrics);
            let lines =
                text.lines().filter(|line| line.starts_with("ladderd_store_requests_total{"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(counted().is_empty(), "{:?}", counted());
        let refused =
            client.put_object().bucket("b").key("k").body(vec![7; 10].into()).send().await;
        assert!(refused.is_err());
        assert_eq!(
            counted(),
            [r#"ladderd_store_requests_total{operation="PutObject",status="none"} 1"#]
        );
    }
}
