//! The forms of `redis.url`.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// Where Redis is, and as whom we come. Holds a password: it cannot be printed.
#[derive(Clone)]
pub struct RedisUrl {
    /// Where it is.
    pub servers: RedisServers,
    pub(crate) login: Login,
    /// For the sentinels, which have users of their own.
    pub(crate) sentinel: Login,
    /// Whether TLS is spoken.
    pub tls: bool,
}

/// A user and a password.
#[derive(Clone, Default)]
pub(crate) struct Login {
    /// The ACL user; none is the default user.
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
}

/// How Redis is run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RedisServers {
    /// Behind a Unix socket.
    Unix(PathBuf),
    /// One server.
    Single(HostPort),
    /// Sentinels that know the primary of a service.
    Sentinel {
        /// The sentinels.
        hosts: Vec<HostPort>,
        /// What they call the service.
        service: String,
    },
    /// Some nodes of a cluster, which know the others.
    Cluster(Vec<HostPort>),
}

/// A host name or address, and a port.
pub type HostPort = (String, u16);

/// What is said to one who wrote another form.
const FORMS: &str = "write redis://[user:pass@]host:port, rediss://... (TLS), redis+unix://[user:pass@]/path, \
    redis-sentinel://h1:p,h2:p/service[?sentinel_username=U&sentinel_password=P], redis-cluster://h1:p,h2:p, or their rediss- forms";

impl RedisUrl {
    /// Reads one of the forms.
    ///
    /// # Errors
    /// What would be right, without repeating what was written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(FORMS)?;
        let (userinfo, rest) = match rest.rsplit_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let login = credentials(userinfo)?;
        let mut sentinel = Login::default();
        let servers = match scheme {
            "redis+unix" => {
                if !rest.starts_with('/') {
                    return Err(FORMS.to_owned());
                }
                RedisServers::Unix(PathBuf::from(rest))
            }
            "redis" | "rediss" => {
                let host = rest.strip_suffix('/').unwrap_or(rest);
                RedisServers::Single(one_server(host, 6379)?)
            }
            "redis-cluster" | "rediss-cluster" => {
                RedisServers::Cluster(servers(rest.strip_suffix('/').unwrap_or(rest), 6379)?)
            }
            "redis-sentinel" | "rediss-sentinel" => {
                let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
                let (hosts, service) = rest.split_once('/').filter(|(_, service)| !service.is_empty()).ok_or(FORMS)?;
                sentinel = sentinel_login(query)?;
                RedisServers::Sentinel { hosts: servers(hosts, 26379)?, service: service.to_owned() }
            }
            _ => return Err(FORMS.to_owned()),
        };
        Ok(Self { servers, login, sentinel, tls: scheme.starts_with("rediss") })
    }

    /// Where, for a human; without credentials.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.servers {
            RedisServers::Unix(path) => path.display().to_string(),
            RedisServers::Single((host, port)) => format!("{host}:{port}"),
            RedisServers::Sentinel { hosts, .. } | RedisServers::Cluster(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
                hosts.join(",")
            }
        }
    }

    /// The arguments of redis-cli that reach the same place, without credentials.
    #[must_use]
    pub fn redis_cli(&self) -> String {
        let tls = if self.tls { " --tls" } else { "" };
        match &self.servers {
            RedisServers::Unix(path) => format!("redis-cli -s {}", path.display()),
            RedisServers::Single((host, port)) => format!("redis-cli -h {host} -p {port}{tls}"),
            RedisServers::Cluster(hosts) => format!("redis-cli -c -h {} -p {}{tls}", hosts[0].0, hosts[0].1),
            RedisServers::Sentinel { .. } => format!("redis-cli -h <the primary>{tls}"),
        }
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedisUrl({})", self.place())
    }
}

fn credentials(userinfo: Option<&str>) -> Result<Login, String> {
    let Some(userinfo) = userinfo else { return Ok(Login::default()) };
    let (user, password) = userinfo.split_once(':').ok_or("write user:password@ or :password@ before the host")?;
    let user = decode(user)?;
    Ok(Login { username: (!user.is_empty()).then_some(user), password: Some(Zeroizing::new(decode(password)?)) })
}

/// The parameters behind the name of the service.
fn sentinel_login(query: &str) -> Result<Login, String> {
    let mut login = Login::default();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sentinel_username", username)) => login.username = Some(decode(username)?),
            Some(("sentinel_password", password)) => login.password = Some(Zeroizing::new(decode(password)?)),
            _ => {
                return Err(
                    "write sentinel_username= and sentinel_password= behind the service, and no other".to_owned()
                );
            }
        }
    }
    match &login {
        Login { username: Some(_), password: None } => {
            Err("a sentinel_username needs its sentinel_password".to_owned())
        }
        _ => Ok(login),
    }
}

fn decode(text: &str) -> Result<String, String> {
    match percent_encoding::percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("escape the password as UTF-8, with %XX".to_owned()),
    }
}

fn servers(text: &str, port: u16) -> Result<Vec<HostPort>, String> {
    text.split(',').map(|host| one_server(host, port)).collect()
}

fn one_server(text: &str, default_port: u16) -> Result<HostPort, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| FORMS)?),
        _ => (text, default_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
    plain.then(|| (host.to_owned(), port)).ok_or_else(|| FORMS.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_contract_is_read() {
        for (text, place) in [
            ("redis://localhost:6379", "localhost:6379"),
            ("redis://user:p%40ss@10.0.0.1", "10.0.0.1:6379"),
            ("rediss://:secret@[::1]:7000/", "::1:7000"),
            ("redis+unix:///run/redis.sock", "/run/redis.sock"),
            ("redis+unix://user:secret@/run/redis.sock", "/run/redis.sock"),
            ("redis-cluster://a:1,b:2", "a:1,b:2"),
            ("rediss-sentinel://a:1,b:2/main", "a:1,b:2"),
        ] {
            assert_eq!(RedisUrl::parse(text).unwrap().place(), place, "{text}");
        }
    }

    #[test]
    fn redis_and_its_sentinels_have_logins_of_their_own() {
        let read = |text: &str| {
            let spelt = |Login { username, password }| (username, password.map(|password| password.to_string()));
            RedisUrl::parse(text).map(|url| (spelt(url.login), spelt(url.sentinel)))
        };
        let (some, nobody) = (|text: &str| Some(text.to_owned()), (None, None));
        let url = "redis-sentinel://vest:p%40ss@a:1,b:2/main?sentinel_username=ask&sentinel_password=%26w";
        assert_eq!(read(url), Ok(((some("vest"), some("p@ss")), (some("ask"), some("&w")))));
        assert_eq!(read("redis-sentinel://a:1/main?sentinel_password=w"), Ok((nobody.clone(), (None, some("w")))));
        assert_eq!(read("redis+unix://vest:p%40ss@/run/r.sock"), Ok(((some("vest"), some("p@ss")), nobody)));
    }

    #[test]
    fn a_wrong_form_says_what_is_right_and_repeats_nothing() {
        for text in ["localhost:6379", "http://hunter2@h", "redis://hunter2@h", "redis://", "redis-sentinel://a:1"] {
            let error = RedisUrl::parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        for query in ["sentinel_username=hunter2", "password=hunter2", "hunter2", "sentinel_password=%FFhunter2"] {
            let text = format!("redis-sentinel://a:1/main?{query}");
            let text = text.as_str();
            let error = RedisUrl::parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
