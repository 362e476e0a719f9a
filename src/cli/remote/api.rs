//! Client of the API.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rand::RngExt as _;
use reqwest::header::HeaderMap;
use reqwest::{Body, ClientBuilder, Method, Response, StatusCode, Url};
use serde_json::Value;

use crate::app;
use crate::cli::exit::{self, Exit, OrExit as _};
use crate::domain::backoff::{self, Policy};
use crate::settings::{Settings, Sources};
use crate::tls::Trust;

/// Tries of a request that the network or the server fails.
const TRIES: u32 = 5;
/// Pauses between them.
const PAUSES: Policy = Policy { first_secs: 1, max_secs: 15 };
/// Time for which a request may give no byte.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// An appliance, and the token that opens it.
pub(in crate::cli) struct Api {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Api {
    /// The appliance at `url`, or the daemon of this machine. The token is in the variable `LADDERD_TOKEN`.
    pub(in crate::cli) fn open(url: Option<String>) -> Result<Self, exit::Error> {
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().read_timeout(READ_TIMEOUT);
        let (url, client) = if let Some(url) = url { (url, client) } else { local(client)? };
        let base = Url::parse(&url).ok().filter(Url::has_host);
        let base =
            base.with_context(|| format!("{url:?} is no URL such as https://video.example.com"));
        let token = std::env::var("LADDERD_TOKEN").ok().filter(|token| !token.is_empty());
        Ok(Self {
            http: client.build().or_exit(Exit::Failed)?,
            base: base.or_exit(Exit::Usage)?,
            token,
        })
    }

    /// The daemon with this data directory, by its socket, which gives all rights; `None` if none runs.
    pub(in crate::cli) fn of_data_dir(data_dir: &Path) -> Result<Option<Self>, exit::Error> {
        let path = app::socket_path(data_dir);
        if let Err(error) = UnixStream::connect(&path) {
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) {
                return Ok(None);
            }
            let shown = path.display();
            let reason = anyhow!(
                "failed to connect to {shown}: {error}; call it as root or as the user of the service"
            );
            return Err(exit::Error { exit: Exit::Unchecked, reason });
        }
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().read_timeout(READ_TIMEOUT).unix_socket(path);
        let base = Url::parse("http://localhost/").or_exit(Exit::Failed)?;
        Ok(Some(Self { http: client.build().or_exit(Exit::Failed)?, base, token: None }))
    }

    /// Name of the appliance, for what is kept of it.
    pub(super) fn name(&self) -> &str {
        self.base.as_str()
    }

    /// URL of a path with a query.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, exit::Error> {
        let mut url = self.base.join(path).or_exit(Exit::Usage)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// GET of a path, whose answer may be of any type.
    pub(in crate::cli) async fn get_text(&self, path: &str) -> Result<String, exit::Error> {
        let url = self.base.join(path).or_exit(Exit::Usage)?;
        self.text(Method::GET, url, None).await
    }

    /// GET of a path.
    pub(in crate::cli) async fn get(&self, path: &str) -> Result<Value, exit::Error> {
        self.call(Method::GET, self.url(path, &[])?, None).await
    }

    /// Request with a JSON body.
    pub(in crate::cli) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, exit::Error> {
        self.call(method, self.url(path, &[])?, body).await
    }

    /// Sends a request until it is answered. Returns the body, or `null` if there is none.
    pub(super) async fn call(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Value, exit::Error> {
        let text = self.text(method, url, body).await?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Sends a request until it is answered. Returns the text of the body.
    async fn text(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<String, exit::Error> {
        // A POST that was answered, but not heard, does not create twice.
        let key = hex::encode(rand::rng().random::<[u8; 16]>());
        let answer = retried(async || {
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            if method == Method::POST {
                request = request.header("idempotency-key", &key);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            answered(request.send().await)
        });
        let answer = answer.await?;
        let status = answer.status();
        let text =
            answer.text().await.context("the answer broke off").or_exit(Exit::Unreachable)?;
        if status.is_success() {
            return Ok(text);
        }
        Err(refused(status, &serde_json::from_str(&text).unwrap_or_default()))
    }

    /// PUTs what `body` makes, anew for each try, to a URL of the store.
    pub(super) async fn put(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: impl AsyncFn() -> std::io::Result<Body>,
    ) -> Result<Response, exit::Error> {
        retried(async || {
            let body = body().await?;
            answered(self.http.put(url).headers(headers.clone()).body(body).send().await)
        })
        .await
    }
}

/// URL of the daemon of this machine, and a client that trusts it.
fn local(client: ClientBuilder) -> Result<(String, ClientBuilder), exit::Error> {
    let settings = local_settings()?;
    let trust = Trust::open(&settings.tls).or_exit(Exit::Usage)?;
    let mut authorities = trust.authorities().map(reqwest::Certificate::from_der);
    let client = authorities.try_fold(client, |client, authority| {
        authority.map(|authority| client.add_root_certificate(authority))
    });
    let url = app::local_api(&settings).context(
        "no daemon runs on this machine: say where one is, by --url or the variable LADDERD_URL",
    );
    Ok((url.or_exit(Exit::Unreachable)?, client.or_exit(Exit::Usage)?))
}

/// The settings of this machine.
fn local_settings() -> Result<Settings, exit::Error> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let sources = Sources { environment, ..Sources::default() };
    Settings::load(&sources).map_err(|faults| anyhow!(faults.0.join("\n"))).or_exit(Exit::Usage)
}

/// Sends a request again while nothing answers it, or the answer is that of an overload.
async fn retried(
    send: impl AsyncFn() -> Result<Response, exit::Error>,
) -> Result<Response, exit::Error> {
    let mut attempt = 1;
    loop {
        let answer = send().await;
        let (is_transient, wait) = match &answer {
            Ok(answer) => (is_transient(answer.status()), asked_wait(answer)),
            Err(error) => (error.exit == Exit::Unreachable, None),
        };
        if !is_transient || attempt >= TRIES {
            return answer;
        }
        let pause = backoff::delay(attempt, &PAUSES, rand::rng().random());
        tokio::time::sleep(wait.unwrap_or(pause)).await;
        attempt += 1;
    }
}

/// The answer, or why there is none. Without the URL, whose query may be a secret.
fn answered(answer: reqwest::Result<Response>) -> Result<Response, exit::Error> {
    let answer = answer.map_err(reqwest::Error::without_url);
    answer.context("the appliance or its store cannot be reached").or_exit(Exit::Unreachable)
}

fn is_transient(status: StatusCode) -> bool {
    let overloaded = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || overloaded.contains(&status)
}

/// The wait that an answer asks for, up to a minute.
fn asked_wait(answer: &Response) -> Option<Duration> {
    let secs = answer.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs).min(Duration::from_mins(1)))
}

/// The error of a refused request, in the words of the appliance.
fn refused(status: StatusCode, problem: &Value) -> exit::Error {
    let said = problem["detail"].as_str().filter(|detail| !detail.is_empty());
    let reason = said.map_or_else(|| format!("the server answered {status}"), str::to_owned);
    let exit = match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        status if status.is_server_error() => Exit::Unreachable,
        _ => Exit::Failed,
    };
    exit::Error { exit, reason: anyhow!(reason) }
}
