//! Whether a failover lets anybody do a thing more often than they may.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

use super::drills::setup;
use super::flows::nodes_on;
use super::ledger::Ledger;
use super::subjects::{Tally, Trier, WHAT};
use super::topology::{Kind, Topology};
use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;

/// Rounds of everything that are under way when the primary is killed.
const TRIERS: usize = 4;
/// Of each kind: with 16 partitions on three shards, some are on the one that falls.
const SUBJECTS: usize = 8;

async fn killed_under_load(kind: Kind) {
    let mut topology = Topology::start(kind, false).await;
    let app = Arc::new(nodes_on(&topology, setup()).await);
    let recruiter = app.member_with("grace", "recruiter").await.access;
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut triers = JoinSet::new();
    for nth in 0..TRIERS {
        let (app, tally, recruiter) = (Arc::clone(&app), Arc::clone(&tally), recruiter.clone());
        let trier = Trier { app, recruiter, tally, name: format!("t{nth}") };
        triers.spawn(async move {
            for nth in 0.. {
                trier.round(nth).await;
            }
        });
    }
    let ledger = Ledger::on(topology.primary());
    until("some rounds", async || (tally.lock().unwrap().tried[5] >= 4).then_some(())).await;
    topology.primary_mut().kill();
    let fell = Instant::now();
    topology.elected().await;
    let lost = ledger.compare(topology.primary());
    let rounds = tally.lock().unwrap().tried[5] + 2 * TRIERS;
    until("rounds after it", async || (tally.lock().unwrap().tried[5] >= rounds).then_some(())).await;
    triers.shutdown().await;

    let tally = tally.lock().unwrap();
    let at_risk = tally.acknowledged.iter().filter(|at| (lost.since..=fell).contains(*at)).count();
    println!(
        "{kind:?}, killed under load: {} acknowledged writes of the ledger lost (the last {} us before the kill), \
        {at_risk} answers of ours given since",
        lost.writes,
        (fell - lost.since).as_micros()
    );
    for (what, (tried, beyond)) in WHAT.iter().zip(tally.tried.iter().zip(tally.beyond)) {
        println!("    {what:36} {beyond:3} of {tried:4} tried");
    }
    assert!(tally.beyond.iter().sum::<usize>() <= at_risk, "more was exceeded than Redis has forgotten");
}

/// Somebody who has had all that they may have.
struct Spent {
    used: (Link, String),
    locked: (Link, String),
    member: Member,
    reset: (String, String),
}

impl Spent {
    async fn all(app: &TestApp, nth: usize) -> Self {
        let used = app.invite(&format!("used{nth}@example.com")).await;
        let code = app.code(&used).await;
        app.verify(&used, &code).await.assert_status(200);
        let locked = app.invite(&format!("locked{nth}@example.com")).await;
        let right = app.code(&locked).await;
        let wrong = if right == "111111" { "222222" } else { "111111" };
        app.verify(&locked, wrong).await.assert_status(401);
        app.verify(&locked, wrong).await.assert_status(401);
        app.verify(&locked, wrong).await.assert_status(429);

        let member = app.member(&format!("refreshed{nth}")).await;
        let next = app.refresh(&member.refresh).await.assert_status(200).text_of("refreshToken");
        app.refresh(&next).await.assert_status(200);
        let other = app.member(&format!("reset{nth}")).await;
        app.post("/auth/forgot-password", &json!({"email": other.email})).await.assert_status(202);
        let token = app.reset_token(&other.email, 1).await;
        app.reset(&token, "another horse battery").await.assert_status(204);
        for _ in 0..5 {
            app.log_in(&other.username, "wrong").await.assert_status(401);
        }
        Self { used: (used, code), locked: (locked, right), member, reset: (token, other.username) }
    }

    async fn assert_no_more(&self, app: &TestApp) {
        app.verify(&self.used.0, &self.used.1).await.assert_problem(401, "otp-expired");
        app.request(&self.used.0).await.assert_problem(429, "otp-resend-too-soon");
        app.verify(&self.locked.0, &self.locked.1).await.assert_problem(429, "otp-cooldown");
        app.refresh(&self.member.refresh).await.assert_problem(401, "refresh-invalid");
        app.reset(&self.reset.0, "a third horse battery").await.assert_problem(401, "reset-token-invalid");
        app.log_in(&self.reset.1, PASSWORD).await.assert_problem(429, "too-many-attempts");
    }
}

async fn killed_in_sync(kind: Kind) {
    let mut topology = Topology::start(kind, false).await;
    let app = nodes_on(&topology, setup()).await;
    let mut spent = Vec::new();
    for nth in 0..SUBJECTS {
        spent.push(Spent::all(&app, nth).await);
    }
    topology.in_sync().await;
    topology.primary_mut().kill();
    topology.elected().await;
    let well =
        async |node: usize, link: &Link| app.http.get(&link.url(app.nodes[node].public, "info")).await.status == 200;
    for spent in &spent {
        until("the service to be back", async || {
            (well(0, &spent.used.0).await && well(1, &spent.used.0).await).then_some(())
        })
        .await;
        spent.assert_no_more(&app).await;
    }
    println!("{kind:?}, killed in sync: nothing exceeded by {SUBJECTS} of each kind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn sentinel_killed_in_sync_forgets_nothing() {
    killed_in_sync(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn a_cluster_killed_in_sync_forgets_nothing() {
    killed_in_sync(Kind::Cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn sentinel_killed_under_load_exceeds_no_more_than_it_forgets() {
    killed_under_load(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn a_cluster_killed_under_load_exceeds_no_more_than_it_forgets() {
    killed_under_load(Kind::Cluster).await;
}

#[tokio::test]
#[ignore = "beside the other drills"]
async fn a_primary_that_wants_a_replica_is_unavailable_without_one() {
    let mut topology = Topology::start(Kind::Sentinel, false).await;
    let app = nodes_on(&topology, setup()).await;
    let link = app.invite("ada@example.com").await;
    topology.primary().resp().call(&["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "3"]);
    app.info(&link).await.assert_status(200);
    topology.replica_mut().kill();
    until("the primary to miss it", async || (topology.primary().replication("connected_slaves") == "0").then_some(()))
        .await;
    app.request(&link).await.assert_problem(503, "unavailable");
    topology.replica_mut().launch().await;
    topology.replica().resp().call(&["REPLICAOF", "127.0.0.1", &topology.primary().port.to_string()]);
    topology.in_sync().await;
    until("it to be heard", async || (app.request(&link).await.status == 202).then_some(())).await;
}
