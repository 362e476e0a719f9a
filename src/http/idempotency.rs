//! `Idempotency-Key`: a request that creates something may be sent twice, on any box, and creates one.
//!
//! The note of a request is written before the request runs, and its answer is added to it. A box that dies in
//! between leaves a note without an answer: after two minutes, the next request runs anew.

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{self, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::access::Actor;
use super::error::Error;
use crate::domain::idempotency::{
    Answer, MAX_KEY_BYTES, Note, Verdict, cipher_key, fingerprint, is_key, judge, note_key, seed,
};
use crate::store::{self, Bucket, Removal};

/// Name of the header.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells a client that the answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Largest answer in bytes that is kept: that of the largest upload has 10,000 URLs.
const MAX_ANSWER: usize = 64 << 20;

/// The store of answers, as an extension of every request.
#[derive(Clone)]
pub(super) struct Repeats {
    private: Bucket,
    body_limit: usize,
}

impl Repeats {
    /// Keeps the answers in this bucket. Bodies of requests have at most `body_limit` bytes.
    pub(super) fn new(private: &Bucket, body_limit: usize) -> Self {
        Self { private: private.clone(), body_limit }
    }
}

/// The part of a new id that follows from sender, key and body, as an extension of a request with a key: one that
/// died and is sent again makes nothing twice.
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub [u8; 8]);

/// Middleware of routes that create something, behind the check of rights: answers a POST with a known key as the
/// first one.
pub(super) async fn once(
    Extension(repeats): Extension<Repeats>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match key_of(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => match run(&repeats, key, request, next).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        },
        Err(error) => error.into_response(),
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| is_key(key));
    let rule = format!("Idempotency-Key: must have 1 to {MAX_KEY_BYTES} visible ASCII characters");
    key.map(|key| Some(key.to_owned())).ok_or(Error::Invalid(rule))
}

fn running() -> Error {
    let detail = "Idempotency-Key: the first request with this key is not answered yet: send it again in a moment";
    Error::Conflict(detail.to_owned())
}

/// A request with a key.
struct Keyed<'a> {
    private: &'a Bucket,
    note_key: String,
    cipher_key: [u8; 32],
}

async fn run(
    repeats: &Repeats,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let (mut parts, body) = request.into_parts();
    let sender = Actor::from_request_parts(&mut parts, &()).await?.sender();
    let body = to_bytes(body, repeats.body_limit).await;
    let body = body.map_err(|_| Error::TooLarge("the body is too large".to_owned()))?;
    let credential = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let fingerprint = fingerprint(parts.method.as_str(), parts.uri.path(), &body);
    let (note_key, cipher_key) =
        (note_key(&sender, &key), cipher_key(&sender, &key, credential.unwrap_or_default()));
    parts.extensions.insert(Seed(seed(&note_key, &fingerprint)));
    let keyed = Keyed { private: &repeats.private, note_key, cipher_key };
    let note = match keyed.begin(&fingerprint).await? {
        Begun::Note(note) => note,
        Begun::Answer(answer) => return keyed.replay(&answer),
    };
    // The note gets its answer even if the client has left.
    let (note_key, private) = (keyed.note_key.clone(), repeats.private.clone());
    let ran = tokio::spawn(async move {
        let keyed = Keyed { private: &private, note_key, cipher_key };
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        keyed.end(note, response).await
    });
    ran.await.map_err(|error| Error::Internal(error.to_string()))?
}

/// Treatment of a request that wants to begin.
enum Begun {
    /// It runs, with this note.
    Note((Note, String)),
    /// An earlier request has this answer.
    Answer(Answer),
}

