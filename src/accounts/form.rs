//! What a person types to make an account: judged all at once, with words for each field.

use crate::mail::EmailAddress;
use crate::password::{Password, Rules};
use crate::users::{full_name, tidy};

/// As it came.
pub(super) struct Typed {
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) full_name: Option<String>,
}

/// As it may be kept.
pub(super) struct SignUp {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password: Password,
    pub(super) full_name: Option<String>,
}

/// A field, and what would be right for it.
pub(super) type Wrong = (&'static str, String);

impl Typed {
    /// Judges every field.
    pub(super) fn read(self, rules: &Rules) -> Result<SignUp, Vec<Wrong>> {
        let mut wrong: Vec<Wrong> = Vec::new();
        let username = match self.username.as_deref().map(str::trim) {
            Some(name) if is_username(name) => Some(name.to_owned()),
            Some(_) => refuse(&mut wrong, "username", "must be 3 to 20 letters (A to Z), digits or underscores"),
            None => refuse(&mut wrong, "username", REQUIRED),
        };
        let email = match self.email.as_deref().map(|email| EmailAddress::parse(&tidy(email))) {
            Some(Some(email)) => Some(email.as_str().to_owned()),
            Some(None) => refuse(&mut wrong, "email", "must be an e-mail address, as ada@example.com"),
            None => refuse(&mut wrong, "email", REQUIRED),
        };
        let own: Vec<&str> = [&username, &email].into_iter().flatten().map(String::as_str).collect();
        let password = match self.password.map(|password| rules.check(&password, &own).map(|()| password)) {
            Some(Ok(password)) => Some(password),
            Some(Err(message)) => refuse(&mut wrong, "password", message),
            None => refuse(&mut wrong, "password", REQUIRED),
        };
        let full_name = match self.full_name.as_deref().map(full_name) {
            Some(Ok(name)) => name,
            Some(Err(message)) => refuse(&mut wrong, "fullName", message),
            None => None,
        };
        match (username, email, password) {
            (Some(username), Some(email), Some(password)) if wrong.is_empty() => {
                Ok(SignUp { username, email, password, full_name })
            }
            _ => Err(wrong),
        }
    }
}

const REQUIRED: &str = "is required";

fn refuse<T>(wrong: &mut Vec<Wrong>, field: &'static str, message: impl Into<String>) -> Option<T> {
    wrong.push((field, message.into()));
    None
}

fn is_username(name: &str) -> bool {
    (3..=20).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
