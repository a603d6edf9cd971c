//! Vestibule.

pub mod dev;
