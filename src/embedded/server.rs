//! The server: protocol, cross-origin answers, connections.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpResponse, s3_error};
use tokio::net::TcpListener;

use super::access::Access;
use super::credentials::Credentials;
use super::{Config, Store};

/// Serves the store until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    credentials: &Credentials,
    config: &Config,
    shutdown: impl Future<Output = ()>,
) {
    let mut builder = S3ServiceBuilder::new(store.clone());
    let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
    builder.set_auth(SimpleAuth::from_single(id.clone(), secret.clone()));
    builder.set_access(Access { public_bucket: store.0.buckets.public.clone() });
    let service = builder.build();
    let cors = Arc::new(Cors { origins: config.cors_origins.clone() });
    let cap = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
    let handler = service_fn(move |request| {
        let (service, cors) = (service.clone(), Arc::clone(&cors));
        async move { Ok::<_, Infallible>(answer(&service, &cors, request).await) }
    });
    crate::server::serve(listener, cap, handler, shutdown).await;
}

async fn answer(service: &S3Service, cors: &Cors, request: Request<Incoming>) -> HttpResponse {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        return cors.preflight(request.headers(), origin.as_ref());
    }
    if is_form(&request) {
        return not_implemented("uploads by forms");
    }
    let mut response = match service.call(request.map(s3s::Body::from)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(?error, "the store cannot answer");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    if let Some(origin) = origin {
        cors.allow(response.headers_mut(), &origin);
    }
    response
}

/// A form that carries an object. `s3s` reads it into memory before it asks who sends it.
fn is_form(request: &Request<Incoming>) -> bool {
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

/// Which pages may use the store (the Fetch standard, 3.2).
struct Cors {
    origins: Vec<String>,
}

impl Cors {
    fn preflight(&self, request: &HeaderMap, origin: Option<&HeaderValue>) -> HttpResponse {
        let mut response = status(StatusCode::FORBIDDEN);
        let Some(origin) = origin else { return response };
        let headers = response.headers_mut();
        if !self.allow(headers, origin) {
            return response;
        }
        let methods = HeaderValue::from_static("GET, HEAD, PUT");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(wanted) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }

    /// Whether the origin is allowed; says so in the headers.
    fn allow(&self, headers: &mut HeaderMap, origin: &HeaderValue) -> bool {
        let any = self.origins.iter().any(|allowed| allowed == "*");
        if !any && !self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            return false;
        }
        let allowed = if any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let exposed = "ETag, Content-Length, Content-Range, Accept-Ranges, Content-Encoding";
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        true
    }
}
