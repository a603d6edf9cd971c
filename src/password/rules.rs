//! What a new password must be.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{Password, common, secret_text};
use crate::config::{Accounts, CommonPasswords};

/// Length, and nothing that everybody tries first. No character classes: they make passwords that are hard to keep in
/// mind and easy to guess (NIST SP 800-63B).
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    min: usize,
    max: usize,
    common: CommonPasswords,
}

impl Rules {
    /// As configured.
    #[must_use]
    pub fn new(settings: &Accounts) -> Self {
        Self { min: settings.password_min, max: settings.password_max, common: settings.common_passwords }
    }

    /// Whether it may be the password of the user whose `own` username and address these are.
    ///
    /// # Errors
    /// What is wrong with it, for the one who chose it; follows the name of the member. Never repeats it.
    pub fn check(&self, password: &Password, own: &[&str]) -> Result<(), String> {
        let chars = password.chars();
        if chars < self.min {
            return Err(format!("must have at least {} characters", self.min));
        }
        if chars > self.max {
            return Err(format!("must have at most {} characters", self.max));
        }
        let folded = folded(&password.0);
        if self.common == CommonPasswords::Refuse && common::is_common(&folded) {
            return Err("is among the most common passwords; choose one that nobody would guess".to_owned());
        }
        if own.iter().any(|own| *self::folded(own) == *folded) {
            return Err("must not be your username or e-mail address; choose another".to_owned());
        }
        Ok(())
    }
}

/// Without regard to case.
fn folded(text: &str) -> Zeroizing<String> {
    let nfc = secret_text(text.nfc(), text.len());
    secret_text(nfc.chars().flat_map(char::to_lowercase), nfc.len())
}
