//! How the API writes a user, and a session of one.

use serde::Serialize;
use utoipa::ToSchema;

use super::reply::rfc3339;
use crate::access::Opened;
use crate::postgres::unix_ms;
use crate::users::{Role, User};

/// A member, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub struct UserBody<'a> {
    #[schema(format = "uuid")]
    id: String,
    #[schema(examples("ada"))]
    username: &'a str,
    #[schema(examples("ada@example.com"))]
    email: &'a str,
    #[schema(required, examples("Ada Lovelace"))]
    full_name: Option<&'a str>,
    /// E.164.
    #[schema(required, pattern = r"^\+[0-9]{4,15}$", examples("+41446681800"))]
    phone: Option<&'a str>,
    #[schema(required, minimum = 0, maximum = 60)]
    years_of_experience: Option<i32>,
    #[schema(max_items = 50)]
    skills: &'a [String],
    #[schema(value_type = Role)]
    role: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    profile: Profile,
}

/// How much of a profile there is.
#[derive(Debug, Serialize, ToSchema)]
struct Profile {
    complete: bool,
    /// Of `fullName`, `phone`, `yearsOfExperience`, `skills` and `resume`.
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
        Self {
            id: user.id.to_string(),
            username: &user.username,
            email: &user.email,
            full_name: user.full_name.as_deref(),
            phone: user.phone.as_deref(),
            years_of_experience: user.years_of_experience,
            skills: &user.skills,
            role: user.role.name(),
            created_at: rfc3339(unix_ms(user.created)),
            profile: Profile { complete: missing.is_empty(), missing },
        }
    }
}

/// A session of a member.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
#[expect(missing_debug_implementations, reason = "holds tokens")]
pub struct SessionBody<'a> {
    /// A JWT, for `Authorization: Bearer`.
    access_token: &'a str,
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// Seconds that the access token works.
    expires_in: u64,
    /// For one exchange.
    refresh_token: &'a str,
    /// Seconds that the session lives without one.
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
