//! Decisions, what they wait for, and what is refused by a limit.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::book::{Book, Counters, Histograms, Label, latency};

#[derive(Debug)]
pub(super) struct Redis {
    decisions: Counters<DecisionLabels>,
    latency: Histograms<ScriptLabel>,
    retries: Counter,
    reconnects: Counter,
    clients_replaced: Counter,
    errors: Counters<Label>,
    waits: Histogram,
    shed: Counter,
    in_flight: Gauge,
    waiting: Gauge,
    refusals: Counters<Label>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DecisionLabels {
    script: &'static str,
    verdict: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ScriptLabel {
    script: &'static str,
}

/// How Redis failed a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RedisError {
    /// The connection broke, or there is none.
    Connection,
    /// No answer in time.
    Timeout,
    /// It has no memory for writes left.
    Full,
    /// It is not, or not yet, what takes writes: a failover, a restart, slots that move.
    Elsewhere,
    /// Anything else: wrong rights, a script that failed, an answer that none of ours gives.
    Other,
}

impl RedisError {
    const ALL: [Self; 5] = [Self::Connection, Self::Timeout, Self::Full, Self::Elsewhere, Self::Other];

    fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::Elsewhere => "elsewhere",
            Self::Other => "other",
        }
    }
}

impl Redis {
    pub(super) fn declare(book: &mut Book) -> Self {
        let redis = Self {
            decisions: book.counters(
                "vestibule_redis_decisions",
                &["script", "verdict"],
                "Decisions by script and verdict, the words in the script's header; fault is one that Redis did not \
                 make in two tries. It says what people do: otp_verify/locked is guessing, or somebody with the wrong \
                 mail; session_refresh/reused a stolen token",
            ),
            latency: book.histograms(
                "vestibule_redis_decision_seconds",
                &["script"],
                "Time of a decision with its retry, without its wait for a place. Where all scripts grow, Redis or \
                 the network is slow; where one does, see SLOWLOG",
                latency,
            ),
            retries: book.counter(
                "vestibule_redis_retries",
                "Decisions asked for again because a reply was lost: the network or Redis is unwell if this moves",
            ),
            reconnects: book.counter(
                "vestibule_redis_reconnects",
                "Connections to Redis that were made again: a failover, or the network, if this moves",
            ),
            clients_replaced: book.counter(
                "vestibule_redis_clients_replaced",
                "Clients of Redis that did not come back by themselves, and were replaced: a few in a failover; if \
                 this goes on moving, keep the log",
            ),
            errors: book.counters(
                "vestibule_redis_errors",
                &["kind"],
                "Tries that failed, of the two that a decision has. connection: Redis is away; timeout: it is slow, \
                 or hangs; full: maxmemory is reached, and nothing that needs room works; elsewhere: it fails over, \
                 restarts or moves slots; other: the log tells",
            ),
            waits: book.histogram(
                "vestibule_redis_wait_seconds",
                "Time that decisions waited for one of redis.in_flight_max places, where none was free at once. Moves \
                 when Redis is slower than requests come",
                latency,
            ),
            shed: book.counter(
                "vestibule_redis_shed",
                "Decisions given up before they were sent, after redis.wait_max or behind redis.waiting_max others: \
                 answered 503. Redis is slow, or there are too few nodes",
            ),
            in_flight: book.gauge("vestibule_redis_in_flight", "Decisions under way, at most redis.in_flight_max"),
            waiting: book
                .gauge("vestibule_redis_waiting", "Decisions that wait for a place, at most redis.waiting_max"),
            refusals: book.counters(
                "vestibule_limit_refusals",
                &["limit"],
                "Requests refused by a limit, by its name. A client address that moves for everybody: see whether \
                 trusted_proxies names the proxy. otp_attempt and login_account that spike: somebody guesses",
            ),
        };
        for kind in RedisError::ALL {
            let _zero = redis.errors.get_or_create(&[("kind", kind.name())]);
        }
        redis
    }
}

impl Metrics {
    /// A decision was made, or not.
    pub fn decided<E>(&self, script: &'static str, word: Result<&str, E>, took: Duration) {
        let verdict = word.unwrap_or("fault").to_owned();
        self.redis.decisions.get_or_create(&DecisionLabels { script, verdict }).inc();
        self.redis.latency.get_or_create(&ScriptLabel { script }).observe(took.as_secs_f64());
    }

    /// A decision was asked for again.
    pub fn redis_retried(&self) {
        self.redis.retries.inc();
    }

    /// A connection to Redis was made again.
    pub fn redis_reconnected(&self) {
        self.redis.reconnects.inc();
    }

    /// A client of Redis was replaced.
    pub fn redis_client_replaced(&self) {
        self.redis.clients_replaced.inc();
    }

    /// A try failed.
    pub fn redis_failed(&self, kind: RedisError) {
        self.redis.errors.get_or_create(&[("kind", kind.name())]).inc();
    }

    /// A decision that found no place free has waited so long, and has got one or not.
    pub fn redis_waited(&self, took: Duration, entered: bool) {
        self.redis.waits.observe(took.as_secs_f64());
        if !entered {
            self.redis.shed.inc();
        }
    }

    /// How many decisions are under way and how many wait, as it stands now.
    pub fn redis_load(&self, in_flight: usize, waiting: usize) {
        self.redis.in_flight.set(in_flight.try_into().unwrap_or(i64::MAX));
        self.redis.waiting.set(waiting.try_into().unwrap_or(i64::MAX));
    }

    /// A limit has refused a request; `limit` is its name in the configuration.
    pub fn refused(&self, limit: &'static str) {
        self.redis.refusals.get_or_create(&[("limit", limit)]).inc();
    }

    /// Limits that may refuse, which stand at zero from the beginning: the first refusal is then seen as one.
    pub fn may_refuse(&self, limits: impl IntoIterator<Item = &'static str>) {
        for limit in limits {
            let _zero = self.redis.refusals.get_or_create(&[("limit", limit)]);
        }
    }
}
