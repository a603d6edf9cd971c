//! The letters: plain text and HTML, written for a nervous person with a phone.

mod code;
mod invitation;
mod notice;
mod reset;
#[cfg(test)]
mod tests;

use askama::Template;
use std::fmt;
use time::OffsetDateTime;
use time::macros::format_description;

pub use self::code::{CodeMail, code};
pub use self::invitation::{InvitationMail, invitation};
pub use self::notice::{NoticeMail, notice};
pub use self::reset::{ResetMail, reset};

/// A letter ready to go. It holds a code or a link: it is never printed.
#[derive(Clone)]
pub struct Letter {
    /// The recipient's address.
    pub to: String,
    /// What the letter calls the recipient.
    pub name: String,
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

fn minutes(count: u64) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

fn readable(at: OffsetDateTime) -> String {
    let format = format_description!("[weekday], [day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    at.to_offset(time::UtcOffset::UTC).format(format).expect("every moment has these parts")
}
