//! The résumé: what it may be, told by its content, and where it is kept.

mod docx;
mod kind;
mod store;

pub use self::kind::Kind;
pub use self::store::{Resumes, Stored};
