//! The mail that tells of a new password: whoever did not set it learns of it.

use askama::Template;
use time::OffsetDateTime;

use super::{Letter, one_line, readable, rendered};

/// What the mail about a changed password says.
#[derive(Debug)]
pub struct NoticeMail<'a> {
    /// Whose account it is.
    pub organisation: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The user's.
    pub username: &'a str,
    /// When the password was changed.
    pub changed_at: OffsetDateTime,
    /// The page where a reset is asked for.
    pub forgot_url: &'a str,
}

/// Writes the mail about a changed password.
pub fn notice(mail: &NoticeMail<'_>) -> Letter {
    let organisation = one_line(mail.organisation);
    let username = one_line(mail.username);
    let changed = readable(mail.changed_at);
    let subject = format!("Your {organisation} password was changed");
    Letter {
        to: mail.to.to_owned(),
        name: username.clone(),
        text: rendered(&NoticeText {
            organisation: &organisation,
            username: &username,
            changed: &changed,
            forgot_url: mail.forgot_url,
        }),
        html: rendered(&NoticeHtml {
            subject: &subject,
            organisation: &organisation,
            username: &username,
            changed: &changed,
            forgot_url: mail.forgot_url,
        }),
        subject,
    }
}

#[derive(Template)]
#[template(path = "mail/templates/notice.txt")]
struct NoticeText<'a> {
    organisation: &'a str,
    username: &'a str,
    changed: &'a str,
    forgot_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/templates/notice.html")]
struct NoticeHtml<'a> {
    subject: &'a str,
    organisation: &'a str,
    username: &'a str,
    changed: &'a str,
    forgot_url: &'a str,
}
