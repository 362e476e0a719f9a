//! The ways that others reach this box by: the API, its public URL, its certificate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use jiff::Timestamp;
use reqwest::Url;
use tokio::net::TcpListener;

use super::client::Client;
use super::subject::Subject;
use crate::domain::doctor::{Check, Finding, Severity, judge, mend};
use crate::tls::Certificate;

/// Answer of `/healthz`.
const HEALTHY: &[u8] = b"ok\n";

pub(super) async fn examine(subject: &Subject, client: &Client) -> Vec<Finding> {
    let mut found = vec![api(subject, client).await, public_url(subject, client).await];
    found.extend(certificate(subject, client).await);
    found
}

/// Address at which this machine reaches a server.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

async fn api(subject: &Subject, client: &Client) -> Finding {
    let Some(running) = &subject.running else { return port(&subject.config.listen).await };
    let address = reachable(running.api);
    let finding = if subject.config.tls.is_on() {
        match tokio::net::TcpStream::connect(address).await {
            Ok(_) => Finding::ok(Check::Api, "it accepts connections"),
            Err(error) => Finding::new(Check::Api, Severity::Error, error.to_string()),
        }
    } else {
        match client
            .at(&address.ip().to_string(), address)
            .get(&format!("http://{address}/healthz"), "")
            .await
        {
            Ok(answer) if answer.body == HEALTHY => Finding::ok(Check::Api, "it answers"),
            Ok(answer) => {
                let what = format!("/healthz answers {}", answer.status);
                Finding::new(Check::Api, Severity::Error, what)
            }
            Err(error) => Finding::new(Check::Api, Severity::Error, error),
        }
    };
    let mend = (finding.severity == Severity::Error).then(mend::firewall);
    finding.mend_by(mend).of(address.to_string())
}

/// Whether a daemon could listen.
async fn port(listen: &str) -> Finding {
    let finding = match TcpListener::bind(listen).await {
        Ok(_) => Finding::ok(Check::Api, "the address is free"),
        Err(error) => {
            let port = listen.rsplit(':').next().unwrap_or_default();
            let what = format!("a daemon could not listen there: {error}");
            Finding::new(Check::Api, Severity::Error, what).mend(mend::taken_port(port))
        }
    };
    finding.of(listen)
}

async fn public_url(subject: &Subject, client: &Client) -> Finding {
    let url = &subject.config.public_url;
    if url.is_empty() {
        return Finding::new(Check::PublicUrl, Severity::Skipped, "http.public_url is not set");
    }
    if subject.running.is_none() {
        return Finding::new(Check::PublicUrl, Severity::Skipped, "no daemon runs").of(url);
    }
    let finding = match client.get(&format!("{url}/healthz"), "").await {
        Ok(answer) if answer.body == HEALTHY => {
            Finding::ok(Check::PublicUrl, "it leads to an appliance")
        }
        Ok(answer) if answer.status == 421 => Finding::new(
            Check::PublicUrl,
            Severity::Error,
            "it answers 421: another appliance, or a Host that the proxy changes",
        )
        .mend(mend::other_host()),
        Ok(answer) => {
            let what = format!("/healthz answers {} there", answer.status);
            Finding::new(Check::PublicUrl, Severity::Error, what).mend(mend::ask(
                &format!("{url}/healthz"),
                "see the proxy in front: how-to/put-on-the-internet.md",
            ))
        }
        Err(error) => {
            // A network may not lead its own machines back to its public address.
            let what = format!("it cannot be reached from this machine: {error}");
            Finding::new(Check::PublicUrl, Severity::Warning, what).mend(mend::ask(
                &format!("{url}/healthz"),
                "look at name server, proxy and firewall: call it from here and from elsewhere",
            ))
        }
    };
    finding.of(url)
}

async fn certificate(subject: &Subject, client: &Client) -> Vec<Finding> {
    let config = &subject.config;
    let certificate = match Certificate::open(&config.tls) {
        Ok(Some(certificate)) => certificate,
        Ok(None) => {
            let what = "tls.cert is not set: a proxy has the certificate, or there is none";
            return vec![Finding::new(Check::Certificate, Severity::Skipped, what)];
        }
        Err(error) => {
            let step = mend::unreadable_certificate(&config.tls.cert, &config.tls.key);
            let finding = Finding::new(Check::Certificate, Severity::Error, error.to_string());
            return vec![finding.mend(step).of(&config.tls.cert)];
        }
    };
    let mut found = vec![judge::certificate_end(certificate.not_after(), Timestamp::now())];
    let host =
        Url::parse(&config.public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if let Some(host) = host {
        if certificate.names(host.trim_matches(['[', ']'])) {
            found.extend(chain(subject, client, &host).await);
        } else {
            let what = format!("it is not one for {host}, the host of http.public_url");
            let step = mend::other_certificate(&host, &config.tls.cert);
            found.push(Finding::new(Check::Certificate, Severity::Error, what).mend(step));
        }
    }
    found.into_iter().map(|finding| finding.of(&config.tls.cert)).collect()
}

/// The chain, as a client checks it that reaches the daemon by this name.
async fn chain(subject: &Subject, client: &Client, host: &str) -> Option<Finding> {
    let address = reachable(subject.running.as_ref()?.api);
    let url = format!("https://{host}:{}/healthz", address.port());
    Some(match client.at(host, address).get(&url, "").await {
        Ok(_) => Finding::ok(Check::Certificate, "clients accept its chain"),
        Err(error) => {
            let what = format!("a client with the authorities of this system refuses it: {error}");
            Finding::new(Check::Certificate, Severity::Warning, what)
                .mend(mend::chain(&subject.config.tls.cert))
        }
    })
}
