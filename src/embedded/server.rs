//! The HTTP server of the embedded store: authentication, CORS, refusals that come before `s3s`.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpResponse, s3_error};

use super::access::{Access, Keys};
use super::cors::Cors;
use super::credentials::Credentials;
use super::store::Store;
use crate::server::{self, Limits, Listener, PacedBody};

/// Serves the store on `listener` within `limits` until `shutdown` resolves, also for pages of these origins. Calls
/// `on_request` at each request.
pub async fn serve(
    listener: Listener,
    limits: Limits,
    store: Store,
    credentials: &Credentials,
    cors_origins: &[String],
    on_request: impl Fn() + Clone + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) {
    let mut builder = S3ServiceBuilder::new(store.clone());
    let keys = Keys {
        root_id: credentials.access_key_id.clone(),
        root_secret: credentials.secret_access_key.clone().into(),
        db: store.0.db.clone(),
    };
    builder.set_auth(keys.clone());
    builder.set_access(Access { public_bucket: store.0.buckets.public.clone(), keys });
    let service = builder.build();
    let cors = Arc::new(Cors::new(cors_origins.to_vec()));
    let handler = service_fn(move |request| {
        on_request();
        let (service, cors) = (service.clone(), Arc::clone(&cors));
        async move { Ok::<_, Infallible>(respond(&service, &cors, request).await) }
    });
    server::serve(listener, limits, handler, shutdown).await;
}

/// Answers one request. No browser guesses another type than that of the response: an upload is no page.
async fn respond(service: &S3Service, cors: &Cors, request: Request<PacedBody>) -> HttpResponse {
    let mut response = answer(service, cors, request).await;
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Answers one request. Never fails: errors become responses.
async fn answer(service: &S3Service, cors: &Cors, request: Request<PacedBody>) -> HttpResponse {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let waits = request.headers().contains_key(header::EXPECT) && is_http1(&request);
    if Cors::is_preflight(&request) {
        let mut response = status(StatusCode::FORBIDDEN);
        if cors.answer_preflight(request.headers(), response.headers_mut()) {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        return response;
    }
    if is_form(&request) {
        return not_implemented("uploads by forms");
    }
    // Its path would be that of a bucket with a name that is not allowed.
    if request.uri().path() == "/WriteGetObjectResponse" {
        return not_implemented("answers of Lambda functions");
    }
    let mut response = match service.call(request.map(s3s::Body::http_body)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(?error, "failed to answer S3 request");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    if let Some(origin) = origin {
        cors.allow(&origin, response.headers_mut());
    }
    // The client may send its body or not, so the next bytes may be either that or another request.
    if waits && response.status().as_u16() >= 400 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_http1(request: &Request<PacedBody>) -> bool {
    request.version() <= hyper::Version::HTTP_11
}

/// Whether this is an upload by HTML form. `s3s` reads forms into memory before it authenticates.
fn is_form(request: &Request<PacedBody>) -> bool {
    let multipart = |value: &HeaderValue| {
        let media_type = value.as_bytes().trim_ascii_start();
        media_type.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart"))
    };
    request.method() == Method::POST
        && request.headers().get_all(header::CONTENT_TYPE).iter().any(multipart)
}

fn not_implemented(what: &str) -> HttpResponse {
    let error = s3_error!(NotImplemented, "{what} are not implemented");
    error.to_http_response().unwrap_or_else(|_| status(StatusCode::NOT_IMPLEMENTED))
}

fn status(code: StatusCode) -> HttpResponse {
    let mut response = Response::new(s3s::Body::empty());
    *response.status_mut() = code;
    response
}
