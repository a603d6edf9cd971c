//! The forms of `redis.url`.

use std::path::PathBuf;

use fred::types::config::{ClusterDiscoveryPolicy, Config, Server, ServerConfig, TlsConfig};

/// Where Redis is, and as whom we come. Holds a password: it cannot be printed.
#[derive(Clone)]
pub struct RedisUrl {
    server: ServerConfig,
    username: Option<String>,
    password: Option<String>,
    tls: bool,
}

/// What is said to one who wrote another form.
const FORMS: &str = "write redis://[user:pass@]host:port, rediss://... (TLS), redis+unix:///path, \
    redis-sentinel://h1:p,h2:p/service, redis-cluster://h1:p,h2:p, or their rediss- forms";

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
        let (username, password) = credentials(userinfo)?;
        let server = match scheme {
            "redis+unix" => {
                if !rest.starts_with('/') {
                    return Err(FORMS.to_owned());
                }
                ServerConfig::Unix { path: PathBuf::from(rest) }
            }
            "redis" | "rediss" => {
                let host = rest.strip_suffix('/').unwrap_or(rest);
                ServerConfig::Centralized { server: one_server(host, 6379)? }
            }
            "redis-cluster" | "rediss-cluster" => ServerConfig::Clustered {
                hosts: servers(rest.strip_suffix('/').unwrap_or(rest), 6379)?,
                policy: ClusterDiscoveryPolicy::default(),
            },
            "redis-sentinel" | "rediss-sentinel" => {
                let (hosts, service) = rest.split_once('/').filter(|(_, service)| !service.is_empty()).ok_or(FORMS)?;
                // The sentinels are asked as nobody: their password is theirs, not Redis'.
                ServerConfig::Sentinel {
                    hosts: servers(hosts, 26379)?,
                    service_name: service.to_owned(),
                    username: None,
                    password: None,
                }
            }
            _ => return Err(FORMS.to_owned()),
        };
        Ok(Self { server, username, password, tls: scheme.starts_with("rediss") })
    }

    /// Where, for a human; without credentials.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.server {
            ServerConfig::Unix { path } => path.display().to_string(),
            other => {
                let hosts: Vec<String> = other.hosts().iter().map(ToString::to_string).collect();
                hosts.join(",")
            }
        }
    }

    /// The arguments of redis-cli that reach the same place, without credentials.
    #[must_use]
    pub fn redis_cli(&self) -> String {
        let tls = if self.tls { " --tls" } else { "" };
        match &self.server {
            ServerConfig::Unix { path } => format!("redis-cli -s {}", path.display()),
            ServerConfig::Centralized { server } => format!("redis-cli -h {} -p {}{tls}", server.host, server.port),
            ServerConfig::Clustered { hosts, .. } => {
                format!("redis-cli -c -h {} -p {}{tls}", hosts[0].host, hosts[0].port)
            }
            ServerConfig::Sentinel { .. } => format!("redis-cli -h <the primary>{tls}"),
        }
    }

    pub(super) fn config(&self, tls: impl FnOnce() -> TlsConfig) -> Config {
        Config {
            server: self.server.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            tls: self.tls.then(tls),
            // The first connection is tried here and now; waiting and telling is the caller's.
            fail_fast: true,
            ..Config::default()
        }
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedisUrl({})", self.place())
    }
}

fn credentials(userinfo: Option<&str>) -> Result<(Option<String>, Option<String>), String> {
    let Some(userinfo) = userinfo else { return Ok((None, None)) };
    let (user, password) = userinfo.split_once(':').ok_or("write user:password@ or :password@ before the host")?;
    let decode = |text: &str| match percent_encoding::percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("escape the password as UTF-8, with %XX"),
    };
    let user = decode(user)?;
    Ok(((!user.is_empty()).then_some(user), Some(decode(password)?)))
}

fn servers(text: &str, port: u16) -> Result<Vec<Server>, String> {
    text.split(',').map(|host| one_server(host, port)).collect()
}

fn one_server(text: &str, default_port: u16) -> Result<Server, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| FORMS)?),
        _ => (text, default_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
    plain.then(|| Server::new(host, port)).ok_or_else(|| FORMS.to_owned())
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
            ("redis-cluster://a:1,b:2", "a:1,b:2"),
            ("rediss-sentinel://a:1,b:2/main", "a:1,b:2"),
        ] {
            assert_eq!(RedisUrl::parse(text).unwrap().place(), place, "{text}");
        }
        assert_eq!(RedisUrl::parse("redis://user:p%40ss@h").unwrap().password.as_deref(), Some("p@ss"));
    }

    #[test]
    fn a_wrong_form_says_what_is_right_and_repeats_nothing() {
        for text in ["localhost:6379", "http://hunter2@h", "redis://hunter2@h", "redis://", "redis-sentinel://a:1"] {
            let error = RedisUrl::parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
