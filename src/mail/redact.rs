//! A relay's own words, fit for a log: relays quote addresses, and spam filters quote the mail.

use super::address::mask;
use super::compose::Letter;

const CHARS_MAX: usize = 200;

/// What is this long and stands in the letter as one word may be a link's token.
const TOKEN_CHARS_MIN: usize = 16;

/// Digits that stand in the letter are the code from this length on. Reply codes have three.
const CODE_CHARS_MIN: usize = 4;

/// Of a whole one.
const CODE_CHARS: usize = 6;

/// At most 200 characters, one line, addresses masked, nothing of the letter's secrets, nor the recipient's name.
pub(super) fn words(relay: &str, letter: Option<&Letter>) -> String {
    let one_line: String = relay.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let in_address = |c: char| c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c);
    let masked = map_runs(&one_line, in_address, masked_address);
    let unnamed = letter.map_or_else(|| masked.clone(), |letter| without(&letter.name, &masked));
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let quiet = map_runs(&unnamed, in_token, |run| match letter {
        Some(letter) if is_secret(run, letter) => "***".to_owned(),
        _ => run.to_owned(),
    });
    let trimmed = quiet.split_whitespace().collect::<Vec<_>>().join(" ");
    trimmed.chars().take(CHARS_MAX).collect()
}

fn masked_address(run: &str) -> String {
    match run.rsplit_once('@') {
        // The point that ends a sentence is not part of the domain.
        Some((user, domain)) => {
            let name = domain.trim_end_matches(|c: char| !c.is_alphanumeric());
            format!("{}{}", mask(user, name), &domain[name.len()..])
        }
        None => run.to_owned(),
    }
}

/// `text` with stars where the name stands, but not where it is a part of a word.
fn without(name: &str, text: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(name).filter(|_| !name.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let is_part =
            (out.ends_with(in_word) && before.is_empty()) || before.ends_with(in_word) || after.starts_with(in_word);
        out.push_str(before);
        out.push_str(if is_part { name } else { "***" });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_secret(run: &str, letter: &Letter) -> bool {
    let stands_in_it = |part: &str| letter.text.contains(part) || letter.subject.contains(part);
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let code = run.len() >= CODE_CHARS_MIN && digits(run) && stands_in_it(run);
    // The same of a code: `=3D012345`, or `012345_is_your`.
    let mut sixes = (CODE_CHARS..=run.len()).map(|end| &run[end - CODE_CHARS..end]);
    let quoted = sixes.any(|part| digits(part) && stands_in_it(part));
    // Not the run alone: a filter that quotes the letter as it is encoded writes `=3D` before the token of a reset.
    let token = (TOKEN_CHARS_MIN..=run.len()).any(|end| stands_in_it(&run[end - TOKEN_CHARS_MIN..end]));
    token || code || quoted
}

/// Replaces each longest run of characters of a kind.
fn map_runs(text: &str, of_kind: impl Fn(char) -> bool, replace: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(&of_kind) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c| !of_kind(c)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(&replace(run));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        for (relay, words_) in [
            ("550 5.1.1 <jane@example.com>: no such user", "550 5.1.1 <j***@e***.com>: no such user"),
            ("Unknown user jane.doe+x@mail.example.co.uk.", "Unknown user j***@m***.uk."),
            ("(jane@localhost)", "(j***@l***)"),
            ("rcpt=élodie@über.example;", "r***@ü***.example;"),
            ("a@b@example.com", "a***@e***.com"),
            ("see https://example.com/550 for help", "see https://example.com/550 for help"),
        ] {
            assert_eq!(words(relay, None), words_);
        }
    }

    #[test]
    fn one_line_of_at_most_200_characters() {
        assert_eq!(words("550 no\r\n\tsuch\u{1b}[31m user\0", None), "550 no such [31m user");
        assert_eq!(words(&"é".repeat(300), None).chars().count(), 200);
        // A mask is shorter than what it stands for: cut afterwards, or half an address is left standing.
        let long = format!("{} jane@example.com", "x".repeat(195));
        assert!(!words(&long, None).contains("jane"));
    }

    #[test]
    fn the_token_of_a_reset_is_not_repeated_however_it_is_quoted() {
        let letter = Letter {
            to: "jane@example.com".to_owned(),
            name: "Jane_D".to_owned(),
            subject: "Reset your Acme password".to_owned(),
            text: "Choose one here:\n\nhttps://acme.example/reset-password#token=3q2-7wAAqrvM3e7_ABEiM0\n".to_owned(),
            html: String::new(),
        };
        for (relay, words_) in [
            ("url reset-password#token=3q2-7wAAqrvM3e7_ABEiM0 is spam", "url reset-password#token=*** is spam"),
            (
                "<https://acme.example/reset-password#token=3q2-7wAAqrvM3e7_ABEiM0>",
                "<https://acme.example/reset-password#token=***>",
            ),
            ("reset-password#token=3D3q2-7wAAqrvM3e7_ABEiM0", "reset-password#token=***"),
            ("reset-password%23token%3D3q2-7wAAqrvM3e7_ABEiM0", "reset-password%23token%***"),
            ("token=3q2-7wAAqrvM3e7_...", "token=***..."),
            (
                "Reset your Acme password: queued as 4XyZ-0123456789abcdef",
                "Reset your Acme password: queued as 4XyZ-0123456789abcdef",
            ),
        ] {
            assert_eq!(words(relay, Some(&letter)), words_);
        }
    }

    #[test]
    fn the_name_of_the_recipient_is_not_repeated() {
        let mut letter = Letter {
            to: "jane@example.com".to_owned(),
            name: "Jo".to_owned(),
            subject: "Reset your Acme password".to_owned(),
            text: "Hello Jo,".to_owned(),
            html: String::new(),
        };
        assert_eq!(words("spam: Hello Jo, JoJo Jo's job; Jo", Some(&letter)), "spam: Hello ***, JoJo ***'s job; ***");
        letter.name = "Jo Élan".to_owned();
        assert_eq!(words("spam: Hello Jo Élan, Jo", Some(&letter)), "spam: Hello ***, Jo");
        letter.name = String::new();
        assert_eq!(words("spam", Some(&letter)), "spam");
    }

    #[test]
    fn what_the_letter_holds_is_not_repeated() {
        let letter = Letter {
            to: "jane@example.com".to_owned(),
            name: "Jane_D".to_owned(),
            subject: "012345 is your code".to_owned(),
            text: "https://acme.example/interview/join/3q2-7wAAqrvM3e7_ABEiM0".to_owned(),
            html: String::new(),
        };
        let relay = "554 spam: \"012345 is\" https://acme.example/interview/join/3q2-7wAAqrvM3e7_ABEiM0 id 987654";
        assert_eq!(
            words(relay, Some(&letter)),
            "554 spam: \"*** is\" https://acme.example/interview/join/*** id 987654"
        );
        for quoted in ["subject:=3D012345", "012345_is_your_code", "x-012345"] {
            assert!(!words(quoted, Some(&letter)).contains("012345"), "{quoted}");
        }
    }
}
