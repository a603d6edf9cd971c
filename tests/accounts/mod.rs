//! Members: accounts, sessions, resets, profiles.

mod bearer;
mod client;
mod concurrency;
mod fences;
mod flow;
mod forgotten;
mod hashing;
mod limits;
mod log_in;
mod login_model;
mod lost_reply;
mod outage;
mod profile;
mod refresh;
mod refresh_model;
mod refusals;
mod reset;
mod resume;
mod rotation;
mod sessions;
mod sign_up;
mod throttle;
mod trips;
