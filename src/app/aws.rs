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
use crate::doctor::Stores;
use crate::metrics::Metrics;
use crate::queue::sqs::{SqsQueue, SqsQueues, SqsSetup};
use crate::settings::Settings;
use crate::store::{Bucket, ExpiringCredentials};
use crate::tls::Trust;

/// Time until a silent SQS connection counts as broken: more than the longest poll of SQS (20 s).
const SQS_READ_TIMEOUT: Duration = Duration::from_secs(45);
/// Maximum time from the first byte of a request to the first byte of its response: 5 MB, a large
/// segment, take 40 s at 1 Mbit/s.
const S3_READ_TIMEOUT: Duration = Duration::from_secs(45);
/// Deadline of a connection, the default of the SDK.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
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

/// Patience of clients with their server.
#[derive(Clone, Copy)]
struct Patience {
    tries: u32,
    read_timeout: Duration,
}

impl Patience {
    /// That of jobs.
    fn of_jobs(read_timeout: Duration) -> Self {
        Self { tries: TRIES, read_timeout }
    }

    /// That of `ladderd doctor`: somebody waits for it.
    const OF_DOCTOR: Self = Self { tries: 2, read_timeout: Duration::from_secs(10) };
}

/// Configuration that both services share.
async fn shared(
    region: &str,
    endpoint_url: &str,
    patience: Patience,
    trust: &Trust,
) -> anyhow::Result<SdkConfig> {
    let Patience { tries, read_timeout } = patience;
    let timeouts = TimeoutConfig::builder().read_timeout(read_timeout);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust)?)
        .retry_config(
            RetryConfig::standard().with_max_attempts(tries).with_initial_backoff(FIRST_PAUSE),
        )
        .timeout_config(timeouts.connect_timeout(CONNECT_TIMEOUT).build());
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
    let patience = Patience::of_jobs(S3_READ_TIMEOUT);
    let Clients { mut private, mut public, playback_base_url, upload_origin } =
        clients(settings, trust, patience, Some(metrics)).await?;
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
    let origins = [upload_origin, origin(&playback_base_url)];
    Ok(Buckets { private, public, playback_base_url, origins })
}

/// The buckets for `ladderd doctor`, which nobody has looked at yet.
///
/// # Errors
/// If the environment has no region or no credentials.
pub(super) async fn stores(settings: &Settings, trust: &Trust) -> anyhow::Result<Stores> {
    let Clients { private, public, playback_base_url, .. } =
        clients(settings, trust, Patience::OF_DOCTOR, None).await?;
    Ok(Stores { private, public, playback_base_url })
}

/// Clients of the two buckets, and their URLs.
struct Clients {
    private: Bucket,
    public: Bucket,
    playback_base_url: String,
    upload_origin: String,
}

/// Makes the clients of the buckets. Requests are counted if there are metrics.
async fn clients(
    settings: &Settings,
    trust: &Trust,
    patience: Patience,
    metrics: Option<&Metrics>,
) -> anyhow::Result<Clients> {
    let store = &settings.store;
    let config = shared(&store.region, &store.endpoint_url, patience, trust).await?;
    let region = config.region().context("no region: set store.region or AWS_REGION")?.to_string();
    let builder = || aws_sdk_s3::config::Builder::from(&config).force_path_style(store.path_style);
    let counted = match metrics {
        Some(metrics) => builder().interceptor(metrics.store.clone()),
        None => builder(),
    };
    let inner = aws_sdk_s3::Client::from_conf(counted.build());
    let provider = config.credentials_provider().context("there are no AWS credentials")?;
    let credentials = ExpiringCredentials::new(provider);
    let latest = credentials.latest();
    let mut builder = builder().credentials_provider(credentials);
    if !store.upload_base_url.is_empty() {
        builder = builder.endpoint_url(&store.upload_base_url);
    }
    let outer = aws_sdk_s3::Client::from_conf(builder.build());
    let private =
        Bucket::new(&inner, outer.clone(), &store.private_bucket).with_credentials(latest);
    let public = Bucket::new(&inner, outer.clone(), &store.public_bucket);
    let public_url = match (store.endpoint_url.as_str(), store.path_style) {
        ("", _) => format!("https://{}.s3.{region}.amazonaws.com", public.name()),
        (endpoint, _) => format!("{endpoint}/{}", public.name()),
    };
    let playback_base_url = or(&store.public_base_url, &public_url);
    let upload_origin = upload_origin(&outer, private.name()).await?;
    Ok(Clients { private, public, playback_base_url, upload_origin })
}

/// Origin of presigned URLs, taken from one that the SDK signs: the SDK chooses the host.
async fn upload_origin(client: &aws_sdk_s3::Client, name: &str) -> anyhow::Result<String> {
    let presigning = PresigningConfig::expires_in(Duration::from_mins(1))?;
    let signed = client.put_object().bucket(name).key("x").presigned(presigning).await;
    let signed = signed.context("failed to sign a URL: are there credentials?")?;
    Ok(origin(signed.uri()))
}

async fn sqs_client(
    settings: &Settings,
    trust: &Trust,
    patience: Patience,
) -> anyhow::Result<aws_sdk_sqs::Client> {
    let queue = &settings.queue;
    let config = shared(&queue.region, &queue.endpoint_url, patience, trust).await?;
    config.region().context("no region: set queue.region or AWS_REGION")?;
    Ok(aws_sdk_sqs::Client::new(&config))
}

/// The queues on SQS for `ladderd doctor`, which nobody has looked at yet.
///
/// # Errors
/// If the environment has no region.
pub(super) async fn sqs_setup(settings: &Settings, trust: &Trust) -> anyhow::Result<SqsSetup> {
    let client = sqs_client(settings, trust, Patience::OF_DOCTOR).await?;
    let queue = &settings.queue;
    let named = [
        ("queue.url", &queue.url),
        ("queue.high_url", &queue.high_url),
        ("queue.low_url", &queue.low_url),
    ];
    let urls = named.into_iter().filter(|(_, url)| !url.is_empty());
    let urls = urls.map(|(setting, url)| (setting, url.clone())).collect();
    Ok(SqsSetup::new(client, urls, &queue.dead_letter_url))
}

/// Opens the queues on SQS: the normal one, and those of other priorities that the settings name.
///
/// # Errors
/// If one does not exist, access is denied, or it has no dead-letter queue.
pub(super) async fn queue(settings: &Settings, trust: &Trust) -> anyhow::Result<SqsQueues> {
    let queue = &settings.queue;
    let client = sqs_client(settings, trust, Patience::of_jobs(SQS_READ_TIMEOUT)).await?;
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
