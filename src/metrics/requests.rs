//! Metrics of HTTP: requests to the API by route.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::list::register;

/// Methods that are labels. Clients can send any other text.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Status of a method that a route does not have.
const NO_SUCH_METHOD: u16 = 405;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Requests to the API and the page. Clones share them.
#[derive(Clone)]
pub struct Requests {
    counts: Family<StatusLabels, Counter>,
    times: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

impl Requests {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let times: Family<RouteLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
            });
        Self {
            counts: register(registry, "ladderd_http_requests_total", Family::default()),
            times: register(registry, "ladderd_http_request_duration_seconds", times),
        }
    }

    /// Counts a request. `route` is the template of its path; `None` for files of the page and unknown paths.
    pub fn answered(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let known = METHODS.into_iter().find(|known| *known == method);
        let method = known.filter(|_| status != NO_SUCH_METHOD).unwrap_or("other");
        let route = route.unwrap_or("page").to_owned();
        let labels = StatusLabels { method, route: route.clone(), status };
        self.counts.get_or_create(&labels).inc();
        let labels = RouteLabels { method, route };
        self.times.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::super::text::Format;

    #[test]
    fn unknown_methods_and_paths_share_their_series() {
        let metrics = Metrics::default();
        let second = std::time::Duration::from_secs(1);
        for (method, route, status) in [
            ("GET", Some("/v1/videos/{id}"), 200),
            ("GET", Some("/v1/videos/{id}"), 404),
            ("BREW", Some("/v1/videos/{id}"), 405),
            ("PUT", Some("/v1/videos/{id}"), 405),
            ("BREW", None, 404),
            ("brew", None, 404),
        ] {
            metrics.http.answered(method, route, status, second);
        }
        let text = metrics.render(Vec::new(), Format::OpenMetrics);
        let mut counted: Vec<&str> =
            text.lines().filter(|line| line.starts_with("ladderd_http_requests_total{")).collect();
        counted.sort_unstable();
        assert_eq!(
            counted,
            [
                r#"ladderd_http_requests_total{method="GET",route="/v1/videos/{id}",status="200"} 1"#,
                r#"ladderd_http_requests_total{method="GET",route="/v1/videos/{id}",status="404"} 1"#,
                r#"ladderd_http_requests_total{method="other",route="/v1/videos/{id}",status="405"} 2"#,
                r#"ladderd_http_requests_total{method="other",route="page",status="404"} 2"#,
            ]
        );
    }
}
