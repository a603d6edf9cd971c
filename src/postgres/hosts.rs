//! The servers that Postgres may be found on: which is asked first, for how long, and why it was not taken.
//!
//! The library asks one after the other too, but a server that takes a connection and then says nothing would keep it
//! for ever.

use std::future::pending;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host as Place, LoadBalanceHosts, SslMode};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::describe;
use crate::config::Postgres as Settings;
use crate::fault::ago;
use crate::random;

/// All of them, in the order in which they are written.
#[derive(Clone)]
pub(super) struct Hosts {
    hosts: Arc<[Host]>,
    /// For one of them.
    patience: Duration,
    is_random: bool,
}

struct Host {
    name: String,
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// And since when it is known.
    standing: Mutex<(Standing, Instant)>,
}

/// How the last attempt ended. Those that may answer are asked before those that keep one waiting.
#[derive(Clone, PartialEq)]
enum Standing {
    Well,
    Refused(String),
    Silent,
}

type Connected = (Client, JoinHandle<()>);

impl Hosts {
    pub(super) fn new(settings: &Settings, config: &Config) -> Self {
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        let part = settings.statement_timeout / u32::try_from(count).expect("the configuration bounds them");
        let patience = settings.connect_timeout.min(part);
        // Only where it is needed: reading the system's certificates takes a while.
        let mut tls = None;
        let hosts = (0..count).map(|nth| {
            let mut host = Host::new(config, nth);
            if host.is_to_be_encrypted() {
                let known = || MakeRustlsConnect::new(settings.tls.clone().unwrap_or_else(crate::tls::client_config));
                host.tls = Some(tls.get_or_insert_with(known).clone());
                // Whoever stands in between could say that there is no TLS here.
                host.config.ssl_mode(SslMode::Require);
            }
            // A name may have two addresses, the first of which takes nothing.
            host.config.connect_timeout(patience / 2);
            host
        });
        let is_random = config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        Self { hosts: hosts.collect(), patience, is_random }
    }

    /// After this, each has had its time.
    pub(super) fn patience(&self) -> Duration {
        /// For the last one's own deadline to be noted first.
        const ROUNDING: Duration = Duration::from_millis(50);
        self.patience * u32::try_from(self.hosts.len()).expect("the configuration bounds them") + ROUNDING
    }

    /// Which were not taken when last asked, which may be long ago, and why; empty where all were.
    pub(super) fn troubles(&self) -> String {
        let told = self.hosts.iter().filter_map(|host| {
            let (standing, at) = host.noted();
            let (name, at) = (&host.name, ago(at));
            match standing {
                Standing::Well => None,
                Standing::Refused(why) => Some(format!("{name}, {at}: {why}")),
                Standing::Silent => Some(format!("{name}, {at}: no answer in {} ms", self.patience.as_millis())),
            }
        });
        told.collect::<Vec<_>>().join("; ")
    }

    async fn dial(&self) -> Result<Connected, Error> {
        let mut refused = None;
        for host in self.in_order() {
            let (standing, error) = match timeout(self.patience, host.dial()).await {
                Ok(Ok(connected)) => {
                    host.note(Standing::Well);
                    return Ok(connected);
                }
                Ok(Err(error)) => (Standing::Refused(describe(&error)), Some(error)),
                Err(_) => (Standing::Silent, None),
            };
            host.note(standing);
            refused = error.or(refused);
        }
        match refused {
            Some(error) => Err(error),
            // The library has no error for it that we could make. The pool, which waits as long, has.
            None => pending().await,
        }
    }

    /// As libpq: in the order in which they are written, or by chance. But one that failed is asked after those that did
    /// not, or a dead first one would delay every connection to the second.
    fn in_order(&self) -> Vec<&Host> {
        let mut order: Vec<&Host> = self.hosts.iter().collect();
        if self.is_random {
            order.sort_by_cached_key(|_| random::bytes::<8>());
        }
        order.sort_by_cached_key(|host| match host.standing() {
            Standing::Well => 0,
            Standing::Refused(_) => 1,
            Standing::Silent => 2,
        });
        order
    }
}

impl Connect for Hosts {
    fn connect(&self, _: &Config) -> Pin<Box<dyn Future<Output = Result<Connected, Error>> + Send + '_>> {
        Box::pin(self.dial())
    }
}

