//! Values that are read at a scrape, such as the depth of the queue. One that is unknown has no sample.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::list::{self, Kind};

/// Labels of a sample: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    name: &'static str,
    labels: Labels,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Whole(u64),
    Float(f64),
}

impl Value {
    fn write(self, kind: Kind, encoder: MetricEncoder<'_>) -> fmt::Result {
        match (kind == Kind::Counter, self) {
            (true, Self::Whole(value)) => ConstCounter::new(value).encode(encoder),
            (true, Self::Float(value)) => ConstCounter::new(value).encode(encoder),
            (false, Self::Whole(value)) => ConstGauge::new(value).encode(encoder),
            (false, Self::Float(value)) => ConstGauge::new(value).encode(encoder),
        }
    }
}

impl Sample {
    /// A whole number: `name` is that of the metric in the list.
    #[must_use]
    pub fn whole(name: &'static str, value: u64) -> Self {
        Self { name, labels: Vec::new(), value: Value::Whole(value) }
    }

    /// A number.
    #[must_use]
    pub fn float(name: &'static str, value: f64) -> Self {
        Self { name, labels: Vec::new(), value: Value::Float(value) }
    }

    /// 1 or 0.
    #[must_use]
    pub fn flag(name: &'static str, value: bool) -> Self {
        Self::whole(name, value.into())
    }

    /// The same with a label.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}

/// The samples of one scrape, printed in the order of the list.
#[derive(Debug)]
pub(super) struct Samples(pub(super) Vec<Sample>);

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for described in list::all() {
            let of_it: Vec<&Sample> =
                self.0.iter().filter(|sample| sample.name == described.name).collect();
            if of_it.is_empty() {
                continue;
            }
            let (name, kind) = (list::base_name(described.name), described.kind);
            let help = format!("{}.", described.help);
            let mut family = encoder.encode_descriptor(name, &help, None, kind.metric_type())?;
            match of_it.as_slice() {
                [only] if only.labels.is_empty() => only.value.write(kind, family)?,
                several => {
                    for Sample { labels, value, .. } in several {
                        value.write(kind, family.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}
