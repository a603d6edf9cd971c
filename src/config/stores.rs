//! Redis and Postgres.

use std::path::PathBuf;
use std::time::Duration;

use super::parse::{self, HOUR, MINUTE, MS, SECOND, Wrong};
use super::postgres_url::{self, PostgresUrl};
use super::reader::{Key, Reader};
use super::redis_url::RedisUrl;
use crate::tls::ClientConfig;

const REDIS_URL: Key =
    Key::required("redis.url", "redis://127.0.0.1:6379", "where Redis is, and how to log in").secret();
/// None: the system's root certificates.
const REDIS_CA_FILE: Key =
    Key::optional("redis.ca_file", "/etc/ssl/redis-ca.pem", "more root certificates for Redis and its sentinels, PEM");
/// Two bytes: every key begins with it.
const PREFIX: Key = Key::new("redis.prefix", "vb", "what every key begins with");
/// Spreads over as many nodes of a Cluster; 16 mail queues cost a sweep of 16 calls a second.
const PARTITIONS: Key =
    Key::new("redis.partitions", "16", "slots to spread over; pinned in the data at the first start");
/// A round trip in one's own network is 1 ms, a lost SYN is sent again after 1 s.
const REDIS_CONNECT_TIMEOUT: Key = Key::new("redis.connect_timeout", "1s", "how long connecting may take");
/// Two tries of two calls are 4 x 700 ms = 2.8 s, below the 3 s after which a dependency is given up.
const COMMAND_TIMEOUT: Key = Key::new("redis.command_timeout", "700ms", "how long a call may take");
/// At 10,000 scripts a second they are 100 ms of Redis' time.
const IN_FLIGHT_MAX: Key = Key::new("redis.in_flight_max", "1024", "calls at a time, per node");
/// Past it, shed: at 10,000 scripts a second they are 200 ms more.
const REDIS_WAITING_MAX: Key = Key::new("redis.waiting_max", "2000", "requests that wait for their turn, per node");
/// Past it, shed: who waits longer has often asked again.
const WAIT_MAX: Key = Key::new("redis.wait_max", "500ms", "how long a request waits for its turn");

const POSTGRES_URL: Key = Key::required(
    "postgres.url",
    "postgres://vestibule@127.0.0.1:5432/vestibule",
    "where Postgres is, and how to log in",
)
.secret();
/// Twelve nodes stay below the 100 that Postgres takes by default (12 x 8 = 96).
const CONNECTIONS_MAX: Key = Key::new("postgres.connections_max", "8", "connections, per node");
/// As for Redis. Of several hosts, each has at most its part of statement_timeout: all together 2 s, below the 2.5 s of
/// a query.
const POSTGRES_CONNECT_TIMEOUT: Key =
    Key::new("postgres.connect_timeout", "1s", "how long connecting to one host may take");
/// wait_timeout 500 ms + statement_timeout 2 s = 2.5 s, below the 3 s after which a dependency is given up.
const WAIT_TIMEOUT: Key = Key::new("postgres.wait_timeout", "500ms", "how long to wait for a free connection");
const STATEMENT_TIMEOUT: Key = Key::new("postgres.statement_timeout", "2s", "how long a statement may take");

/// A killer of links finishes at once, unless it dies in between: then a node does it after this.
const SWEEP_INTERVAL: Key =
    Key::new("postgres.sweep_interval", "5s", "how often a node looks for dead links that Redis was not told of");

/// Where Redis is, and how much it is asked at a time.
#[derive(Clone, Debug)]
pub struct Redis {
    /// May hold a password.
    pub url: RedisUrl,
    /// More root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// What every key begins with.
    pub prefix: String,
    /// 1 to 256; pinned in the data at the first start.
    pub partitions: u16,
    /// For connecting.
    pub connect_timeout: Duration,
    /// For one try of a call.
    pub command_timeout: Duration,
    /// Calls at a time, per node.
    pub in_flight_max: usize,
    /// Requests that wait for their turn, per node.
    pub waiting_max: usize,
    /// How long a request waits for its turn.
    pub wait_max: Duration,
}

/// Where Postgres is, and how much it is asked at a time.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// May hold a password.
    pub url: tokio_postgres::Config,
    /// Whom to trust there; none is whom the system trusts.
    pub tls: Option<ClientConfig>,
    /// Connections, per node.
    pub connections_max: usize,
    /// For connecting to one host.
    pub connect_timeout: Duration,
    /// For a free connection.
    pub wait_timeout: Duration,
    /// For one statement.
    pub statement_timeout: Duration,
    /// Between two looks for dead links that Redis was not told of.
    pub sweep_interval: Duration,
}

impl Redis {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let deadline = || parse::duration(10 * MS..=10 * SECOND);
        Self {
            url: reader.text(&REDIS_URL, redis_url),
            ca_file: reader.optional(&REDIS_CA_FILE, parse::file),
            prefix: reader.text(&PREFIX, prefix),
            partitions: reader.integer(&PARTITIONS, parse::number(1..=256)),
            connect_timeout: reader.text(&REDIS_CONNECT_TIMEOUT, deadline()),
            command_timeout: reader.text(&COMMAND_TIMEOUT, deadline()),
            in_flight_max: reader.integer(&IN_FLIGHT_MAX, parse::number(1..=100_000)),
            waiting_max: reader.integer(&REDIS_WAITING_MAX, parse::number(1..=100_000)),
            wait_max: reader.text(&WAIT_MAX, deadline()),
        }
    }
}

impl Postgres {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let deadline = || parse::duration(10 * MS..=MINUTE);
        let PostgresUrl { config, tls } = reader.text(&POSTGRES_URL, postgres_url::parse);
        Self {
            url: config,
            tls,
            connections_max: reader.integer(&CONNECTIONS_MAX, parse::number(1..=1_000)),
            connect_timeout: reader.text(&POSTGRES_CONNECT_TIMEOUT, deadline()),
            wait_timeout: reader.text(&WAIT_TIMEOUT, deadline()),
            statement_timeout: reader.text(&STATEMENT_TIMEOUT, parse::duration(10 * MS..=HOUR)),
            sweep_interval: reader.text(&SWEEP_INTERVAL, parse::duration(100 * MS..=HOUR)),
        }
    }
}

fn redis_url(text: &str) -> Result<RedisUrl, Wrong> {
    RedisUrl::parse(text).map_err(|right| Wrong::new("is not a URL of Redis", right))
}

fn prefix(text: &str) -> Result<String, Wrong> {
    let takes = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    match (1..=16).contains(&text.len()) && text.bytes().all(takes) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::new("is not a prefix", "write 1 to 16 of a-z, 0-9, _ and -")),
    }
}
