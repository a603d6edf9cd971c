//! Declares series: each in the registry, and in the list that the documentation is held against.

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::process::Process;

/// A counter for each value of its labels.
pub(super) type Counters<L> = Family<L, Counter>;
/// A histogram for each value of its labels.
pub(super) type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
/// A number of seconds that goes up and down.
pub(super) type Seconds = Gauge<f64, AtomicU64>;
/// The one label of a series, and its value.
pub(super) type Label = [(&'static str, &'static str); 1];
/// Two of them.
pub(super) type Labels = [(&'static str, &'static str); 2];

/// What a series is, as the documentation tells it.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name; a histogram has `_bucket`, `_sum` and `_count` behind it.
    pub name: String,
    /// Names of its labels, beside `le`.
    pub labels: &'static [&'static str],
    /// Whether it is a histogram.
    pub histogram: bool,
    /// What it means when it moves.
    pub help: &'static str,
}

/// Every series of a process, as they are declared.
#[derive(Debug, Default)]
pub(super) struct Book {
    registry: Registry,
    pub(super) series: Vec<Series>,
}

impl Book {
    pub(super) fn counter(&mut self, name: &str, help: &'static str) -> Counter {
        self.declare(name, "_total", &[], help, Counter::default())
    }

    pub(super) fn counters<L>(&mut self, name: &str, labels: &'static [&'static str], help: &'static str) -> Counters<L>
    where
        L: Clone + fmt::Debug + EncodeLabelSet + Eq + Hash + Send + Sync + 'static,
    {
        self.declare(name, "_total", labels, help, Counters::default())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &'static str) -> Gauge {
        self.declare(name, "", &[], help, Gauge::default())
    }

    pub(super) fn gauges<G>(
        &mut self,
        name: &str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Family<Label, G>
    where
        Family<Label, G>: Metric + Clone + Default,
    {
        self.declare(name, "", labels, help, Family::default())
    }

    pub(super) fn histogram(&mut self, name: &str, help: &'static str, make: fn() -> Histogram) -> Histogram {
        let histogram = self.declare(name, "", &[], help, make());
        self.last_is_histogram();
        histogram
    }

    pub(super) fn histograms<L>(
        &mut self,
        name: &str,
        labels: &'static [&'static str],
        help: &'static str,
        make: fn() -> Histogram,
    ) -> Histograms<L>
    where
        L: Clone + fmt::Debug + EncodeLabelSet + Eq + Hash + Send + Sync + 'static,
    {
        let histograms = self.declare(name, "", labels, help, Family::new_with_constructor(make));
        self.last_is_histogram();
        histograms
    }

    pub(super) fn info(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, facts: &Labels) {
        let info = Info::new(facts.to_vec());
        self.note(name, "_info", labels, help);
        self.registry.register(name, help, info);
    }

    pub(super) fn process(&mut self, process: Process) {
        for (name, help) in Process::SERIES {
            self.note(name, "", &[], help);
        }
        self.registry.register_collector(Box::new(process));
    }

    /// The text that a scraper reads.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a String does not fail");
        text
    }

    fn declare<M: Metric + Clone>(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: M,
    ) -> M {
        self.note(name, suffix, labels, help);
        self.registry.register(name, help, metric.clone());
        metric
    }

    fn note(&mut self, name: &str, suffix: &str, labels: &'static [&'static str], help: &'static str) {
        self.series.push(Series { name: format!("{name}{suffix}"), labels, histogram: false, help });
    }

    fn last_is_histogram(&mut self) {
        if let Some(series) = self.series.last_mut() {
            series.histogram = true;
        }
    }
}

/// Seconds, from a cached answer to the longest that a handler may take. Alerts are set on 0.5.
pub(super) fn latency() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 15.0])
}

/// Seconds that work may wait in a queue: a code is awaited by somebody, a start has a week.
pub(super) fn patience() -> Histogram {
    Histogram::new([0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3_600.0])
}
