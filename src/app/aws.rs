//! Clients of S3 and SQS. Credentials come from the AWS environment, and so does the region unless
//! the settings name one.

use std::time::Duration;

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};

use super::urls::{or, origin};
use crate::metrics::Metrics;
use crate::queue::sqs::{SqsQueue, SqsQueues};
use crate::settings::Settings;
use crate::store::{Bucket, ExpiringCredentials};
use crate::tls::Trust;

/// Time until a silent SQS connection counts as broken: more than the longest poll of SQS (20 s).
const SQS_READ_TIMEOUT: Duration = Duration::from_secs(45);
/// Maximum time from the first byte of a request to the first byte of its response: 5 MB, a large
/// segment, take 40 s at 1 Mbit/s.
const S3_READ_TIMEOUT: Duration = Duration::from_secs(45);
/// Maximum number of times that the SDK sends a request. With pauses of up to 20 s between them it
/// outlasts most outages; longer ones end in a retry of the job.
const TRIES: u32 = 10;
/// Pause before the first retry; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The two buckets and their URLs.
pub(super) struct Buckets {
    pub(super) private: Bucket,
    pub(super) public: Bucket,
    pub(super) playback_base_url: String,
    pub(super) origins: [String; 2],
}

/// Configuration that both services share.
async fn shared(
    region: &str,
    endpoint_url: &str,
    read_timeout: Duration,
    trust: &Trust,
) -> anyhow::Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust)?)
        .retry_config(
            RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE),
        )
        .timeout_config(TimeoutConfig::builder().read_timeout(read_timeout).build());
    if !region.is_empty() {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if !endpoint_url.is_empty() {
        loader = loader.endpoint_url(endpoint_url);
    }
    Ok(loader.load().await)
}

/// A client that trusts these authorities and those of the system, and goes through the proxy that the environment
/// names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
fn http_client(trust: &Trust) -> anyhow::Result<SharedHttpClient> {
    let roots = TrustStore::default();
    let roots = match trust.pem() {
        Some(pem) => roots.with_pem_certificate(pem),
        None => roots,
    };
    let context = TlsContext::builder().with_trust_store(roots).build()?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        let tls = Provider::Rustls(CryptoMode::Ring);
        connector.tls_provider(tls).tls_context(context.clone()).build()
    }))
}

/// Opens the buckets on S3. Requests to them are counted in `metrics`.
///
/// # Errors
/// If one does not exist or access to it is denied.
pub(super) async fn buckets(
    settings: &Settings,
    trust: &Trust,
    metrics: &Metrics,
) -> anyhow::Result<Buckets> {
    let store = &settings.store;
    let config = shared(&store.region, &store.endpoint_url, S3_READ_TIMEOUT, trust).await?;
    let region = config.region().context("no region: set store.region or AWS_REGION")?.to_string();
    let builder = || aws_sdk_s3::config::Builder::from(&config).force_path_style(store.path_style);
    let counted = builder().interceptor(metrics.store.clone());
    let inner = aws_sdk_s3::Client::from_conf(counted.build());
    let provider = config.credentials_provider().context("there are no AWS credentials")?;
    let credentials = ExpiringCredentials::new(provider);
    let latest = credentials.latest();
    let mut builder = builder().credentials_provider(credentials);
    if !store.upload_base_url.is_empty() {
        builder = builder.endpoint_url(&store.upload_base_url);
    }
    let outer = aws_sdk_s3::Client::from_conf(builder.build());
    let mut private =
        Bucket::new(&inner, outer.clone(), &store.private_bucket).with_credentials(latest);
    let mut public = Bucket::new(&inner, outer.clone(), &store.public_bucket);
    for bucket in [&private, &public] {
        let checked = bucket.check().await;
        checked.with_context(|| format!("failed to access the bucket {}", bucket.name()))?;
    }
    let probe = format!("claims/probe-{}", hex::encode(rand::random::<[u8; 8]>()));
    if !private.probe_conditional_writes(&probe).await? {
        tracing::warn!(
            "the store ignores conditional writes: two boxes that get the same message at the \
             same moment may both publish the video"
        );
        private = private.without_conditional_writes();
        public = public.without_conditional_writes();
    }
    if !private.probe_conditional_deletes(&probe).await? {
        tracing::info!(
            "the store has no conditional deletes: a late delete may remove a newer object"
        );
        private = private.without_conditional_deletes();
        public = public.without_conditional_deletes();
    }
    let public_url = match (store.endpoint_url.as_str(), store.path_style) {
        ("", _) => format!("https://{}.s3.{region}.amazonaws.com", public.name()),
        (endpoint, _) => format!("{endpoint}/{}", public.name()),
    };
    let playback_base_url = or(&store.public_base_url, &public_url);
    let origins = [upload_origin(&outer, private.name()).await?, origin(&playback_base_url)];
    Ok(Buckets { private, public, playback_base_url, origins })
}

/// Origin of presigned URLs, taken from one that the SDK signs: the SDK chooses the host.
async fn upload_origin(client: &aws_sdk_s3::Client, name: &str) -> anyhow::Result<String> {
    let presigning = PresigningConfig::expires_in(Duration::from_mins(1))?;
    let signed = client.put_object().bucket(name).key("x").presigned(presigning).await;
    let signed = signed.context("failed to sign a URL: are there credentials?")?;
    Ok(origin(signed.uri()))
}

/// Opens the queues on SQS: the normal one, and those of other priorities that the settings name.
///
/// # Errors
/// If one does not exist, access is denied, or it has no dead-letter queue.
pub(super) async fn queue(settings: &Settings, trust: &Trust) -> anyhow::Result<SqsQueues> {
    let queue = &settings.queue;
    let config = shared(&queue.region, &queue.endpoint_url, SQS_READ_TIMEOUT, trust).await?;
    config.region().context("no region: set queue.region or AWS_REGION")?;
    let client = aws_sdk_sqs::Client::new(&config);
    let open = async |url: &str| {
        let opened = SqsQueue::open(client.clone(), url, &queue.dead_letter_url).await;
        opened.with_context(|| format!("failed to open the queue {url}"))
    };
    let mut others = [None, None];
    for (other, url) in others.iter_mut().zip([&queue.high_url, &queue.low_url]) {
        if !url.is_empty() {
            *other = Some(open(url).await?);
        }
    }
    let [high, low] = others;
    Ok(SqsQueues::new(open(&queue.url).await?, high, low))
}
