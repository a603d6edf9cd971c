//! The letters: plain text and HTML, written for a nervous person with a phone.

use askama::Template;
use std::fmt;
use time::OffsetDateTime;
use time::macros::format_description;

/// Characters of a position that a subject shows: a phone cuts it at 40 or so, and a header should not run on.
const SUBJECT_POSITION_CHARS: usize = 60;

/// A letter ready to go. It holds a code or a link: it is never printed.
#[derive(Clone)]
pub struct Letter {
    /// The recipient's address.
    pub to: String,
    /// Its first characters are what a lock screen shows.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The part for those who show it.
    pub html: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").finish_non_exhaustive()
    }
}

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

fn rendered(template: &impl Template) -> String {
    template.render().expect("writing text into a String cannot fail")
}

/// What a person typed, as one line that cannot end a header, add a paragraph of its own to the text part, or turn
/// the direction of what follows it.
fn one_line(text: &str) -> String {
    let turns = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(turns).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
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

fn minutes(count: u64) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

fn readable(at: OffsetDateTime) -> String {
    let format = format_description!("[weekday], [day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    at.to_offset(time::UtcOffset::UTC).format(format).expect("every moment has these parts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const JOIN_URL: &str = "https://interviews.example.com/interview/join/3q2-7wAAqrvM3e7_ABEiM0RVZneImaq7";

    fn code_mail<'a>(name: &'a str, position: &'a str) -> CodeMail<'a> {
        CodeMail {
            organisation: "Acme",
            to: "ada@example.com",
            name,
            position,
            code: "012345",
            reference: "K7Q",
            minutes_valid: 10,
        }
    }

    fn invitation_mail<'a>(name: &'a str, position: &'a str) -> InvitationMail<'a> {
        InvitationMail {
            organisation: "Acme",
            to: "ada@example.com",
            name,
            position,
            duration_minutes: 60,
            join_url: JOIN_URL,
            expires_at: datetime!(2026-11-29 11:05 +1),
        }
    }

    #[test]
    fn the_code_comes_first_and_can_be_copied() {
        let letter = code(&code_mail("Ada Lovelace", "Backend Engineer"));
        assert_eq!(letter.subject, "012345 is your Acme interview code (K7Q)");
        assert_eq!(letter.to, "ada@example.com");
        assert!(letter.text.lines().any(|line| line == "012345"), "{}", letter.text);
        assert!(letter.html.contains(">012345<"), "the digits stand together in one element");
        for part in [&letter.text, &letter.html] {
            for said in
                ["Ada Lovelace", "Backend Engineer", "Acme", "K7Q", "10 minutes", "newest code", "never pass it on"]
            {
                assert!(part.contains(said), "{said} is missing in {part}");
            }
        }
    }

    #[test]
    fn the_invitation_tells_what_and_until_when() {
        let letter = invitation(&invitation_mail("Ada Lovelace", "Backend Engineer"));
        assert_eq!(letter.subject, "Your Acme interview: Backend Engineer");
        assert!(letter.text.lines().any(|line| line == JOIN_URL), "{}", letter.text);
        assert_eq!(letter.html.matches(&format!("href=\"{JOIN_URL}\"")).count(), 2, "button and text");
        for part in [&letter.text, &letter.html] {
            for said in ["Ada Lovelace", "60 minutes", "Sunday, 29 November 2026, 10:05 UTC", "6-digit code", "forward"]
            {
                assert!(part.contains(said), "{said} is missing in {part}");
            }
        }
    }

    #[test]
    fn what_people_type_is_text_and_nothing_else() {
        let name = "Zoë \"Z\" O'Neil 👩🏽‍💻 <script>alert(1)</script>";
        let position = "R&D \0<b>lead</b>\r\nBcc: eve@example.com\r\n\r\nHi\u{202e}";
        for letter in [code(&code_mail(name, position)), invitation(&invitation_mail(name, position))] {
            assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
            assert!(letter.text.contains(name), "{}", letter.text);
            assert!(letter.text.contains("R&D <b>lead</b> Bcc: eve@example.com Hi"), "{}", letter.text);
            assert!(!letter.html.contains("<script") && !letter.html.contains("<b>lead"), "{}", letter.html);
            assert!(letter.html.contains("Zoë") && letter.html.contains("👩🏽‍💻"));
            assert!(!letter.html.contains('\u{202e}') && !letter.text.contains('\u{202e}'));
        }
    }

    #[test]
    fn an_organisation_cannot_end_the_subject_either() {
        let mail = CodeMail { organisation: "Ac\nme\u{2028}", ..code_mail("Ada", "Engineer") };
        assert_eq!(code(&mail).subject, "012345 is your Ac me interview code (K7Q)");
    }

    #[test]
    fn a_long_position_is_cut_in_the_subject_alone() {
        let position = "é".repeat(200);
        let letter = invitation(&invitation_mail("Ada", &position));
        assert_eq!(letter.subject, format!("Your Acme interview: {}…", "é".repeat(59)));
        assert!(letter.text.contains(&position));
    }

    #[test]
    fn without_a_name_the_greeting_has_no_gap() {
        for letter in [code(&code_mail(" \t", "Engineer")), invitation(&invitation_mail("", "Engineer"))] {
            assert!(letter.text.starts_with("Hello,\n"), "{}", letter.text);
            assert!(letter.html.contains("Hello,"), "{}", letter.html);
        }
    }

    #[test]
    fn html_loads_nothing() {
        let letters = [code(&code_mail("Ada", "Engineer")), invitation(&invitation_mail("Ada", "Engineer"))];
        for letter in letters {
            for loads in ["src=", "url(", "@import", "<link", "<script", "background="] {
                assert!(!letter.html.contains(loads), "{loads}");
            }
        }
    }

    #[test]
    fn a_letter_cannot_be_printed() {
        let printed = format!("{:?}", code(&code_mail("Ada", "Engineer")));
        assert_eq!(printed, "Letter { .. }");
    }
}
