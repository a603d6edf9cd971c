//! Requests and connections.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::book::{Book, Counters, Histograms, latency};

#[derive(Debug)]
pub(super) struct Http {
    requests: Counters<RequestLabels>,
    latency: Histograms<RouteLabel>,
    connections: Gauge,
    accept_errors: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    route: &'static str,
    status: u16,
    slug: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RouteLabel {
    route: &'static str,
}

impl Http {
    pub(super) fn declare(book: &mut Book) -> Self {
        Self {
            requests: book.counters(
                "vestibule_http_requests",
                &["route", "status", "slug"],
                "Requests by endpoint, status and problem. 5xx is ours: the log has the cause. 499 is a client, or a \
                 proxy, that hung up before its answer: see whether answers are slow. Route none is a path that we \
                 do not have",
            ),
            latency: book.histograms(
                "vestibule_http_request_seconds",
                &["route"],
                "Time from the parsed head to the answer, its wait for Redis, Postgres and a hash included. Where one \
                 route grows, look at what it stands on; where all do, at CPU and vestibule_worker_lag_seconds",
                latency,
            ),
            connections: book.gauge(
                "vestibule_http_connections",
                "Open connections of the public listener. At http.connections_max, more wait in the kernel",
            ),
            accept_errors: book.counter(
                "vestibule_http_accept_errors",
                "Connections that could not be accepted: raise the limit of open files if this moves",
            ),
        }
    }
}

impl Metrics {
    /// One request was answered. `slug` is empty where it went well.
    pub fn answered(&self, route: &'static str, status: u16, slug: &'static str, took: Duration) {
        self.http.requests.get_or_create(&RequestLabels { route, status, slug }).inc();
        self.http.latency.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    /// A client hung up before its answer. How long that took is theirs, and no latency of ours.
    pub fn abandoned(&self, route: &'static str) {
        self.http.requests.get_or_create(&RequestLabels { route, status: 499, slug: "" }).inc();
    }

    /// A connection was accepted; dropping the value counts it as closed.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.http.connections.inc();
        OpenConnection(self.http.connections.clone())
    }

    /// A connection could not be accepted.
    pub fn accept_failed(&self) {
        self.http.accept_errors.inc();
    }
}

/// Counts a connection as open for as long as it lives.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
