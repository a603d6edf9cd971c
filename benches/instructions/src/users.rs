//! Members: who they are, and what they may do.

#[path = "../../../src/users/id.rs"]
mod id;

pub use self::id::UserId;

/// As the product's, whose file needs Postgres. The compiler holds it to that one: a route matches all of its values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Keeps a profile.
    Member,
    /// Invites candidates.
    Recruiter,
    /// Sees the interviews of all recruiters.
    Admin,
}
