//! A loss made on purpose: the replica is told nothing while its primary goes on acknowledging, and then takes its place.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::json;

use super::drills::setup;
use super::flows::nodes_on;
use super::ledger::Ledger;
use super::subjects::WHAT;
use super::topology::{Kind, Topology};
use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::resp::Value;
use crate::support::until::until;

/// Of each kind and group: three groups of them make 180 log-ins, and 200 are let through.
const SUBJECTS: usize = 5;
/// What each may be granted, in the order of [`WHAT`].
const MAX: [usize; 6] = [1, 3, 1, 5, 1, 1];
/// What each has been granted before the replica is held back.
const PREPARED: [usize; 6] = [0, 1, 0, 2, 0, 0];
/// The first three stand on links, which are made on the shard that falls.
const ON_LINKS: usize = 3;
/// More than a kernel keeps for a connection that is not read (4 MB to send, 32 MB received), in this many pieces or fewer.
const FILLING: usize = 8 << 20;
const FILLING_KEY: &str = "filling{02}";
/// A lag of 1 s; the replica may have spoken a second before; a lag is told in whole seconds, and looked at once in one.
const TAKES_UNTIL: Duration = Duration::from_secs(4);

/// Somebody who has had a part of what they may have, and tries for more than the rest.
struct Subject {
    coded: (Link, String),
    tried: Link,
    asked: Link,
    name: String,
    member: Member,
    reset: String,
}

/// What one subject was granted, in the order of [`WHAT`], and the refresh tokens among it.
#[derive(Default)]
struct Granted {
    times: [usize; 6],
    successors: Vec<String>,
}

impl Subject {
    async fn prepared(app: &TestApp, topology: &Topology, recruiter: &Member, name: String) -> Self {
        let link = async |what: &str| loop {
            let (_, link) = app.interview(recruiter, &format!("{name}{what}@example.net")).await;
            if topology.on_shard(app.keys().otp(&link.id()).name()) {
                return link;
            }
        };
        let (coded, tried, asked) = (link("c").await, link("t").await, link("a").await);
        let code = app.code(&coded).await;
        app.request(&tried).await.assert_status(202);
        app.verify(&tried, "000000").await.assert_problem(401, "otp-incorrect");
        app.info(&asked).await.assert_status(200);
        for _ in 0..PREPARED[3] {
            app.log_in(&format!("nobody{name}"), "wrong").await.assert_status(401);
        }
        let member = app.member(&format!("{name}m")).await;
        let forgetful = app.member(&format!("{name}f")).await;
        app.post("/auth/forgot-password", &json!({"email": forgetful.email})).await.assert_status(202);
        let reset = app.reset_token(&forgetful.email, 1).await;
        Self { coded: (coded, code), tried, asked, name, member, reset }
    }

    /// Tries everything once more often than it may succeed.
    async fn spend(&self, app: &TestApp, password: &str) -> Granted {
        let mut granted = Granted::default();
        let judged = |answer: &Answer| {
            let said = answer.text();
            said.contains("otp-incorrect") || said.contains("\"attemptsRemaining\":0")
        };
        for _ in 0..=MAX[0] {
            granted.times[0] += usize::from(app.verify(&self.coded.0, &self.coded.1).await.status == 200);
        }
        for _ in 0..=MAX[1] {
            granted.times[1] += usize::from(judged(&app.verify(&self.tried, "000000").await));
        }
        for _ in 0..=MAX[2] {
            granted.times[2] += usize::from(app.request(&self.asked).await.status == 202);
        }
        for _ in 0..=MAX[3] {
            let answer = app.log_in(&format!("nobody{}", self.name), "wrong").await;
            granted.times[3] += usize::from(answer.status == 401);
        }
        let answer = app.refresh(&self.member.refresh).await;
        if answer.status == 200 {
            granted.times[4] += 1;
            granted.successors.push(answer.text_of("refreshToken"));
        }
        for nth in 0..=MAX[5] {
            let answer = app.reset(&self.reset, &format!("{password} {nth}")).await;
            granted.times[5] += usize::from(answer.status == 204);
        }
        granted
    }
}

