//! S3 and SQS by moto and `LocalStack`, started for one test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Event, FilterRule, FilterRuleName,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::{Need, root, skip};

/// An implementation of S3 and SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    Moto,
    LocalStack,
}

pub const REGION: &str = "eu-central-1";

/// Key prefix of the sources.
pub const PREFIX: &str = "in/";

/// A server with a private and a public bucket, a queue that receives the private bucket's events,
/// and a queue for dead letters. It is killed when this is dropped.
pub struct Servers {
    child: Child,
    _home: tempfile::TempDir,
    pub kind: ServerKind,
    pub endpoint: String,
    pub s3: aws_sdk_s3::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub queue_url: String,
    pub dead_letter_url: String,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn python(kind: ServerKind) -> PathBuf {
    let name = match kind {
        ServerKind::Moto => "moto",
        ServerKind::LocalStack => "localstack",
    };
    root().join("target/tools").join(name).join("bin/python3")
}

/// The command of a server. The kernel kills it when the test's process ends.
fn command(kind: ServerKind, port: u16, home: &std::path::Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(python(kind));
    match kind {
        ServerKind::Moto => {
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]).arg(port.to_string());
            // Clients may reach it by any name, which is not that of a bucket.
            command.env("S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true");
            // Only the rules of a bucket count, as on S3.
            command.env("MOTO_DISABLE_GLOBAL_CORS", "true");
        }
        ServerKind::LocalStack => {
            command
                .args(["-m", "localstack.runtime.main"])
                .env("HOME", home)
                .env("XDG_CACHE_HOME", home)
                .env("GATEWAY_SERVER", "hypercorn")
                .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
                .env("S3_SKIP_SIGNATURE_VALIDATION", "0")
                .env("SERVICES", "s3,sqs")
                .env("DNS_ADDRESS", "0");
            for name in [
                "STRICT_SERVICE_LOADING",
                "EAGER_SERVICE_LOADING",
                "DISABLE_EVENTS",
                "SKIP_SSL_CERT_DOWNLOAD",
            ] {
                command.env(name, "1");
            }
        }
    }
    command.current_dir(home).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Servers {
    /// Starts a server, or reports a skip where it is not installed (`.ci/deps test` does that).
    pub async fn start(kind: ServerKind) -> Option<Self> {
        if !python(kind).is_file() {
            skip(Need::Servers, &format!("{kind:?} is not installed"));
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = tempfile::tempdir().unwrap();
        let child = command(kind, port, home.path()).spawn().unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let (s3, sqs) = (s3_client(&endpoint, REGION, keys()), sqs_client(&endpoint));
        let (queue_url, dead_letter_url) = (String::new(), String::new());
        let mut servers =
            Self { child, _home: home, kind, endpoint, s3, sqs, queue_url, dead_letter_url };
        servers.wait().await;
        servers.dead_letter_url = servers.queue("dead", None).await;
        let dead = servers.arn(&servers.dead_letter_url).await;
        servers.queue_url = servers.queue("jobs", Some(&dead)).await;
        for bucket in ["uploads", "public"] {
            servers.bucket(bucket).await;
        }
        servers.publish().await;
        servers.notify(true).await;
        Some(servers)
    }

    async fn wait(&mut self) {
        let began = Instant::now();
        while self.s3.list_buckets().send().await.is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "{:?} has ended", self.kind);
            assert!(began.elapsed() < Duration::from_mins(1), "{:?} does not come up", self.kind);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn arn(&self, queue_url: &str) -> String {
        let name = QueueAttributeName::QueueArn;
        let request = self.sqs.get_queue_attributes().queue_url(queue_url);
        let answer = request.attribute_names(name.clone()).send().await.unwrap();
        answer.attributes().unwrap()[&name].clone()
    }

    /// Creates a queue whose dead letters go to the queue of this ARN. Returns its URL.
    pub async fn queue(&self, name: &str, dead: Option<&str>) -> String {
        let mut request = self.sqs.create_queue().queue_name(name);
        if let Some(dead) = dead {
            // `ladderd` moves dead letters by itself, long before this limit.
            let policy = json!({"deadLetterTargetArn": dead, "maxReceiveCount": 1000});
            request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        request.send().await.unwrap().queue_url().unwrap().to_owned()
    }

    /// Creates a bucket.
    pub async fn bucket(&self, name: &str) {
        let place = BucketLocationConstraint::from(REGION);
        let config = CreateBucketConfiguration::builder().location_constraint(place).build();
        let request = self.s3.create_bucket().bucket(name).create_bucket_configuration(config);
        request.send().await.unwrap();
    }

    /// Makes the public bucket readable by everybody.
    async fn publish(&self) {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::public/*"}]});
        let request = self.s3.put_bucket_policy().bucket("public").policy(policy.to_string());
        request.send().await.unwrap();
    }

    /// Switches the events of the private bucket on and off.
    pub async fn notify(&self, on: bool) {
        // As documented: only sources make events, not our own records.
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(PREFIX).build();
        let key = S3KeyFilter::builder().filter_rules(rule).build();
        let filter = NotificationConfigurationFilter::builder().key(key).build();
        let queue = QueueConfiguration::builder()
            .filter(filter)
            .queue_arn(self.arn(&self.queue_url).await)
            .events(Event::from("s3:ObjectCreated:*"))
            .build()
            .unwrap();
        let queues = on.then(|| vec![queue]);
        let config = NotificationConfiguration::builder().set_queue_configurations(queues).build();
        let request = self.s3.put_bucket_notification_configuration().bucket("uploads");
        request.notification_configuration(config).send().await.unwrap();
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Environment of an appliance that reaches S3 and SQS at these URLs.
    pub fn environment(&self, s3: &str, sqs: &str) -> Vec<(String, String)> {
        let queue_url = self.queue_url.clone();
        [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("LADDERD__STORE__KIND", "s3"),
            ("LADDERD__STORE__ENDPOINT_URL", s3),
            ("LADDERD__STORE__PATH_STYLE", "true"),
            ("LADDERD__QUEUE__KIND", "sqs"),
            ("LADDERD__QUEUE__ENDPOINT_URL", sqs),
            ("LADDERD__QUEUE__URL", &queue_url),
            ("LADDERD__SOURCES__PREFIX", PREFIX),
            ("LADDERD__QUEUE__WAIT_SECS", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Number of visible, leased and dead messages.
    pub async fn depth(&self) -> (u32, u32, u32) {
        let (visible, leased) = self.count(&self.queue_url).await;
        let (dead, dead_leased) = self.count(&self.dead_letter_url).await;
        (visible, leased, dead + dead_leased)
    }

    async fn count(&self, url: &str) -> (u32, u32) {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as Leased,
        };
        let request = self.sqs.get_queue_attributes().queue_url(url);
        let request = request.attribute_names(Visible).attribute_names(Leased);
        let answer = request.send().await.unwrap();
        let number = |name| answer.attributes().unwrap()[&name].parse().unwrap();
        (number(Visible), number(Leased))
    }

    /// Receives all dead letters: body and reason.
    pub async fn dead_letters(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        loop {
            let request = self.sqs.receive_message().queue_url(&self.dead_letter_url);
            let request = request.message_attribute_names("All").max_number_of_messages(10);
            let answer = request.send().await.unwrap();
            if answer.messages().is_empty() {
                return found;
            }
            for message in answer.messages() {
                let attributes = message.message_attributes();
                let reason = attributes.and_then(|all| all.get("ladderd.reason"));
                let reason = reason.and_then(|reason| reason.string_value()).unwrap_or_default();
                found.push((message.body().unwrap().to_owned(), reason.to_owned()));
            }
        }
    }

    /// Sends a message to the jobs' queue.
    pub async fn send(&self, body: &str) {
        let request = self.sqs.send_message().queue_url(&self.queue_url).message_body(body);
        request.send().await.unwrap();
    }

    /// Puts an object into the private bucket.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        let request = self.s3.put_object().bucket("uploads").key(key).body(bytes.to_vec().into());
        request.send().await.unwrap();
    }

    /// All keys of a bucket that begin with the prefix.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        keys_of(&self.s3, bucket, prefix).await
    }
}

/// All keys of a bucket that begin with the prefix.
pub async fn keys_of(client: &aws_sdk_s3::Client, bucket: &str, prefix: &str) -> Vec<String> {
    let list = client.list_objects_v2().bucket(bucket).prefix(prefix);
    let mut pages = list.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        keys.extend(page.contents().iter().filter_map(|o| o.key()).map(str::to_owned));
    }
    keys
}

fn keys() -> Credentials {
    Credentials::new("test", "test", None, None, "test")
}

/// An S3 client with these keys.
pub fn s3_client(endpoint: &str, region: &'static str, keys: Credentials) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::from_static(region))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn sqs_client(endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(keys())
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
