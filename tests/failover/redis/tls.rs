//! TLS to Redis, to its sentinels and between them, with certificates made on the spot.

use super::drills::{Drill, Fall};
use super::flows::{candidate, nodes_on};
use super::topology::{Kind, Topology};
use crate::support::app::{Setup, vestibule};

/// The candidate's way on it, and the answer of a node that does not trust its authority.
async fn walk(kind: Kind) {
    let topology = Topology::start(kind, true).await;
    let app = nodes_on(&topology, Setup::new()).await;
    candidate(&app).await;

    let output = vestibule(&["check"], &[("VESTIBULE_REDIS__URL", &topology.url())]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(" redis ")).unwrap();
    assert!(line.starts_with("FAIL"), "{line}");
}

#[tokio::test]
#[ignore = "beside the other ways to run Redis"]
async fn a_candidate_gets_in_over_tls() {
    walk(Kind::Single).await;
}

#[tokio::test]
#[ignore = "starts five servers"]
async fn a_candidate_gets_in_over_tls_and_sentinel() {
    walk(Kind::Sentinel).await;
}

#[tokio::test]
#[ignore = "starts six servers"]
async fn a_candidate_gets_in_over_tls_and_a_cluster() {
    walk(Kind::Cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn sentinel_over_tls_survives_its_primary() {
    let mut drill = Drill::on(Kind::Sentinel, true).await;
    drill.fall(Fall::Killed).await;
}