async fn spend(app: &TestApp, subjects: &[Subject], password: &str) -> Vec<Granted> {
    join_all(subjects.iter().map(|subject| subject.spend(app, password))).await
}

/// Until the replica is told nothing any more: it stands still, and the wire to it is full.
async fn hold_back(topology: &Topology) -> Instant {
    topology.replica().signal(Signal::STOP);
    let filling = "x".repeat(FILLING);
    until("the wire to be full", async || {
        let mut primary = topology.primary().resp();
        assert_eq!(primary.call(&["SET", FILLING_KEY, &filling]), Value::Text("OK".to_owned()));
        let replicas = primary.call(&["CLIENT", "LIST", "TYPE", "replica"]);
        let waits = replicas.text().split(" omem=").nth(1)?.split(' ').next()?.parse::<usize>().ok()?;
        (waits >= FILLING).then_some(())
    })
    .await;
    Instant::now()
}

/// Some who are tried twice: at first, and after the fall.
struct Group {
    name: &'static str,
    subjects: Vec<Subject>,
    first: Vec<Granted>,
    again: Vec<Granted>,
}

impl Group {
    async fn prepared(app: &TestApp, topology: &Topology, recruiter: &Member, name: &'static str) -> Self {
        let mut subjects = Vec::new();
        for nth in 0..SUBJECTS {
            subjects.push(Subject::prepared(app, topology, recruiter, format!("{name}{nth}")).await);
        }
        Self { name, subjects, first: Vec::new(), again: Vec::new() }
    }

    async fn spend(&mut self, app: &TestApp) {
        self.first = spend(app, &self.subjects, "one horse battery").await;
    }

    async fn spend_again(&mut self, app: &TestApp) {
        self.again = spend(app, &self.subjects, "other horse battery").await;
    }

    /// By kind: granted at first, granted again, and beyond what it may have. No excess of one subject is more than what
    /// it was granted at first.
    fn sums(&self) -> [[usize; 3]; 6] {
        let mut sums = [[0; 3]; 6];
        for (first, again) in self.first.iter().zip(&self.again) {
            for (what, sums) in sums.iter_mut().enumerate() {
                let (had, has) = (first.times[what], again.times[what]);
                let excess = match what {
                    // To be given the same one again is no second one.
                    4 => usize::from(had + has == 2 && first.successors != again.successors),
                    _ => (PREPARED[what] + had + has).saturating_sub(MAX[what]),
                };
                assert!(excess <= had, "{}, {}: {excess} beyond, {had} forgotten", self.name, WHAT[what]);
                sums.iter_mut().zip([had, has, excess]).for_each(|(sum, more)| *sum += more);
            }
        }
        println!("    {:37} at first, again, beyond", self.name);
        for (what, [had, has, beyond]) in WHAT.iter().zip(sums) {
            println!("        {what:33} {had:8} {has:6} {beyond:7}");
        }
        sums
    }
}

