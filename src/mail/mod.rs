//! Mail: what is written, to whom, and how it leaves the house.

pub mod address;
pub mod capture;
pub mod compose;
mod deliver;
mod idle;
mod job;
mod redact;
pub mod smtp;

pub use self::address::EmailAddress;
pub use self::capture::Capture;
pub use self::deliver::{Deliver, Post};
pub use self::job::{CodeJob, InvitationJob, NoticeJob, ResetJob};
