//! The mail with a link that sets a new password.

use askama::Template;

use super::{Letter, minutes, one_line, rendered};

/// What the mail with a reset link says.
#[expect(missing_debug_implementations, reason = "holds a link that lets its bearer set the password")]
pub struct ResetMail<'a> {
    /// Whose account it is.
    pub organisation: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The user's.
    pub username: &'a str,
    /// Holds the token, in its fragment.
    pub url: &'a str,
    /// How long the link works.
    pub minutes_valid: u64,
}

/// Writes the mail with a reset link.
pub fn reset(mail: &ResetMail<'_>) -> Letter {
    let organisation = one_line(mail.organisation);
    let username = one_line(mail.username);
    let valid_for = minutes(mail.minutes_valid);
    let subject = format!("Reset your {organisation} password");
    Letter {
        to: mail.to.to_owned(),
        name: username.clone(),
        text: rendered(&ResetText {
            organisation: &organisation,
            username: &username,
            url: mail.url,
            valid_for: &valid_for,
        }),
        html: rendered(&ResetHtml {
            subject: &subject,
            organisation: &organisation,
            username: &username,
            url: mail.url,
            valid_for: &valid_for,
        }),
        subject,
    }
}

#[derive(Template)]
#[template(path = "mail/templates/reset.txt")]
struct ResetText<'a> {
    organisation: &'a str,
    username: &'a str,
    url: &'a str,
    valid_for: &'a str,
}

#[derive(Template)]
#[template(path = "mail/templates/reset.html")]
struct ResetHtml<'a> {
    subject: &'a str,
    organisation: &'a str,
    username: &'a str,
    url: &'a str,
    valid_for: &'a str,
}
