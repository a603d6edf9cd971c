//! The mail with the link to an interview.

use askama::Template;
use time::OffsetDateTime;

use super::{Letter, minutes, one_line, readable, rendered};

/// Characters of a position that a subject shows: a phone cuts it at 40 or so, and a header should not run on.
const SUBJECT_POSITION_CHARS: usize = 60;

/// What the mail with the link says.
#[expect(missing_debug_implementations, reason = "holds a link that lets its bearer ask for codes")]
pub struct InvitationMail<'a> {
    /// Who invites.
    pub organisation: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The candidate's.
    pub name: &'a str,
    /// What the interview is for.
    pub position: &'a str,
    /// Length of the interview.
    pub duration_minutes: u64,
    /// Holds the link's token.
    pub join_url: &'a str,
    /// When the link ends.
    pub expires_at: OffsetDateTime,
}

/// Writes the mail with a link.
pub fn invitation(mail: &InvitationMail<'_>) -> Letter {
    let organisation = one_line(mail.organisation);
    let name = one_line(mail.name);
    let position = one_line(mail.position);
    let lasts = minutes(mail.duration_minutes);
    let until = readable(mail.expires_at);
    let subject = format!("Your {organisation} interview: {}", cut(&position));
    Letter {
        to: mail.to.to_owned(),
        name: name.clone(),
        text: rendered(&InvitationText {
            organisation: &organisation,
            name: &name,
            position: &position,
            lasts: &lasts,
            until: &until,
            join_url: mail.join_url,
        }),
        html: rendered(&InvitationHtml {
            subject: &subject,
            organisation: &organisation,
            name: &name,
            position: &position,
            lasts: &lasts,
            until: &until,
            join_url: mail.join_url,
        }),
        subject,
    }
}

#[derive(Template)]
#[template(path = "mail/templates/invitation.txt")]
struct InvitationText<'a> {
    organisation: &'a str,
    name: &'a str,
    position: &'a str,
    lasts: &'a str,
    until: &'a str,
    join_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/templates/invitation.html")]
struct InvitationHtml<'a> {
    subject: &'a str,
    organisation: &'a str,
    name: &'a str,
    position: &'a str,
    lasts: &'a str,
    until: &'a str,
    join_url: &'a str,
}

fn cut(position: &str) -> String {
    if position.chars().count() <= SUBJECT_POSITION_CHARS {
        return position.to_owned();
    }
    let kept: String = position.chars().take(SUBJECT_POSITION_CHARS - 1).collect();
    // At a word's end, where there is one.
    let kept = kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words);
    format!("{}…", kept.trim_end())
}
