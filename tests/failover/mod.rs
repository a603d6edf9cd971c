//! Dependencies on more than one server, one of which dies under load: Sentinel, Cluster, and Postgres with a replica.

mod drills;
mod exact;
mod flows;
mod lanes;
mod ledger;
mod postgres;
mod server;
mod subjects;
mod tls;
mod topology;
