//! The members of a profile: what each may be. Pure; a refusal is words for the client.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use phonenumber::Mode;

use crate::users::tidy;

/// E.164 has 15 digits; the rest is room for what people put between them.
const PHONE_CHARS_MAX: usize = 40;
/// From sixteen to seventy-six.
const YEARS: RangeInclusive<i64> = 0..=60;
/// `Internationalization and localization (i18n, l10n)` does not fit; a shorter name for it does.
const SKILL_CHARS_MAX: usize = 50;
/// More than anybody reads. 50 x 50 characters of 4 bytes are 10 KB.
const SKILLS_MAX: usize = 50;

/// A phone number in E.164, as `+41446681800`.
///
/// # Errors
/// What would be right.
pub(super) fn phone(text: &str) -> Result<String, &'static str> {
    const RIGHT: &str = "must be a phone number with its country's code, as +41 44 668 18 00";
    // Many write the zero of their own country into it, for those who leave the code away.
    let text = text.trim().replace("(0)", "");
    let digits = text.strip_prefix('+').ok_or(RIGHT)?;
    let takes = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')');
    if text.chars().count() > PHONE_CHARS_MAX || !digits.chars().all(takes) {
        return Err(RIGHT);
    }
    let plain = format!("+{}", digits.chars().filter(char::is_ascii_digit).collect::<String>());
    let number = phonenumber::parse(None, &plain).map_err(|_| RIGHT)?;
    // The library drops what is dialled before numbers inside a country also where it belongs
    // to the number, and then it is another one.
    if !phonenumber::is_valid(&number) || number.format().mode(Mode::E164).to_string() != plain {
        return Err(RIGHT);
    }
    Ok(plain)
}

/// Reads the numbering plans of the world, for which the first number would wait otherwise,
/// and everybody on its thread.
pub fn warm_up() {
    let _known_to_be_right = phone("+41446681800");
}

/// Years of experience.
///
/// # Errors
/// What would be right.
pub(super) fn years_of_experience(years: i64) -> Result<u8, String> {
    let right = || format!("must be {} to {}", YEARS.start(), YEARS.end());
    u8::try_from(years).ok().filter(|_| YEARS.contains(&years)).ok_or_else(right)
}

/// Skills, each once, as it was first spelt.
///
/// # Errors
/// What would be right.
pub(super) fn skills(texts: &[String]) -> Result<Vec<String>, String> {
    let (mut skills, mut seen) = (Vec::new(), HashSet::new());
    for text in texts {
        let skill = tidy(text);
        if !(1..=SKILL_CHARS_MAX).contains(&skill.chars().count()) {
            return Err(format!("must have 1 to {SKILL_CHARS_MAX} characters each"));
        }
        if seen.insert(skill.to_lowercase()) {
            skills.push(skill);
        }
    }
    match skills.len() {
        0..=SKILLS_MAX => Ok(skills),
        _ => Err(format!("must be at most {SKILLS_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_kept_in_e164() {
        for (written, kept) in [
            ("+41446681800", "+41446681800"),
            (" +41 44 668 18 00 ", "+41446681800"),
            ("+41 (0)44 668.18-00", "+41446681800"),
            ("+44 (0)20/7946 0018", "+442079460018"),
            ("+1 (212) 555-0123", "+12125550123"),
            ("+39 02 3661 8300", "+390236618300"),
            ("+5491123456789", "+5491123456789"),
            ("+33\u{a0}6\u{a0}12\u{a0}34\u{a0}56\u{a0}78", "+33612345678"),
        ] {
            assert_eq!(phone(written), Ok(kept.to_owned()), "{written}");
        }
    }

    #[test]
    fn what_nobody_can_call_is_no_phone_number() {
        for wrong in [
            "",
            "+",
            "++41446681800",
            "0446681800",
            "0041446681800",
            "41446681800",
            "+41",
            "+414466818",
            "+41446681800123456789",
            "+999123456789",
            "+12125550",
            "+1 800 FLOWERS",
            "+41446681800 ext. 5",
            "+41446681800x5",
            "+41446681800;ext=5",
            "tel:+41446681800",
            "call +41446681800",
            "+41446681800 +41446681800",
            "+\u{ff14}\u{ff11}446681800",
            // The library drops the 8, the 06 and the 0 that are dialled inside the country.
            "+78005553535",
            "+36 06 1 234 5678",
            "+44 020 7946 0018",
            &format!("+41446681800{}", " -".repeat(20)),
        ] {
            assert!(phone(wrong).is_err(), "{wrong}: {:?}", phone(wrong));
        }
    }

    #[test]
    fn years_are_0_to_60() {
        assert_eq!(years_of_experience(0), Ok(0));
        assert_eq!(years_of_experience(60), Ok(60));
        for wrong in [-1, 61, 256, 316, i64::MIN, i64::MAX] {
            assert_eq!(years_of_experience(wrong).unwrap_err(), "must be 0 to 60", "{wrong}");
        }
    }

    #[test]
    fn a_skill_stands_once_as_it_was_first_spelt() {
        let of = |texts: &[&str]| skills(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]).unwrap(), [""; 0]);
        assert_eq!(of(&[" Rust ", "SQL", "rust", "RUST", "C"]).unwrap(), ["Rust", "SQL", "C"]);
        assert_eq!(of(&["Pre\u{301}sentation", "PR\u{c9}SENTATION"]).unwrap(), ["Pr\u{e9}sentation"]);
        assert!(of(&[&"é".repeat(50)]).is_ok());
        for wrong in ["", "  ", &"é".repeat(51)] {
            assert_eq!(of(&["Rust", wrong]).unwrap_err(), "must have 1 to 50 characters each");
        }
        let many = (0..51).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(skills(&many).unwrap_err(), "must be at most 50");
        assert_eq!(skills(&[&many[..50], &many[..50]].concat()).unwrap().len(), 50);
    }
}
