//! What libpq takes as a connection string, as far as the library does, and some words of libpq that it does not know.

use std::borrow::Cow;
use std::path::Path;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

use super::parse::Wrong;
use crate::tls::{self, ClientConfig};

/// Each gets an equal part of the 2 s in which one must be reached, 250 ms at the least: a TLS handshake and a log-in
/// across a continent.
const HOSTS_MAX: usize = 8;

/// Where Postgres is, and whom to trust there.
#[derive(Clone, Debug)]
pub(super) struct PostgresUrl {
    /// May hold a password, which its Debug hides.
    pub(super) config: Config,
    /// Of `sslrootcert`.
    pub(super) tls: Option<ClientConfig>,
}

/// A parameter, as it was written.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

pub(super) fn parse(text: &str) -> Result<PostgresUrl, Wrong> {
    let mut tls = None;
    let text = match text.starts_with("postgres://") || text.starts_with("postgresql://") {
        true => in_url(text, &mut tls)?,
        false => in_words(text, &mut tls)?,
    };
    let mut config: Config = text.parse().map_err(|_| wrong())?;
    hosts(&mut config)?;
    Ok(PostgresUrl { config, tls })
}

fn wrong() -> Wrong {
    let right = "write \"postgres://user:password@host:5432/database\" or \"host=... user=... dbname=...\"";
    Wrong::new("is not a connection string of Postgres", right)
}

fn in_url(text: &str, tls: &mut Option<ClientConfig>) -> Result<String, Wrong> {
    let Some((place, parameters)) = text.rsplit_once('?') else { return Ok(text.to_owned()) };
    let mut kept = Vec::new();
    for pair in parameters.split('&') {
        // Without parameters, a password may have a question mark.
        let Some((key, value)) = pair.split_once('=') else { return Ok(text.to_owned()) };
        let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong())?;
        if let Some(other) = translated(key, &value, tls)? {
            kept.push(if other == *value { pair.to_owned() } else { format!("{key}={other}") });
        }
    }
    Ok(format!("{place}?{}", kept.join("&")))
}

fn in_words(text: &str, tls: &mut Option<ClientConfig>) -> Result<String, Wrong> {
    let mut kept = Vec::new();
    for (key, value) in words(text)? {
        if let Some(other) = translated(&key, &value, tls)? {
            kept.push(format!("{key}='{}'", other.replace('\\', "\\\\").replace('\'', "\\'")));
        }
    }
    Ok(kept.join(" "))
}

/// `key=value key = 'a value'`, where a backslash takes the next character as it is.
fn words(text: &str) -> Result<Vec<Pair<'_>>, Wrong> {
    let (mut pairs, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(wrong)?;
        let after = after.trim_start();
        let is_quoted = after.starts_with('\'');
        let (mut value, mut characters) = (String::new(), after.char_indices().skip(usize::from(is_quoted)));
        rest = loop {
            match characters.next() {
                None if is_quoted => return Err(wrong()),
                None => break "",
                Some((_, '\\')) => value.push(characters.next().ok_or_else(wrong)?.1),
                Some((at, '\'')) if is_quoted => break after[at + 1..].trim_start(),
                Some((at, space)) if !is_quoted && space.is_whitespace() => break after[at..].trim_start(),
                Some((_, character)) => value.push(character),
            }
        };
        pairs.push((key.trim_end().into(), value.into()));
    }
    Ok(pairs)
}

/// What the library is told instead of `value`; nothing where it is not told at all.
fn translated<'a>(key: &str, value: &'a str, tls: &mut Option<ClientConfig>) -> Result<Option<Cow<'a, str>>, Wrong> {
    Ok(Some(match (key, value) {
        // Certificate and name are always verified.
        ("sslmode", "verify-ca" | "verify-full") => "require".into(),
        ("sslmode", "allow") => {
            let right = "write sslmode=verify-full, or sslmode=disable where nobody can listen in";
            return Err(Wrong::new("asks for TLS only where the server insists on it", right));
        }
        ("sslrootcert", "system") => return Ok(None),
        ("sslrootcert", path) => {
            *tls = Some(trust(Path::new(path))?);
            return Ok(None);
        }
        ("target_session_attrs", "primary") => "read-write".into(),
        ("target_session_attrs", "read-only" | "standby" | "prefer-standby") => {
            return Err(Wrong::new("asks for a server that takes no writes", "write target_session_attrs=read-write"));
        }
        (
            "sslcert"
            | "sslkey"
            | "sslpassword"
            | "sslcrl"
            | "sslcrldir"
            | "passfile"
            | "service"
            | "gssencmode"
            | "krbsrvname"
            | "requirepeer"
            | "require_auth"
            | "ssl_min_protocol_version"
            | "ssl_max_protocol_version",
            _,
        ) => return Err(Wrong::new(format!("has the parameter {key}, which is not supported"), "leave it out")),
        _ => value.into(),
    }))
}

