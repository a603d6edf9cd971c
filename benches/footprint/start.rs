//! From the start of the process to its first good word about itself.

use std::time::Instant;

use super::NODE;
use crate::stage::client::Client;
use crate::stage::{Served, Servers};

/// Of so many starts, how long each took, in ms; the shortest first.
pub(crate) fn measure(servers: &Servers, starts: usize) -> Vec<f64> {
    let mut all: Vec<f64> = (0..starts).map(|_| one(servers)).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn one(servers: &Servers) -> f64 {
    let begun = Instant::now();
    let (node, _log) = Served::node_with_log(servers, &NODE);
    let (status, answer) = Client::connect(&node.admin).ask("GET /readyz HTTP/1.1\r\nhost: bench\r\n\r\n");
    assert_eq!(status, "200", "{answer}");
    begun.elapsed().as_secs_f64() * 1_000.0
}
