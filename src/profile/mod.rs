//! A user's profile: the rules of its members, and the résumé.

pub mod fields;
pub mod resume;
