//! Files of a server.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, HeaderName, RANGE};

use super::{Error, Fetched, Files, MAX_FILE_BYTES, Served};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the next bytes of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time of one request: a server that sends a byte now and then must not hold the check up.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// Pauses before the next try of a request that failed in passing.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Files of a server.
pub struct Http {
    client: reqwest::Client,
    base: Option<reqwest::Url>,
}

/// A part of a file: offset and length.
type Part = Option<(u64, u64)>;

impl Http {
    /// Paths are relative to this URL.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(base: reqwest::Url) -> Result<Self, reqwest::Error> {
        Self::open(Some(base), READ_TIMEOUT)
    }

    /// Paths are absolute URLs.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn anywhere() -> Result<Self, reqwest::Error> {
        Self::open(None, READ_TIMEOUT)
    }

    fn open(base: Option<reqwest::Url>, read_timeout: Duration) -> Result<Self, reqwest::Error> {
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(read_timeout)
            .timeout(REQUEST_TIMEOUT);
        Ok(Self { client: client.build()?, base })
    }

    /// Tries a request again if it failed in passing.
    async fn fetch(&self, path: &str, part: Part) -> Result<Fetched, Error> {
        for pause in PAUSES {
            match self.fetch_once(path, part).await {
                Err(error) if is_passing(&error) => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        self.fetch_once(path, part).await
    }

    async fn fetch_once(&self, path: &str, part: Part) -> Result<Fetched, Error> {
        let url = reqwest::Url::options().base_url(self.base.as_ref()).parse(path);
        let url = url.map_err(|error| Error::Unreadable(error.to_string()))?;
        let request = self.client.get(url.clone());
        let request = match part {
            None => request.header(ACCEPT_ENCODING, "gzip"),
            Some((offset, length)) => {
                let last = offset.saturating_add(length).saturating_sub(1);
                request.header(RANGE, format!("bytes={offset}-{last}"))
            }
        };
        let response = request.send().await.map_err(unreadable)?;
        let status = response.status();
        if let Some((offset, length)) = part.filter(|_| status == StatusCode::RANGE_NOT_SATISFIABLE)
        {
            return Err(Error::OutOfRange(offset, offset.saturating_add(length)));
        }
        if !status.is_success() {
            return Err(Error::Status(status));
        }
        let header = |name: HeaderName| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().trim().to_owned()
        };
        let served = Served {
            content_type: header(reqwest::header::CONTENT_TYPE),
            content_encoding: header(reqwest::header::CONTENT_ENCODING).to_ascii_lowercase(),
            cache_control: header(reqwest::header::CACHE_CONTROL),
            redirected_to: (*response.url() != url).then(|| response.url().to_string()),
        };
        let bytes = body(response).await?;
        let fetched = Fetched { bytes: bytes.into(), served: Some(served) };
        match part {
            // A server may ignore the range and send the whole file.
            Some((offset, length)) if status != StatusCode::PARTIAL_CONTENT => {
                fetched.unzipped()?.cut(offset, length)
            }
            Some((offset, length)) => {
                // The end of the file may come before the end of the range.
                let error = Error::OutOfRange(offset, offset.saturating_add(length));
                if fetched.bytes.len() as u64 == length { Ok(fetched) } else { Err(error) }
            }
            None => fetched.unzipped(),
        }
    }
}

/// Reads a body of bounded size.
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, Error> {
    let stated = response.content_length().unwrap_or(0);
    if stated > MAX_FILE_BYTES {
        return Err(Error::TooLarge(MAX_FILE_BYTES));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(unreadable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::TooLarge(MAX_FILE_BYTES));
        }
    }
    Ok(bytes)
}

/// The reason without the URL, whose query may be a secret.
fn unreadable(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::Unreadable("the server does not answer in time".to_owned());
    }
    Error::Unreadable(error.without_url().to_string())
}

/// Whether the same request may succeed a moment later.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreadable(reason) => !reason.contains("in time"),
        Error::Status(status) => {
            status.is_server_error()
                || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        }
        Error::NotGzip(_) | Error::OutOfRange(..) | Error::TooLarge(_) | Error::Elsewhere => false,
    }
}

#[async_trait]
impl Files for Http {
    async fn get(&self, path: &str) -> Result<Fetched, Error> {
        self.fetch(path, None).await
    }

    async fn get_range(&self, path: &str, offset: u64, length: u64) -> Result<Fetched, Error> {
        self.fetch(path, Some((offset, length))).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::HeaderMap;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    async fn serve(router: Router) -> Http {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Http::open(Some(url), Duration::from_millis(300)).unwrap()
    }

    #[tokio::test]
    async fn ranges_redirects_and_passing_failures() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let busy_once = move || async move {
            let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            if is_first { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok("there") }
        };
        let ranged = |headers: HeaderMap| async move {
            match headers.get(RANGE).map(|range| range.as_bytes() == b"bytes=2-4") {
                Some(true) => (StatusCode::PARTIAL_CONTENT, "234"),
                _ => (StatusCode::OK, "0123456789"),
            }
        };
        let router = Router::new()
            .route("/busy", get(busy_once))
            .route("/ranged", get(ranged))
            .route("/whole", get(|| async { "0123456789" }))
            .route("/moved", get(|| async { Redirect::temporary("/whole") }));
        let http = serve(router).await;
        assert_eq!(&http.get("busy").await.unwrap().bytes[..], b"there");
        assert_eq!(tries.load(Ordering::SeqCst), 2);
        assert_eq!(&http.get_range("ranged", 2, 3).await.unwrap().bytes[..], b"234");
        // A server without ranges sends everything.
        assert_eq!(&http.get_range("whole", 2, 3).await.unwrap().bytes[..], b"234");
        let outside = http.get_range("whole", 8, 3).await.unwrap_err();
        assert_eq!(outside, Error::OutOfRange(8, 11));
        let moved = http.get("moved").await.unwrap().served.unwrap();
        assert!(moved.redirected_to.unwrap().ends_with("/whole"));
        assert_eq!(http.get("whole").await.unwrap().served.unwrap().redirected_to, None);
        assert_eq!(http.get("none").await.unwrap_err(), Error::Status(StatusCode::NOT_FOUND));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_does_not_hang_the_check() {
        let router = Router::new().route("/", get(std::future::pending::<String>));
        let error = serve(router).await.get("").await.unwrap_err();
        assert_eq!(error.to_string(), "the server does not answer in time");
    }
}
