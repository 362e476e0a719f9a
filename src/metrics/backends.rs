//! Gauges of the backends.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::domain::backend::{BackendState, BackendStatus};

/// Which backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BackendLabels {
    backend: String,
}

/// Whether each backend can be used.
pub(super) type Backends = Family<BackendLabels, Gauge>;

/// The set of backends is that of the start: each keeps its sample.
pub(super) fn note(backends: &Backends, statuses: &[BackendStatus]) {
    for status in statuses {
        let labels = BackendLabels { backend: status.label() };
        let available = status.state == BackendState::Available;
        backends.get_or_create(&labels).set(i64::from(available));
    }
}
