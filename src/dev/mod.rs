//! What a developer's machine needs and production does not.

pub mod servers;