impl Keyed<'_> {
    async fn begin(&self, fingerprint: &str) -> Result<Begun, Error> {
        let seen = self.private.read_json_version::<Note>(&self.note_key).await?;
        let now = self.private.clock().now();
        match judge(seen.as_ref().map(|(note, _)| note), fingerprint, now) {
            Verdict::Run => {}
            Verdict::Answer(answer) => return Ok(Begun::Answer(answer)),
            Verdict::Running => return Err(running()),
            Verdict::Other => {
                let detail =
                    "Idempotency-Key: another request was sent with this key: take a new one";
                return Err(Error::Conflict(detail.to_owned()));
            }
        }
        let note = Note {
            fingerprint: fingerprint.to_owned(),
            began_at: now,
            writer: hex::encode(rand::random::<[u8; 8]>()),
            answer: None,
        };
        let seen = seen.as_ref().map(|(_, etag)| etag.as_str());
        match self.private.replace_json(&self.note_key, &note, None, seen).await {
            Ok(etag) => Ok(Begun::Note((note, etag))),
            // The same request came at the same moment.
            Err(store::Error::PreconditionFailed { .. }) => Err(running()),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes the answer. A request that failed for reasons of ours may be sent again, and so may one that was
    /// refused: it has created nothing.
    async fn end(
        &self,
        (note, etag): (Note, String),
        response: Response,
    ) -> Result<Response, Error> {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_ANSWER).await;
        let body = body.map_err(|error| Error::Internal(error.to_string()))?;
        let noted = if parts.status.is_success() {
            let text = |name| {
                let value: Option<&HeaderValue> = parts.headers.get(name);
                value.and_then(|value| value.to_str().ok()).map(str::to_owned)
            };
            let answer = Answer {
                status: parts.status.as_u16(),
                content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
                location: text(header::LOCATION),
                body: self.seal(&body)?,
            };
            let note = Note { answer: Some(answer), ..note };
            self.private.replace_json(&self.note_key, &note, None, Some(&etag)).await.map(drop)
        } else {
            let removed = self.private.delete_version(&self.note_key, &etag).await;
            removed.map(|(Removal::Gone | Removal::Changed)| ())
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "failed to note the answer to a request with an idempotency key");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn replay(&self, answer: &Answer) -> Result<Response, Error> {
        let status = StatusCode::from_u16(answer.status);
        let status = status.map_err(|error| Error::Internal(error.to_string()))?;
        let mut response = (status, Body::from(self.open(&answer.body)?)).into_response();
        let headers = response.headers_mut();
        let texts = [
            (header::CONTENT_TYPE, Some(answer.content_type.as_str())),
            (header::LOCATION, answer.location.as_deref()),
            (header::CACHE_CONTROL, Some("no-store")),
            (REPLAYED, Some("true")),
        ];
        for (name, text) in texts {
            if let Some(Ok(value)) = text.map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        Ok(response)
    }

    fn cipher(&self) -> Result<LessSafeKey, Error> {
        let key = UnboundKey::new(&AES_256_GCM, &self.cipher_key);
        key.map(LessSafeKey::new).map_err(|_| Error::Internal("no cipher".to_owned()))
    }

    /// The encrypted text behind its random nonce, in base64.
    fn seal(&self, body: &[u8]) -> Result<String, Error> {
        let nonce: [u8; aead::NONCE_LEN] = rand::random();
        let mut text = body.to_vec();
        let (nonce_of_text, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(&self.note_key));
        let sealed = self.cipher()?.seal_in_place_append_tag(nonce_of_text, aad, &mut text);
        sealed.map_err(|_| Error::Internal("an answer cannot be encrypted".to_owned()))?;
        Ok(STANDARD.encode([&nonce[..], &text].concat()))
    }

    fn open(&self, sealed: &str) -> Result<Bytes, Error> {
        let damaged = || Error::Internal("the answer of the first request is damaged".to_owned());
        let sealed = STANDARD.decode(sealed).map_err(|_| damaged())?;
        let (nonce, text) = sealed.split_at_checked(aead::NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut text = text.to_vec();
        let opened = self.cipher()?.open_in_place(nonce, Aad::from(&self.note_key), &mut text);
        opened.map(|text| Bytes::copy_from_slice(text)).map_err(|_| damaged())
    }
}
