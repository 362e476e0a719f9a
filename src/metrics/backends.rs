//! Gauges of the backends.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::domain::backend::{BackendState, BackendStatus};

/// Label of a backend's sample.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BackendLabels {
    backend: String,
}

/// 1 for each backend that is available, 0 for the others.
pub(super) type Backends = Family<BackendLabels, Gauge>;

/// Sets the sample of each backend. The set of backends is fixed by the trials at the
/// start, so no sample goes stale.
pub(super) fn set(backends: &Backends, statuses: &[BackendStatus]) {
    for status in statuses {
        let labels = BackendLabels { backend: status.label() };
        let available = status.state == BackendState::Available;
        backends.get_or_create(&labels).set(i64::from(available));
    }
}
