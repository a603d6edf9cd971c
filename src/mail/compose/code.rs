//! The mail with a one-time code.

use askama::Template;

use super::{Letter, minutes, one_line, rendered};

/// What the mail with a one-time code says.
#[expect(missing_debug_implementations, reason = "holds a code")]
pub struct CodeMail<'a> {
    /// Who invites.
    pub organisation: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The candidate's.
    pub name: &'a str,
    /// What the interview is for.
    pub position: &'a str,
    /// Six digits.
    pub code: &'a str,
    /// The public mark that page and mail share, such as `K7Q`.
    pub reference: &'a str,
    /// How long the code works.
    pub minutes_valid: u64,
}

/// Writes the mail with a code.
pub fn code(mail: &CodeMail<'_>) -> Letter {
    let organisation = one_line(mail.organisation);
    let name = one_line(mail.name);
    let position = one_line(mail.position);
    let valid_for = minutes(mail.minutes_valid);
    let (code, reference) = (mail.code, mail.reference);
    // The code comes first: a lock screen shows no more than the beginning.
    let subject = format!("{code} is your {organisation} interview code ({reference})");
    Letter {
        to: mail.to.to_owned(),
        name: name.clone(),
        text: rendered(&CodeText {
            organisation: &organisation,
            name: &name,
            position: &position,
            code,
            reference,
            valid_for: &valid_for,
        }),
        html: rendered(&CodeHtml {
            subject: &subject,
            organisation: &organisation,
            name: &name,
            position: &position,
            code,
            reference,
            valid_for: &valid_for,
        }),
        subject: one_line(&subject),
    }
}

#[derive(Template)]
#[template(path = "mail/templates/code.txt")]
struct CodeText<'a> {
    organisation: &'a str,
    name: &'a str,
    position: &'a str,
    code: &'a str,
    reference: &'a str,
    valid_for: &'a str,
}

#[derive(Template)]
#[template(path = "mail/templates/code.html")]
struct CodeHtml<'a> {
    subject: &'a str,
    organisation: &'a str,
    name: &'a str,
    position: &'a str,
    code: &'a str,
    reference: &'a str,
    valid_for: &'a str,
}
