//! Redis beyond one server: Sentinel and Cluster, real ones, and what becomes of the service when a primary does not.

mod drills;
mod elsewhere;
mod exact;
mod flows;
mod lanes;
mod ledger;
mod server;
mod stale;
mod subjects;
mod tls;
mod topology;