impl Host {
    /// The `nth` alone, with all that holds for each.
    fn new(all: &Config, nth: usize) -> Self {
        let mut config = Config::new();
        config.ssl_mode(all.get_ssl_mode()).ssl_negotiation(all.get_ssl_negotiation());
        config.channel_binding(all.get_channel_binding()).target_session_attrs(all.get_target_session_attrs());
        config.keepalives(all.get_keepalives()).keepalives_idle(all.get_keepalives_idle());
        config.load_balance_hosts(all.get_load_balance_hosts());
        all.get_user().map(|user| config.user(user));
        all.get_password().map(|password| config.password(password));
        all.get_dbname().map(|name| config.dbname(name));
        all.get_options().map(|options| config.options(options));
        all.get_application_name().map(|name| config.application_name(name));
        all.get_tcp_user_timeout().map(|limit| config.tcp_user_timeout(*limit));
        all.get_keepalives_interval().map(|pause| config.keepalives_interval(pause));
        all.get_keepalives_retries().map(|count| config.keepalives_retries(count));
        let ports = all.get_ports();
        let port = *ports.get(nth).or(ports.first()).unwrap_or(&5432);
        config.port(port);
        let address = all.get_hostaddrs().get(nth);
        let place = all.get_hosts().get(nth).cloned();
        // Whoever has no name is verified by address.
        let place = place.or(address.map(|ip| Place::Tcp(ip.to_string()))).expect("as many as were counted");
        address.map(|ip| config.hostaddr(*ip));
        let name = match &place {
            Place::Tcp(host) => {
                config.host(host);
                format!("{host}:{port}")
            }
            Place::Unix(path) => {
                config.host_path(path);
                path.display().to_string()
            }
        };
        Self { name, config, tls: None, standing: Mutex::new((Standing::Well, Instant::now())) }
    }

    /// Everywhere but on this machine, unless it is forbidden.
    fn is_to_be_encrypted(&self) -> bool {
        let is_loopback = |host: &String| {
            let address = host.parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        match (self.config.get_ssl_mode(), &self.config.get_hosts()[0]) {
            (SslMode::Disable, _) | (_, Place::Unix(_)) => false,
            (SslMode::Prefer, Place::Tcp(host)) => {
                let address = self.config.get_hostaddrs().first().map(ToString::to_string);
                !is_loopback(address.as_ref().unwrap_or(host))
            }
            _ => true,
        }
    }

    async fn dial(&self) -> Result<Connected, Error> {
        Ok(match &self.tls {
            None => connected(self.config.connect(NoTls).await?),
            Some(tls) => connected(self.config.connect(tls.clone()).await?),
        })
    }

    fn note(&self, standing: Standing) {
        let mut noted = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        // Each time it changes, not each time it is tried.
        if noted.0 != standing {
            match &standing {
                Standing::Well => tracing::info!(host = self.name, "postgres takes connections"),
                Standing::Refused(why) => tracing::warn!(host = self.name, cause = why, "postgres is not here"),
                Standing::Silent => tracing::warn!(host = self.name, cause = "silent", "postgres is not here"),
            }
        }
        *noted = (standing, Instant::now());
    }

    fn standing(&self) -> Standing {
        self.noted().0
    }

    fn noted(&self) -> (Standing, Instant) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs the connection until its client is dropped.
fn connected<T>((client, connection): (Client, Connection<Socket, T>)) -> Connected
where
    T: TlsStream + Unpin + Send + 'static,
{
    let task = tokio::spawn(async move {
        // Whoever asked is told, and logs it.
        if let Err(error) = connection.await {
            tracing::debug!(cause = %error, "a connection to postgres has ended");
        }
    });
    (client, task)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these hosts are spoken to by TLS alone, and by none.
    fn encrypted(url: &str) -> Vec<bool> {
        let config: Config = url.parse().expect("a connection string");
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        (0..count).map(|nth| Host::new(&config, nth).is_to_be_encrypted()).collect()
    }

    #[test]
    fn plain_text_stays_on_this_machine_or_is_asked_for() {
        for (url, expected) in [
            ("postgres://db1,localhost,127.0.0.1/v", &[true, false, false][..]),
            ("postgres://db1,10.0.0.1/v?sslmode=prefer", &[true, true]),
            ("postgres://127.0.0.1,db1/v?sslmode=require", &[true, true]),
            ("postgres://127.0.0.1,db1/v?sslmode=disable", &[false, false]),
            ("host=/run/postgresql,db1 sslmode=require", &[false, true]),
            ("host=db1 hostaddr=127.0.0.1", &[false]),
            ("host=localhost hostaddr=10.0.0.1", &[true]),
            ("hostaddr=::1,10.0.0.1", &[false, true]),
        ] {
            assert_eq!(encrypted(url), expected, "{url}");
        }
    }

    #[test]
    fn each_host_keeps_what_holds_for_all() {
        let url = "host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2 user=u password=p dbname=d options='-c a=b' \
            application_name=n sslmode=require target_session_attrs=read-write channel_binding=require keepalives=0 \
            keepalives_idle=1 keepalives_interval=2 keepalives_retries=3 tcp_user_timeout=4 load_balance_hosts=random";
        let alone = url.replace("a,b", "b").replace("10.0.0.1,10.0.0.2", "10.0.0.2").replace("1,2", "2");
        let all: Config = url.parse().expect("a connection string");
        assert_eq!(Host::new(&all, 1).config, alone.parse().expect("a connection string"));
    }
}
