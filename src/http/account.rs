//! How the API writes a user, and a session of one.

use serde::Serialize;

use super::reply::rfc3339;
use crate::access::Opened;
use crate::users::User;

/// A user, as section 3 of the contract writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserBody<'a> {
    id: String,
    username: &'a str,
    email: &'a str,
    full_name: Option<&'a str>,
    phone: Option<&'a str>,
    years_of_experience: Option<i32>,
    skills: &'a [String],
    role: &'static str,
    created_at: String,
    profile: Profile,
}

#[derive(Debug, Serialize)]
struct Profile {
    complete: bool,
    missing: Vec<&'static str>,
}

impl<'a> UserBody<'a> {
    /// Of this user.
    #[must_use]
    pub fn of(user: &'a User) -> Self {
        let parts = [
            ("fullName", user.full_name.is_some()),
            ("phone", user.phone.is_some()),
            ("yearsOfExperience", user.years_of_experience.is_some()),
            ("skills", !user.skills.is_empty()),
            ("resume", user.has_resume),
        ];
        let missing: Vec<&str> = parts.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
        let created = u64::try_from(user.created.unix_timestamp()).unwrap_or(0) * 1_000;
        Self {
            id: user.id.to_string(),
            username: &user.username,
            email: &user.email,
            full_name: user.full_name.as_deref(),
            phone: user.phone.as_deref(),
            years_of_experience: user.years_of_experience,
            skills: &user.skills,
            role: user.role.name(),
            created_at: rfc3339(created),
            profile: Profile { complete: missing.is_empty(), missing },
        }
    }
}

/// What sign-up, log-in and refresh answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_debug_implementations, reason = "holds tokens")]
pub struct SessionBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    refresh_expires_in: u64,
    user: UserBody<'a>,
}

impl<'a> SessionBody<'a> {
    /// Of this session.
    #[must_use]
    pub fn of(opened: &'a Opened, user: &'a User) -> Self {
        Self {
            access_token: &opened.access_token,
            token_type: "Bearer",
            expires_in: opened.access_life.as_secs(),
            refresh_token: &opened.refresh_token,
            refresh_expires_in: opened.refresh_life.as_secs(),
            user: UserBody::of(user),
        }
    }
}
