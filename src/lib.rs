//! Vestibule: the room that everyone passes through before an interview.
//!
//! Where to begin reading:
//!
//! - [`node`] is a node from its first connection to its last: what runs, and where.
//! - [`http`] takes a request apart; [`http::route`] names every endpoint.
//! - [`candidate`] is the main job. Its decisions are Lua files, typed in [`redis::scripts`].
//! - [`accounts`], [`sessions`], [`reset`] and [`profile`] are for members; [`access`] tells who is asking.
//! - [`pages`] is what people see in a browser.
//! - [`jobs`] carries out what decisions leave behind; [`mail`] is most of that.
//! - [`cli`] shows everything that the program can do in one `match`.

pub mod access;
pub mod accounts;
pub mod app;
pub mod audit;
pub mod candidate;
pub mod cli;
pub mod config;
pub mod dev;
pub mod fault;
pub mod health;
pub mod http;
pub mod id;
pub mod interviews;
pub mod jobs;
pub mod jwt;
pub mod keyring;
pub mod limits;
pub mod link;
pub mod mail;
pub mod metrics;
pub mod node;
pub mod pages;
pub mod password;
pub mod postgres;
pub mod profile;
pub mod random;
pub mod redis;
pub mod reset;
pub mod sessions;
pub mod telemetry;
pub mod test_recipients;
pub mod tls;
pub mod trace;
pub mod users;
