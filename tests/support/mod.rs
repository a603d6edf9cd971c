//! What the tests stand on: real servers of their own, real nodes, and a client.

pub(crate) mod acl;
pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod conformance;
pub(crate) mod crowd;
pub(crate) mod held;
pub(crate) mod http;
pub(crate) mod jwt;
pub(crate) mod members;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod readers;
pub(crate) mod recruiters;
pub(crate) mod resp;
pub(crate) mod scrape;
pub(crate) mod smtp;
pub(crate) mod stories;
pub(crate) mod trips;
pub(crate) mod until;
pub(crate) mod wire;

pub(crate) use app::TestApp;
