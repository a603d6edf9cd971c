//! What a node tells whoever scrapes it, and what Prometheus makes of it.

// It takes a while, and lies with what `make test-all` alone runs.
#[path = "../fleet/prometheus.rs"]
mod prometheus;
mod promtool;
mod storm;
mod told;
