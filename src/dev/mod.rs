//! What development mode and the tests stand on.

pub mod servers;