fn trust(file: &Path) -> Result<ClientConfig, Wrong> {
    let trusted = std::fs::read(file).map_err(|error| error.to_string()).and_then(|pem| tls::trusting(&pem));
    trusted.map_err(|why| {
        let what = format!("names a file in sslrootcert that cannot be used ({why})");
        Wrong::new(what, "name one with root certificates in PEM, or write sslrootcert=system")
    })
}

/// The library finds out when it connects. Of several hosts we need the one that takes writes, whatever is said or not.
fn hosts(config: &mut Config) -> Result<(), Wrong> {
    let (hosts, addresses, ports) = (config.get_hosts().len(), config.get_hostaddrs().len(), config.get_ports().len());
    let count = hosts.max(addresses);
    if count == 0 {
        return Err(Wrong::new("names no host", "write one, as \"host=127.0.0.1\""));
    }
    if (hosts > 0 && addresses > 0 && hosts != addresses) || (ports > 1 && ports != count) {
        return Err(Wrong::new("has not as many hosts as addresses or ports", "write one of each for each host"));
    }
    if count > HOSTS_MAX {
        return Err(Wrong::new("names too many hosts", format!("write {HOSTS_MAX} at the most")));
    }
    if count > 1 {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, SslMode};

    use super::*;

    #[track_caller]
    fn read(text: &str) -> Config {
        parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}")).config
    }

    #[test]
    fn several_hosts_are_read_as_libpq_reads_them() {
        for text in [
            "postgres://me:se%3Fcret@h1:1,h2:2/db?target_session_attrs=read-write&load_balance_hosts=random",
            "postgresql://me:se?cret@h1:1,h2:2/db?target_session_attrs=primary&load_balance_hosts=random",
            "host=h1,h2 port=1,2 user=me password='se?cret' dbname = db target_session_attrs=any load_balance_hosts=random",
        ] {
            let config = read(text);
            assert_eq!((config.get_hosts().len(), config.get_ports()), (2, &[1, 2][..]), "{text}");
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite, "{text}");
            assert_eq!(config.get_load_balance_hosts(), LoadBalanceHosts::Random, "{text}");
            assert_eq!((config.get_user(), config.get_dbname()), (Some("me"), Some("db")), "{text}");
            assert_eq!(config.get_password(), Some(&b"se?cret"[..]), "{text}");
        }
        assert_eq!(read("postgres://h1/db").get_target_session_attrs(), TargetSessionAttrs::Any);
    }

    #[test]
    fn words_of_libpq_for_a_verified_server_are_known() {
        for text in [
            "postgres://h/db?sslmode=verify-full&channel_binding=require",
            "postgres://h/db?sslmode=verify-ca&sslrootcert=system&channel_binding=require",
            "host=h sslmode = 'verify-full' channel_binding=require",
        ] {
            let config = read(text);
            assert_eq!(config.get_ssl_mode(), SslMode::Require, "{text}");
            assert_eq!(config.get_channel_binding(), ChannelBinding::Require, "{text}");
        }
        assert_eq!(read("postgres://h/db?sslmode=disable").get_ssl_mode(), SslMode::Disable);
        let quoted = read(r"host=h password='it\'s \\ = mine' options='-c a=b'");
        assert_eq!(quoted.get_password(), Some(&br"it's \ = mine"[..]));
        assert_eq!(quoted.get_options(), Some("-c a=b"));
        assert_eq!(read("postgres://me:who?@h/db").get_password(), Some(&b"who?"[..]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_a_secret() {
        let nine = (0..9).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",");
        for (text, told) in [
            ("postgres://h/db?sslmode=allow", "only where the server insists"),
            ("postgres://h/db?sslmode=hunter2", "not a connection string"),
            ("postgres://h/db?sslcert=hunter2", "sslcert, which is not supported"),
            ("host=h sslkey=hunter2", "sslkey, which is not supported"),
            ("postgres://h1,h2/db?target_session_attrs=standby", "takes no writes"),
            ("host=h sslrootcert=/nowhere/hunter2", "cannot be used (No such file"),
            ("host=h sslrootcert=Cargo.toml", "there is no certificate in it"),
            ("user=me password=hunter2", "names no host"),
            ("host=h1,h2 port=1,2,3", "not as many hosts"),
            ("host=h1,h2 hostaddr=127.0.0.1", "not as many hosts"),
            (format!("postgres://{nine}/db").as_str(), "too many hosts"),
            ("host=h password='hunter2", "not a connection string"),
            ("host=h hunter2", "not a connection string"),
            ("hunter2", "not a connection string"),
        ] {
            let wrong = parse(text).expect_err(text);
            let words = format!("{} {}", wrong.what, wrong.right);
            assert!(words.contains(told) && !words.contains("hunter2"), "{text}: {words}");
        }
    }
}
