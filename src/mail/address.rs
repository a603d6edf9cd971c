//! An e-mail address, and the form of it that strangers may see.

use std::fmt;

/// RFC 5321 allows a path of 256 octets, two of which are the angle brackets.
const BYTES_MAX: usize = 254;

/// An address that a relay can be asked to deliver to. Its `Debug` is masked: addresses are personal data.
#[derive(Clone)]
pub struct EmailAddress(lettre::Address);

impl EmailAddress {
    /// `None` where no relay would take it, or it is too long.
    pub fn parse(text: &str) -> Option<EmailAddress> {
        // lettre accepts quoted local parts, and what is quoted could otherwise hold a line break.
        if text.len() > BYTES_MAX || text.contains(char::is_control) {
            return None;
        }
        text.parse().ok().map(EmailAddress)
    }

    /// The whole address, for a relay or for sealing.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// `j***@e***.com`
    pub fn masked(&self) -> String {
        mask(self.0.user(), self.0.domain())
    }

    /// The same of a text that was an address when it was kept; `***` where it is none any more.
    pub fn mask_of(text: &str) -> String {
        Self::parse(text).map_or_else(|| "***".to_owned(), |email| email.masked())
    }

    pub(super) fn into_inner(self) -> lettre::Address {
        self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

/// The first character of each side and the last label: of a short address no more than of a long one.
pub(super) fn mask(user: &str, domain: &str) -> String {
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let last_label = domain.rfind('.').map_or("", |dot| &domain[dot..]);
    format!("{}***@{}***{last_label}", first(user), first(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_two_letters_and_the_last_label() {
        for (address, masked) in [
            ("jane.doe@example.com", "j***@e***.com"),
            ("a@b.co", "a***@b***.co"),
            ("jane@mail.example.co.uk", "j***@m***.uk"),
            ("jane@localhost", "j***@l***"),
            ("élodie@über.example", "é***@ü***.example"),
            ("日本@日本.jp", "日***@日***.jp"),
        ] {
            let parsed = EmailAddress::parse(address).expect(address);
            assert_eq!(parsed.masked(), masked);
            assert_eq!(parsed.as_str(), address);
            assert_eq!(format!("{parsed:?}"), format!("EmailAddress({masked})"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "jane@@example.com",
            "jane doe@example.com",
            " jane@example.com",
            "jane@example.com ",
            "jane@example.com\r\nBcc: eve@example.com",
            "\"ja\nne\"@example.com",
            "\"ja\tne\"@example.com",
            "jane@exa\u{0}mple.com",
            "Jane <jane@example.com>",
            "jane@example.com,eve@example.com",
            "jane@-example.com",
            "jane@example..com",
        ] {
            assert!(EmailAddress::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn an_address_has_at_most_254_bytes() {
        let domain = format!("{}.{}.{}.example", "a".repeat(60), "b".repeat(60), "c".repeat(60));
        let fits = format!("{}@{domain}", "j".repeat(BYTES_MAX - 1 - domain.len()));
        assert_eq!(fits.len(), 254);
        assert!(EmailAddress::parse(&fits).is_some());
        assert!(EmailAddress::parse(&format!("j{fits}")).is_none());
    }
}
