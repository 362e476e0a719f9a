//! Routes with the rights that they need. There is no other way to add one.

use axum::{Router, middleware};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::state::AppState;
use super::{access, flatten, idempotency};
use crate::domain::auth::Scope;

/// Name of the bearer scheme in the OpenAPI document.
const BEARER: &str = "token";
/// Name of the cookie scheme there.
const COOKIE: &str = "session";

/// Media type of errors (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Rights that a route needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// Any of these scopes; none for a route that everybody may call.
    scopes: &'static [Scope],
    /// Whether an upload grant will do.
    takes_grants: bool,
}

/// Everybody may call it.
pub(super) const NOTHING: Needs = Needs { scopes: &[], takes_grants: false };
/// Makes an upload.
pub(super) const UPLOAD: Needs = Needs { scopes: &[Scope::Upload], takes_grants: true };
/// Makes a grant.
pub(super) const GRANT: Needs = Needs { scopes: &[Scope::Upload], takes_grants: false };
/// Makes a video of a URL.
pub(super) const PULL: Needs = Needs { scopes: &[Scope::Upload], takes_grants: false };
/// The handler lets grants and callers without `manage` use their own uploads alone.
pub(super) const OWN_UPLOAD: Needs =
    Needs { scopes: &[Scope::Upload, Scope::Manage], takes_grants: true };
/// The handler shows callers without `read` their own videos alone.
pub(super) const READ_OWN: Needs =
    Needs { scopes: &[Scope::Read, Scope::Upload], takes_grants: true };
/// The handler shows callers without `read` what is of their own videos alone.
pub(super) const FOLLOW: Needs =
    Needs { scopes: &[Scope::Read, Scope::Upload], takes_grants: false };
pub(super) const READ: Needs = Needs { scopes: &[Scope::Read], takes_grants: false };
pub(super) const MANAGE: Needs = Needs { scopes: &[Scope::Manage], takes_grants: false };
pub(super) const METRICS: Needs = Needs { scopes: &[Scope::Metrics], takes_grants: false };
pub(super) const ADMIN: Needs = Needs { scopes: &[Scope::Admin], takes_grants: false };

/// The routes of the API and their document.
pub(super) struct Routes(OpenApiRouter<AppState>);

impl Routes {
    pub(super) fn new() -> Self {
        Self(OpenApiRouter::new())
    }

    /// Adds the handlers of one path, which need these rights. A POST that is sent again with its `Idempotency-Key`
    /// makes nothing more.
    pub(super) fn add_once(
        self,
        needs: Needs,
        (schemas, mut paths, methods): UtoipaMethodRouter<AppState>,
    ) -> Self {
        for operation in paths.paths.values_mut().filter_map(|item| item.post.as_mut()) {
            may_be_repeated(operation);
        }
        let methods = methods.layer(middleware::from_fn(idempotency::once));
        self.add(needs, (schemas, paths, methods))
    }

    /// Adds the handlers of one path, which need these rights.
    pub(super) fn add(
        self,
        needs: Needs,
        (schemas, mut paths, methods): UtoipaMethodRouter<AppState>,
    ) -> Self {
        for item in paths.paths.values_mut() {
            for operation in operations(item) {
                describe(operation, needs);
            }
        }
        if needs.scopes.is_empty() {
            return Self(self.0.routes((schemas, paths, methods)));
        }
        let guard =
            middleware::from_fn_with_state((needs.scopes, needs.takes_grants), access::require);
        Self(self.0.routes((schemas, paths, methods.layer(guard))))
    }

    /// The router, and the document with the security schemes.
    pub(super) fn finish(self) -> (Router<AppState>, OpenApi) {
        let (router, mut document) = self.0.split_for_parts();
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme(BEARER, bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("ladderd")));
        components.add_security_scheme(COOKIE, cookie);
        flatten::merge_all(components);
        (router, document)
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// Adds the header by which a POST may be sent twice.
fn may_be_repeated(operation: &mut Operation) {
    let text = "Name of the request, such as a UUID: for 24 hours, a request that is sent again with it gets the \
                answer of the first one and changes nothing";
    let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(255));
    let header = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .required(Required::False)
        .schema(Some(schema));
    operation.parameters.get_or_insert_default().push(RefOr::T(header.build()));
    let responses = &mut operation.responses.responses;
    let problem = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(problem)).build();
    let text = "another request has this `Idempotency-Key`, or the first one is not answered yet";
    let response = ResponseBuilder::new().description(text).content(PROBLEM, content).build();
    responses.entry("409".to_owned()).or_insert(RefOr::T(response));
}

/// Adds to an operation the rights that it needs, and the answers that all operations have.
fn describe(operation: &mut Operation, needs: Needs) {
    let scopes: Vec<&str> = needs.scopes.iter().map(|scope| scope.name()).collect();
    operation.security = Some(if scopes.is_empty() {
        Vec::new()
    } else {
        // One of the scopes is enough.
        let each = scopes.iter().map(|scope| SecurityRequirement::new(BEARER, [*scope]));
        let cookie = scopes.iter().map(|scope| SecurityRequirement::new(COOKIE, [*scope]));
        each.chain(cookie).collect()
    });
    let mut answers = vec![
        ("401", "the credentials are missing or give no rights"),
        ("403", "the caller may not do this, or is a page of another origin"),
        ("408", "the request took too long"),
        ("421", "the request is for another host"),
        ("429", "too many requests; `Retry-After` says when the next one may come"),
        ("503", "a bucket or the queue cannot be reached"),
    ];
    let has_query = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(p) if matches!(p.parameter_in, ParameterIn::Query)));
    if has_query {
        answers.push(("400", "a parameter has another type"));
    }
    if operation.request_body.is_some() {
        answers.extend([
            ("400", "the body is no JSON"),
            ("413", "the body is too large"),
            ("415", "the body is not `application/json`"),
            ("422", "the body has other fields or types"),
        ]);
    }
    let responses = &mut operation.responses.responses;
    for (status, text) in answers {
        let problem = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(problem)).build();
        let response = ResponseBuilder::new().description(text);
        let response = response.content(PROBLEM, content).build();
        responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
    // All errors of the handlers are problems, too.
    let errors = responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5']));
    for (_, response) in errors {
        if let RefOr::T(response) = response
            && let Some(content) = response.content.swap_remove("application/json")
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}
