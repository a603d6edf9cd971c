//! What an interview must be, whoever makes it.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::mail::EmailAddress;
use crate::users::tidy;

/// A name and a position have to fit a mail and a page.
const TEXT_CHARS_MAX: usize = 200;
/// A minute to a day.
pub const MINUTES: RangeInclusive<i64> = 1..=1_440;
/// An hour to a year.
pub const HOURS: RangeInclusive<i64> = 1..=8_760;

/// A name or a position.
///
/// # Errors
/// What would be right.
pub fn text(typed: &str) -> Result<String, String> {
    let text = tidy(typed);
    let fits = (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text)
    } else {
        Err(format!("must have 1 to {TEXT_CHARS_MAX} characters, none of them control characters"))
    }
}

/// Where codes go.
///
/// # Errors
/// What would be right.
pub(super) fn email(typed: &str) -> Result<String, String> {
    let email = EmailAddress::parse(&tidy(typed)).ok_or("must be one e-mail address, as ada@example.com")?;
    Ok(email.as_str().to_owned())
}

/// Length of the interview.
///
/// # Errors
/// What would be right.
pub(super) fn minutes(typed: i64) -> Result<i32, String> {
    let fits = i32::try_from(typed).ok().filter(|_| MINUTES.contains(&typed));
    fits.ok_or_else(|| format!("must be {} to {}", MINUTES.start(), MINUTES.end()))
}

/// How long the link works.
///
/// # Errors
/// What would be right.
pub(super) fn life(hours: i64) -> Result<Duration, String> {
    let fits = u64::try_from(hours).ok().filter(|_| HOURS.contains(&hours));
    fits.map(|hours| Duration::from_secs(hours * 3_600))
        .ok_or_else(|| format!("must be {} to {}", HOURS.start(), HOURS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mail_and_a_page_can_show_is_a_text() {
        assert_eq!(text(" Ada\u{301} Lovelace ").unwrap(), "Ad\u{e1} Lovelace");
        assert!(text(&"é".repeat(200)).is_ok());
        for wrong in ["", "  ", "a\nb", &"é".repeat(201)] {
            assert!(text(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_have_their_bounds() {
        assert_eq!((minutes(1), minutes(1_440)), (Ok(1), Ok(1_440)));
        assert_eq!(life(1), Ok(Duration::from_secs(3_600)));
        assert!(life(8_760).is_ok());
        for wrong in [i64::MIN, -1, 0, i64::MAX] {
            assert!(minutes(wrong).is_err() && life(wrong).is_err(), "{wrong}");
        }
        assert_eq!(minutes(1_441).unwrap_err(), "must be 1 to 1440");
        assert_eq!(life(8_761).unwrap_err(), "must be 1 to 8760");
    }

    #[test]
    fn an_address_is_one_that_a_relay_takes() {
        assert_eq!(email(" ada@example.com ").unwrap(), "ada@example.com");
        assert!(email("ada").is_err());
    }
}
