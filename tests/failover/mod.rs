//! Dependencies on more than one server, one of which dies under load.

mod postgres;
mod redis;
