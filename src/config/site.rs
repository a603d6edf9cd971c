//! Who this is, to the people who get its mail and to the proxies before it.

use std::fmt;

use hyper::Uri;
use ipnet::IpNet;
use lettre::message::Mailbox;

use super::parse::{self, Wrong};
use super::reader::{Key, Reader};

/// No default: a link to the wrong host, mailed to a candidate, cannot be called back.
const PUBLIC_URL: Key =
    Key::required("public_url", "https://interviews.example.com", "the origin of every link that is mailed");
/// Empty, since the display name of `mail.from` says it already.
const ORGANISATION: Key =
    Key::new("organisation", "", "the name that mails use; empty is the name in mail.from, or else its domain")
        .example("Acme");
/// Empty: whoever is believed to be a proxy chooses the address that limits count.
const TRUSTED_PROXIES: Key =
    Key::new("trusted_proxies", "", "the networks whose X-Forwarded-For is believed").example("10.0.0.0/8");

/// A mail's subject holds it beside the code; a phone shows some 40 characters of that.
const ORGANISATION_CHARS_MAX: usize = 100;

/// The origin of every link: scheme, host and, where it is not the scheme's, the port; nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    host: String,
}

impl PublicUrl {
    /// Reads an origin.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse_origin(text).map_err(|wrong| format!("{}; {}", wrong.what, wrong.right))
    }

    /// Without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without the port; an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_origin(text: &str) -> Result<PublicUrl, Wrong> {
    let wrong = |what| Err(Wrong::new(what, "write scheme and host, as \"https://interviews.example.com\""));
    // `Uri` drops a fragment without a word.
    if text.contains('#') {
        return wrong("has a fragment");
    }
    let Ok(uri) = text.parse::<Uri>() else {
        return wrong("is not a URL");
    };
    let default_port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return wrong("is neither http nor https"),
    };
    let Some(authority) = uri.authority() else {
        return wrong("has no host");
    };
    if authority.as_str().contains('@') {
        return wrong("has a user or a password");
    }
    if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
        return wrong("has more than an origin");
    }
    let host = authority.host().to_ascii_lowercase();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if host.is_empty() || !(host.starts_with('[') || host.bytes().all(is_name)) {
        return wrong("has no host that a link can name");
    }
    let port = match &authority.as_str()[authority.host().len()..] {
        "" => String::new(),
        port => match port[1..].parse::<u16>() {
            Ok(0) | Err(_) => return wrong("has a port that is none"),
            Ok(port) if port == default_port => String::new(),
            Ok(port) => format!(":{port}"),
        },
    };
    let scheme = uri.scheme_str().unwrap_or_default();
    Ok(PublicUrl { text: format!("{scheme}://{host}{port}"), host })
}

pub(super) fn public_url(reader: &mut Reader) -> PublicUrl {
    reader.text(&PUBLIC_URL, parse_origin)
}

pub(super) fn organisation(reader: &mut Reader) -> String {
    reader.text(&ORGANISATION, parse::line(ORGANISATION_CHARS_MAX))
}

pub(super) fn organisation_or(written: String, from: &Mailbox) -> String {
    match (written.is_empty(), &from.name) {
        (false, _) => written,
        (true, Some(name)) => name.clone(),
        (true, None) => from.email.domain().to_owned(),
    }
}

pub(super) fn trusted_proxies(reader: &mut Reader) -> Vec<IpNet> {
    reader.list(&TRUSTED_PROXIES, parse::network)
}

#[cfg(test)]
mod tests {
    use super::PublicUrl;

    #[test]
    fn a_public_url_is_an_origin() {
        for (text, expected) in [
            ("https://Interviews.Example.com/", "https://interviews.example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().as_str(), expected);
        }
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://a@example.com",
            "https://example.com/x",
            "https://example.com?x",
            "https://example.com#x",
            "https://example.com:x",
            "https://example.com:",
            "https://exa_mple.com",
            "https://example.com//",
            "https://example.com:0",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }
}
