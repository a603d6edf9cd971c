//! Recruiters: what they make, what they are told, and what they can take away.

mod flow;
mod limits;
