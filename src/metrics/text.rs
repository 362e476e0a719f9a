//! The text format of Prometheus 0.0.4, for scrapers that do not know `OpenMetrics`.

/// Format of the answer to a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Prometheus,
}

impl Format {
    /// The format that a client accepts: `OpenMetrics`, unless it names `text/plain` alone.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let kinds = accept.split(',').filter_map(|kind| kind.split(';').next()).map(str::trim);
        let (mut has_open, mut has_plain) = (false, false);
        for kind in kinds {
            has_open |= kind.eq_ignore_ascii_case("application/openmetrics-text");
            has_plain |= kind.eq_ignore_ascii_case("text/plain");
        }
        if has_plain && !has_open { Self::Prometheus } else { Self::OpenMetrics }
    }

    /// Media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Rewrites `OpenMetrics`: there, the name of a counter is without `_total` in its description, and the end is marked.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            let end = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                text.extend(["# HELP ", name, end, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, end, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_ask_for_plain_text_get_it() {
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            ("", Format::OpenMetrics),
            ("*/*", Format::OpenMetrics),
            (prometheus_2_42, Format::OpenMetrics),
            ("text/plain", Format::Prometheus),
            ("TEXT/Plain; version=0.0.4, */*;q=0.1", Format::Prometheus),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn counters_are_described_by_their_whole_names() {
        let open = "# HELP a Text of # a.\n# TYPE a counter\n# UNIT a seconds\na_total{b=\"# c\"} 1\n\
                    # HELP g Gauge.\n# TYPE g gauge\ng 1.5\n# EOF\n";
        let plain = "# HELP a_total Text of # a.\n# TYPE a_total counter\na_total{b=\"# c\"} 1\n\
                     # HELP g Gauge.\n# TYPE g gauge\ng 1.5\n";
        assert_eq!(prometheus(open), plain);
    }
}
