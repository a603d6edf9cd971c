//! Members, as Postgres keeps them.

mod id;
mod login;
mod name;
mod store;

use std::fmt;

use time::OffsetDateTime;
use utoipa::ToSchema;

pub use self::id::UserId;
pub use self::login::Login;
pub use self::name::{full_name, tidy};
pub use self::store::{Created, NewUser, PasswordHash, ProfileChange, Unread, Users};

/// What a user may do: what the roles before it may, and more.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Role {
    /// Keeps a profile.
    Member,
    /// Invites candidates.
    Recruiter,
    /// Sees the interviews of all recruiters.
    Admin,
}

impl Role {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Member, Self::Recruiter, Self::Admin];

    /// Its name in the contract, in Postgres and in Redis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Recruiter => "recruiter",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A user, without the hash of the password.
#[derive(Clone)]
pub struct User {
    /// For ever.
    pub id: UserId,
    /// As it was typed at sign-up.
    pub username: String,
    /// As it was typed at sign-up.
    pub email: String,
    /// Where it is known.
    pub full_name: Option<String>,
    /// E.164, where it is known.
    pub phone: Option<String>,
    /// 0 to 60, where it is known.
    pub years_of_experience: Option<i32>,
    /// At most 50.
    pub skills: Vec<String>,
    /// What the user may do.
    pub role: Role,
    /// Counts changes of the role.
    pub role_version: i64,
    /// Counts changes of the password.
    pub password_version: i64,
    /// Of the account.
    pub created: OffsetDateTime,
    /// Whether there is one.
    pub has_resume: bool,
}

impl fmt::Debug for User {
    /// The rest is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}
