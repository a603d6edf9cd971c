//! Members: accounts, sessions, resets, profiles.

mod flow;