async fn forgets(kind: Kind, wants_a_replica: bool) {
    let mut topology = Topology::start(kind, false).await;
    let app = nodes_on(&topology, setup()).await;
    let recruiter = app.member_with("grace", "recruiter").await;
    let mut kept = Group::prepared(&app, &topology, &recruiter, "replicated").await;
    let mut held = Group::prepared(&app, &topology, &recruiter, "heldback").await;
    let mut late = Group::prepared(&app, &topology, &recruiter, "refused").await;
    kept.spend(&app).await;
    topology.in_sync().await;
    if wants_a_replica {
        topology.primary().wants_a_replica();
    }
    let ledger = Ledger::on(topology.primary());
    let held_at = hold_back(&topology).await;
    held.spend(&app).await;
    if wants_a_replica {
        until("the primary to take no more", async || ledger.has_ended().then_some(())).await;
        late.spend(&app).await;
    }
    let fell = Instant::now();
    topology.primary_mut().kill();
    topology.replica().signal(Signal::CONT);
    let elected = topology.elected().await;
    let lost = ledger.compare(topology.primary());
    for node in &app.nodes {
        until("the service to be back", async || {
            let links = kept.subjects.iter().chain(&held.subjects).map(|subject| &subject.coded.0);
            let answers =
                join_all(links.map(|link| async { app.http.get(&link.url(node.public, "info")).await })).await;
            answers.iter().all(|answer| answer.status == 200).then_some(())
        })
        .await;
    }
    println!(
        "{kind:?}, {}; the replica was told nothing for the last {} ms, what was acknowledged within {} ms of them is \
         lost: {} writes of the ledger; elected {} ms after the kill",
        if wants_a_replica { "min-replicas-to-write 1, min-replicas-max-lag 1" } else { "no min-replicas-to-write" },
        (fell - held_at).as_millis(),
        lost.last.saturating_duration_since(held_at).as_millis(),
        lost.writes,
        (elected - fell).as_millis(),
    );
    assert!(lost.writes > 0 && lost.since <= held_at, "nothing was lost on purpose");
    kept.spend_again(&app).await;
    held.spend_again(&app).await;
    let [kept, held] = [&kept, &held].map(Group::sums);
    assert!(kept.iter().all(|[_, _, beyond]| *beyond == 0), "exceeded, though the replica knew of it");
    for (what, [had, _, beyond]) in held.into_iter().enumerate() {
        match what {
            // Derived, and fenced by Postgres.
            4 | 5 => assert_eq!(beyond, 0, "{}", WHAT[what]),
            _ if wants_a_replica => {}
            _ if what < ON_LINKS => assert_eq!(beyond, SUBJECTS * (MAX[what] - PREPARED[what]), "{}", WHAT[what]),
            _ => assert!(had > 0, "{}", WHAT[what]),
        }
    }
    if wants_a_replica {
        assert!(lost.last - held_at < TAKES_UNTIL, "it acknowledged for longer");
        late.spend_again(&app).await;
        for (what, [had, _, beyond]) in late.sums().into_iter().enumerate() {
            assert!(what >= ON_LINKS || had == 0, "{}: acknowledged by a primary that had none", WHAT[what]);
            assert_eq!(beyond, 0, "{}", WHAT[what]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn sentinels_stale_replica_forgets_what_it_was_not_told_and_no_more() {
    forgets(Kind::Sentinel, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn a_clusters_stale_replica_forgets_what_it_was_not_told_and_no_more() {
    forgets(Kind::Cluster, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn sentinels_primary_that_wants_a_replica_loses_no_more_than_the_lag() {
    forgets(Kind::Sentinel, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn a_clusters_primary_that_wants_a_replica_loses_no_more_than_the_lag() {
    forgets(Kind::Cluster, true).await;
}

/// What a primary acknowledges that was stopped, in whose place another was elected, and that goes on: how many writes, and
/// for how long.
async fn goes_on(kind: Kind, wants_a_replica: bool) -> (usize, Duration) {
    let mut topology = Topology::start(kind, false).await;
    if wants_a_replica {
        topology.primary().wants_a_replica();
    }
    topology.in_sync().await;
    topology.primary().signal(Signal::STOP);
    topology.elected().await;
    let ledger = Ledger::on(topology.replica());
    let resumed = Instant::now();
    topology.replica().signal(Signal::CONT);
    until("the old primary to take no more", async || ledger.has_ended().then_some(())).await;
    let asked = ledger.asked();
    let took = asked.last().map_or(Duration::ZERO, |last| last.saturating_duration_since(resumed));
    let how = if wants_a_replica { "min-replicas-to-write 1" } else { "no min-replicas-to-write" };
    println!("{kind:?}, {how}: a primary that goes on takes {} writes in {} ms", asked.len(), took.as_millis());
    (asked.len(), took)
}

#[tokio::test]
#[ignore = "waits for elections"]
async fn a_primary_that_goes_on_takes_writes_for_a_moment_only_where_it_wants_a_replica() {
    for kind in [Kind::Sentinel, Kind::Cluster] {
        let (without, _) = goes_on(kind, false).await;
        let (with, took) = goes_on(kind, true).await;
        // The goodbye of its replica is what it reads first.
        assert!(with <= without && took < Duration::from_secs(1), "{kind:?}: {with} writes in {took:?}");
    }
}
