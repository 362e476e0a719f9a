//! Endpoints of webhooks, as their records in the private bucket say.

use super::subject::Subject;
use crate::domain::doctor::{Check, Finding, Severity, mend};
use crate::domain::webhook::{ENDPOINTS_PREFIX, Endpoint, EndpointState};
use crate::store;

pub(super) async fn examine(subject: &Subject) -> Vec<Finding> {
    let Ok(stores) = &subject.stores else { return Vec::new() };
    let all = async {
        let mut all = Vec::new();
        for entry in stores.private.list(ENDPOINTS_PREFIX).await? {
            all.extend(stores.private.read_json::<Endpoint>(&entry.key).await?);
        }
        Ok::<_, store::Error>(all)
    };
    let mut endpoints = match all.await {
        Ok(endpoints) => endpoints,
        Err(error) => {
            let what = format!("they cannot be read: {error}");
            return vec![Finding::new(Check::Webhooks, Severity::Skipped, what)];
        }
    };
    endpoints.retain(|endpoint| endpoint.state != EndpointState::Deleted);
    if endpoints.is_empty() {
        return vec![Finding::new(Check::Webhooks, Severity::Skipped, "there are no endpoints")];
    }
    let socket = subject.socket();
    endpoints.iter().map(|endpoint| of_endpoint(endpoint, &socket)).collect()
}

fn of_endpoint(endpoint: &Endpoint, socket: &str) -> Finding {
    let Endpoint { id, state, reason, failing_since, last_error, .. } = endpoint;
    let finding = match (state, failing_since) {
        (EndpointState::Paused, _) => {
            let why = reason.as_deref().unwrap_or("somebody has paused it");
            Finding::new(Check::Webhooks, Severity::Warning, format!("it is paused: {why}"))
                .mend(mend::paused_webhook(socket, id))
        }
        (_, Some(since)) => {
            let why = last_error.as_deref().unwrap_or("no reason is known");
            let what = format!("all attempts have failed since {since:.0}: {why}");
            Finding::new(Check::Webhooks, Severity::Warning, what)
                .mend(mend::failing_webhook(socket, id))
        }
        (_, None) => Finding::ok(Check::Webhooks, "deliveries succeed"),
    };
    finding.of(id)
}
