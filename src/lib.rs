//! Vestibule.

pub mod config;
pub mod dev;
pub mod secret;
