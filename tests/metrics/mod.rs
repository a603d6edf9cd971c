//! What a node tells whoever scrapes it, and what Prometheus makes of it.

mod promtool;
mod storm;
mod told;
