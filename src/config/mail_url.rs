//! `mail.url`: where mail goes. No message here repeats any part of what was written: a password with a stray `/` or
//! `@` in it ends up in a part where nobody looks for one.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum MailUrl {
    /// Kept to be read in development mode: in memory, or in a folder that the nodes of one machine share.
    Capture(Option<PathBuf>),
    /// To a relay.
    Relay(RelayUrl),
}

/// Where a relay is, and how it is spoken to. Holds a password: its `Debug` leaves that out.
#[derive(Clone)]
pub struct RelayUrl {
    /// A name or an address.
    pub host: String,
    /// Of TCP.
    pub port: u16,
    /// Whether it is encrypted, and from when.
    pub tls: RelayTls,
    pub(crate) credentials: Option<Login>,
}

/// No "if offered": whoever can cut the offer out of the conversation would read the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayTls {
    /// From the first byte (`smtps://`).
    Implicit,
    /// By STARTTLS, and not a word before (`smtp://...?tls=required`).
    StartTls,
    /// Never (`smtp://...?tls=none`).
    None,
}

#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
}

const FORMS: &str =
    "write smtps://user:password@host:465, smtp://host:587?tls=required, smtp://host:25?tls=none or capture:";
const ESCAPES: &str = "in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25";

impl FromStr for MailUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<MailUrl, String> {
        MailUrl::parse(text)
    }
}

impl MailUrl {
    /// Reads one of the forms.
    ///
    /// # Errors
    /// What would be right, without repeating what was written.
    pub fn parse(text: &str) -> Result<MailUrl, String> {
        if let Some(folder) = text.strip_prefix("capture:") {
            return match folder {
                "" => Ok(MailUrl::Capture(None)),
                path if path.starts_with('/') => Ok(MailUrl::Capture(Some(path.into()))),
                _ => Err("after capture: nothing may follow but the whole path of a folder, as /tmp/mail".to_owned()),
            };
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(format!("contains a blank or a control character; {FORMS}"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("is no mail URL; {FORMS}"))?;
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        let (userinfo, host_and_port) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };

        let (tls, default_port) = tls(scheme, tail)?;
        let (host, port) = host_and_port_of(host_and_port, default_port)?;
        let credentials = userinfo.map(login).transpose()?;
        if credentials.is_some() && tls == RelayTls::None && !is_loopback(&host) {
            return Err("would send the password in the clear: use smtps:// or ?tls=required".to_owned());
        }
        Ok(MailUrl::Relay(RelayUrl { host, port, tls, credentials }))
    }
}

fn tls(scheme: &str, tail: &str) -> Result<(RelayTls, u16), String> {
    let tail = tail.strip_prefix('/').unwrap_or(tail);
    match (scheme.to_ascii_lowercase().as_str(), tail) {
        ("smtps", "") => Ok((RelayTls::Implicit, 465)),
        ("smtps", _) => Err(format!("nothing may follow the port of smtps://, which is always encrypted; {ESCAPES}")),
        ("smtp", "?tls=required") => Ok((RelayTls::StartTls, 587)),
        ("smtp", "?tls=none") => Ok((RelayTls::None, 25)),
        ("smtp", "") => Err("smtp:// has to say whether it is encrypted: add ?tls=required (STARTTLS), or ?tls=none \
             for a relay on a network that you trust"
            .to_owned()),
        ("smtp", _) => Err(format!("after the port of smtp:// only ?tls=required or ?tls=none may follow; {ESCAPES}")),
        _ => Err(format!("is of a kind that is not known; {FORMS}")),
    }
}

fn host_and_port_of(text: &str, default_port: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']').ok_or("the ] after the IPv6 address is missing")?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| "between [ and ] belongs an IPv6 address")?;
            (host, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(in_name) {
        return Err(format!("names no host; {FORMS}; {ESCAPES}"));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        None => return Err("after the ] only a port may follow".to_owned()),
        Some(number) => number
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("the port has to be a number from 1 to 65535; {ESCAPES}"))?,
    };
    Ok((host.to_owned(), port))
}

fn login(userinfo: &str) -> Result<Login, String> {
    let wrong = || format!("before the @ belong a user and a password, user:password; {ESCAPES}");
    let (user, password) = userinfo.split_once(':').ok_or_else(wrong)?;
    let user = percent_decoded(user).filter(|user| !user.is_empty()).ok_or_else(wrong)?;
    let password = percent_decoded(password).filter(|password| !password.is_empty()).ok_or_else(wrong)?;
    Ok(Login { user, password: Zeroizing::new(password) })
}

