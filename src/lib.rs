//! Vestibule.

pub mod dev;
pub mod secret;
