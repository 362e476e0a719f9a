//! `ladderd webhook listen`: receives events on this machine and prints them, for development.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{self, Exit};
use super::output::{print, say};
use crate::app;
use crate::outgoing::Outgoing;
use crate::tls::Trust;
use crate::webhook::signature;

/// Seconds by which the time of a request may differ from that of this machine, as Standard Webhooks recommends.
const TOLERANCE_SECS: u64 = 300;

/// Commands for webhooks.
#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Receive events on this machine and print each on a line, as JSON.
    ///
    /// Makes a webhook at the appliance, which needs `webhooks.allow_private` for that, and removes it at the end.
    /// With `--secret` it makes none: point a webhook of yours at it.
    Listen {
        /// Address that receives events; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        address: SocketAddr,
        /// Kind of events, such as video.ready. Can be given several times [default: all].
        #[arg(long = "event", value_name = "KIND", conflicts_with = "secret")]
        events: Vec<String>,
        /// Secret of a webhook that was made already.
        #[arg(long, env = "LADDERD_WEBHOOK_SECRET", hide_env_values = true)]
        secret: Option<String>,
        /// URL of the appliance.
        #[arg(long, env = "LADDERD_URL", default_value = "http://127.0.0.1:8080")]
        url: String,
        /// Token with the scope manage.
        #[arg(long, env = "LADDERD_TOKEN", hide_env_values = true)]
        token: Option<String>,
    },
}

/// The part of a made webhook that is needed.
#[derive(Deserialize)]
struct Made {
    id: String,
    secret: String,
}

/// The API of an appliance.
struct Api {
    client: Outgoing,
    url: String,
    token: Option<String>,
}

/// Runs a command on webhooks.
pub(super) fn run(command: WebhookCommand) -> Result<Exit, exit::Error> {
    let WebhookCommand::Listen { address, events, secret, url, token } = command;
    let runtime = app::runtime().map_err(anyhow::Error::from)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.context("failed to listen")?;
        let local = listener.local_addr()?;
        let Some(secret) = secret else {
            let client = Outgoing::new(&Trust::default(), true)?;
            let api = Api { client, url: url.trim_end_matches('/').to_owned(), token };
            let made = api.make(local, &events).await?;
            say(&format!("listening on http://{local} as webhook {}", made.id));
            let served = serve(listener, made.secret).await;
            api.remove(&made.id).await?;
            return served;
        };
        say(&format!("listening on http://{local}"));
        serve(listener, secret).await
    })?;
    Ok(Exit::Ok)
}

impl Api {
    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.client().request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn make(&self, local: SocketAddr, events: &[String]) -> anyhow::Result<Made> {
        let body = json!({
            "url": format!("http://{local}/"), "events": events, "description": "ladderd webhook listen",
        });
        let request = self.request(reqwest::Method::POST, "/v1/webhooks").json(&body);
        let answer = request.send().await.context("failed to reach the appliance")?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status == StatusCode::CREATED, "the appliance makes no webhook: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn remove(&self, id: &str) -> anyhow::Result<()> {
        let path = format!("/v1/webhooks/{id}");
        let answer = self.request(reqwest::Method::DELETE, &path).send().await?;
        ensure!(answer.status().is_success(), "failed to remove webhook {id}: {}", answer.status());
        Ok(())
    }
}

/// Prints what comes, until SIGINT or SIGTERM.
async fn serve(listener: TcpListener, secret: String) -> anyhow::Result<()> {
    let router = Router::new().fallback(post(receive)).with_state(Arc::new(secret));
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        ended = async { axum::serve(listener, router).await } => Ok(ended?),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn receive(State(secret): State<Arc<String>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, signatures) = (header(signature::ID), header(signature::SIGNATURE));
    let Ok(timestamp) = header(signature::TIMESTAMP).parse::<i64>() else {
        say(&format!("refused a request without {}", signature::TIMESTAMP));
        return StatusCode::BAD_REQUEST;
    };
    let is_fresh = Timestamp::now().as_second().abs_diff(timestamp) <= TOLERANCE_SECS;
    if !is_fresh || !signature::verify(&secret, id, timestamp, &body, signatures) {
        say(&format!("refused {id}: its signature or its time is wrong"));
        return StatusCode::UNAUTHORIZED;
    }
    let line = format!("{}\n", String::from_utf8_lossy(&body));
    // Its reader is gone.
    if print(&line).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::NO_CONTENT
}