/// None for a broken escape, or for a control character: NUL separates the fields of AUTH PLAIN.
fn percent_decoded(text: &str) -> Option<String> {
    if text.contains(['@', ':']) {
        return None;
    }
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let hex = part.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// For people: `mail.example.com:465`.
impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayUrl")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("signs_in", &self.credentials.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> RelayUrl {
        match MailUrl::parse(text) {
            Ok(MailUrl::Relay(relay)) => relay,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_forms_of_the_contract() {
        let implicit = relay("smtps://user:p%40ss%2Fw%C3%B6rd@mail.example.com:465");
        assert_eq!(
            (implicit.host.as_str(), implicit.port, implicit.tls),
            ("mail.example.com", 465, RelayTls::Implicit)
        );
        let login = implicit.credentials.expect("it has a login");
        assert_eq!((login.user.as_str(), login.password.as_str()), ("user", "p@ss/wörd"));

        let start = relay("smtp://mail.example.com:2587?tls=required");
        assert_eq!((start.port, start.tls, start.credentials.is_some()), (2587, RelayTls::StartTls, false));
        let plain = relay("smtp://relay:25?tls=none");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("relay", 25, RelayTls::None));
        assert!(matches!(MailUrl::parse("capture:"), Ok(MailUrl::Capture(None))));
        let Ok(MailUrl::Capture(Some(folder))) = MailUrl::parse("capture:/tmp/a mail") else { panic!("a folder") };
        assert_eq!(folder, PathBuf::from("/tmp/a mail"));
    }

    #[test]
    fn a_port_may_be_left_out_and_a_host_be_an_address() {
        assert_eq!(relay("smtps://mail.example.com").port, 465);
        assert_eq!(relay("SMTP://mail.example.com/?tls=required").port, 587);
        assert_eq!(relay("smtp://mail.example.com?tls=none").port, 25);
        let six = relay("smtp://[::1]:2525?tls=none");
        assert_eq!((six.host.as_str(), six.port), ("::1", 2525));
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        for (text, says) in [
            ("", "capture:"),
            ("smtp.example.com:25", "smtps://user:password@host:465"),
            ("http://mail.example.com", "smtps://"),
            ("capture", "capture:"),
            ("capture:mail", "whole path of a folder"),
            ("smtp://mail.example.com:587", "add ?tls=required"),
            ("smtp://mail.example.com:587?tls=opportunistic", "?tls=required or ?tls=none"),
            ("smtp://mail.example.com:587?tls=required&tls=none", "?tls=required or ?tls=none"),
            ("smtps://mail.example.com?tls=none", "always encrypted"),
            ("smtps://mail.example.com:0", "1 to 65535"),
            ("smtps://mail.example.com:99999", "1 to 65535"),
            ("smtps://:465", "names no host"),
            ("smtps://[mail]:465", "IPv6"),
            ("smtps://[::1:465", "]"),
            ("smtps:// mail.example.com", "blank"),
        ] {
            let message = MailUrl::parse(text).expect_err(text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn no_refusal_and_no_debug_repeats_the_password() {
        for text in [
            "smtps://user:hunter2/x@mail.example.com",
            "smtps://user:hunter2?x@mail.example.com",
            "smtps://user:hunter2#x@mail.example.com",
            "smtps://user:hunter2%zz@mail.example.com",
            "smtps://user:hunter2%é@mail.example.com",
            "smtps://user:hunter2%00@mail.example.com",
            "smtps://user:hunter2@x@mail.example.com",
            "smtps://user:hunter2 x@mail.example.com",
            "smtps://hunter2@mail.example.com",
            "smtps://:hunter2@mail.example.com",
            "smtps://user:hunter2@",
            "user:hunter2@mail.example.com",
            "smtp://user:hunter2@mail.example.com:587",
            "smtp://user:hunter2@mail.example.com:25?tls=none",
        ] {
            let message = MailUrl::parse(text).expect_err(text);
            assert!(!message.contains("hunter2"), "{message}");
        }
        let url = MailUrl::parse("smtps://someone:hunter2@mail.example.com");
        assert_eq!(
            format!("{url:?}"),
            "Ok(Relay(RelayUrl { host: \"mail.example.com\", port: 465, tls: Implicit, signs_in: true }))"
        );
    }

    #[test]
    fn a_password_travels_in_the_clear_only_within_the_machine() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"] {
            relay(&format!("smtp://user:hunter2@{host}:25?tls=none"));
        }
        for host in ["10.0.0.1", "localhost.example.com", "[fe80::1]", "127.0.0.1.example.com"] {
            let message = MailUrl::parse(&format!("smtp://user:hunter2@{host}:25?tls=none")).expect_err(host);
            assert!(message.contains("in the clear"), "{message}");
        }
    }
}
