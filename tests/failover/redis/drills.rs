//! A primary goes while every kind of request is under way. What was answered tells when the service was back.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::flows::nodes_on;
use super::lanes::{KINDS, Lanes, Sample, WORKERS};
use super::server::Server;
use super::topology::{Kind, Topology};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::until::until;

/// From the election to the first moment from which all is well.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// The 3 s of the contract, and half a second for a machine that does other things.
const ANSWERED_WITHIN: Duration = Duration::from_millis(3_500);
/// Of each kind, in each lane, without a failure: then it is called well.
const TIMES: usize = 5;

/// How a primary goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fall {
    /// SIGKILL; it comes back as a replica.
    Killed,
    /// SIGSTOP; when it goes on, it believes for a moment that it is still the primary.
    Silent,
    /// SIGSTOP, until another is elected: it goes on as one that wants a replica, and has none.
    Briefly,
    /// It is told to, and stays up as a replica.
    Asked,
}

/// Nodes under load, on a Redis whose primaries come and go.
pub(super) struct Drill {
    lanes: Lanes,
    pub(super) app: TestApp,
    pub(super) topology: Topology,
}

/// No limit of a client's address is in the way of the traffic.
pub(super) fn setup() -> Setup {
    let limits = ["login_ip", "signup_ip", "forgot_ip", "reset_ip"];
    let setup = Setup::new().set("http.workers", &WORKERS).set("limits.candidate_ip.max", &100_000);
    limits.iter().fold(setup, |setup, limit| setup.set(&format!("limits.{limit}.max"), &200))
}

impl Drill {
    pub(super) async fn on(kind: Kind, tls: bool) -> Self {
        let topology = Topology::start(kind, tls).await;
        let app = nodes_on(&topology, setup()).await;
        let lanes = Lanes::start(&app).await;
        Self { lanes, app, topology }
    }

    /// One failover, until the old primary is a replica that is in sync and all is well again.
    pub(super) async fn fall(&mut self, fall: Fall) {
        self.lanes.well_since(Instant::now(), TIMES).await;
        let fell = Instant::now();
        match fall {
            Fall::Killed => self.topology.primary_mut().kill(),
            Fall::Silent => self.topology.primary().signal(Signal::STOP),
            Fall::Briefly => {
                self.topology.primary().wants_a_replica();
                self.topology.primary().signal(Signal::STOP);
            }
            Fall::Asked => self.topology.fail_over_gracefully().await,
        }
        let elected = self.topology.elected().await;
        if fall == Fall::Briefly {
            self.topology.replica().signal(Signal::CONT);
        }
        self.lanes.well_since(elected, TIMES).await;
        let samples = self.lanes.since(fell - ANSWERED_WITHIN);
        let (unknown, brought) = self.topology.primary().scripts_unknown();
        let back = back_since(&samples, elected);

        match fall {
            // Who was the primary is the replica now.
            Fall::Killed => self.topology.replica_mut().launch().await,
            Fall::Silent => self.topology.replica().signal(Signal::CONT),
            Fall::Briefly | Fall::Asked => {}
        }
        let returned = Instant::now();
        self.topology.in_sync().await;
        self.lanes.well_since(Instant::now(), TIMES).await;
        let later = self.lanes.since(returned).iter().filter(|sample| sample.failed()).count();

        self.report(fall, &samples, (elected - fell, back), later).await;
        println!("    the new primary has met {unknown} unknown scripts so far, and was brought {brought}");
        assert!(back < BACK_WITHIN, "{back:?} after the election");
        for sample in samples.iter().filter(|sample| sample.failed()) {
            assert_eq!(sample.status, 503, "{}", KINDS[sample.kind]);
        }
        let slowest = slowest(&samples);
        assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
        assert_eq!(later, 0, "requests failed after the old primary had come back");
    }

    async fn report(&self, fall: Fall, samples: &[Sample], (elected, back): (Duration, Duration), later: usize) {
        let mut counters = Vec::new();
        for node in &self.app.nodes {
            let metrics = self.app.http.get(&format!("http://{}/metrics", node.admin)).await.assert_status(200).text();
            let of = |name: &str| {
                let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("vestibule_{name}_total ")));
                line.unwrap_or("?").to_owned()
            };
            counters.push(format!("{}/{}", of("redis_reconnects"), of("redis_clients_replaced")));
        }
        println!(
            "{:?}, {fall:?}: elected after {} ms, back {} ms after that; {} of {} requests failed, slowest {} ms; \
             {later} failed when it came back; reconnects/replaced so far {}",
            self.topology.kind,
            elected.as_millis(),
            back.as_millis(),
            samples.iter().filter(|sample| sample.failed()).count(),
            samples.len(),
            slowest(samples).as_millis(),
            counters.join(" "),
        );
    }
}

fn slowest(samples: &[Sample]) -> Duration {
    samples.iter().map(|sample| sample.ended - sample.began).max().unwrap_or_default()
}

/// From the election to the end of the last first success: of each kind, in each lane, the first after its last failure.
fn back_since(samples: &[Sample], elected: Instant) -> Duration {
    let mut back = elected;
    for (nth, failure) in samples.iter().enumerate().filter(|(_, sample)| sample.failed()) {
        let like = |sample: &&Sample| sample.lane == failure.lane && sample.kind == failure.kind;
        let success = samples[nth + 1..].iter().find(like).expect("it was well at last");
        back = back.max(success.ended);
    }
    back - elected
}

async fn primaries_come_and_go(kind: Kind) {
    let mut drill = Drill::on(kind, false).await;
    for fall in [Fall::Killed, Fall::Killed, Fall::Asked, Fall::Asked, Fall::Silent, Fall::Silent] {
        drill.fall(fall).await;
    }
    // A worker's each, and the back's, with a pipe: those that were replaced have left nothing open. Of a Cluster the library
    // keeps a second connection to one of the servers, to ask for the map.
    let clients = drill.app.nodes.len() * (WORKERS + 1);
    let most = if kind == Kind::Cluster { 3 * clients } else { 2 * clients };
    let counted = || [drill.topology.primary(), drill.topology.replica()].map(Server::connections);
    println!("{kind:?}: {:?} connections to primary and replica, of {clients} clients", counted());
    until("no connection of a client that was replaced", async || {
        counted().iter().all(|count| *count <= most).then_some(())
    })
    .await;
}

/// It is asked by hash, answers that it knows no such script, and is asked again with the source.
async fn primaries_forget_their_scripts(kind: Kind) {
    let drill = Drill::on(kind, false).await;
    drill.lanes.well_since(Instant::now(), TIMES).await;
    let began = Instant::now();
    let primaries = || drill.topology.servers.iter().filter(|server| server.replication("role") == "master");
    for primary in primaries() {
        primary.resp().call(&["SCRIPT", "FLUSH"]);
    }
    until("every primary to have been asked in vain, and brought scripts", async || {
        let met = |(unknown, brought): (u64, u64)| unknown > 0 && brought > 0;
        primaries().all(|primary| met(primary.scripts_unknown())).then_some(())
    })
    .await;
    drill.lanes.well_since(Instant::now(), TIMES).await;
    let samples = drill.lanes.since(began);
    let unknown: Vec<_> = primaries().map(Server::scripts_unknown).collect();
    println!(
        "{kind:?}, scripts forgotten: asked in vain and brought along {unknown:?}; {} requests, none failed",
        samples.len()
    );
    assert!(samples.iter().all(|sample| !sample.failed()), "a request has failed for it");
}

#[tokio::test]
#[ignore = "starts a cluster"]
async fn the_primary_that_does_not_answer_is_named() {
    let topology = Topology::start(Kind::Cluster, false).await;
    let app = nodes_on(&topology, setup()).await;
    let names = async |words: &str| {
        until(words, async || {
            let body = app.http.get(&format!("http://{}/readyz", app.nodes[0].admin)).await.assert_status(200).json();
            let problems = body["problems"].as_array().unwrap();
            let told = problems.iter().any(|one| one["cause"].as_str().unwrap().contains(words));
            if words.is_empty() { problems.is_empty().then_some(()) } else { told.then_some(()) }
        })
        .await;
    };
    names("").await;
    // Nobody is there to be elected.
    topology.replica().signal(Signal::STOP);
    topology.primary().signal(Signal::STOP);
    names(&format!("the primary 127.0.0.1:{}: no answer in 300 ms", topology.primary().port)).await;
    topology.primary().signal(Signal::CONT);
    topology.replica().signal(Signal::CONT);
    names("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for elections"]
async fn sentinels_primaries_come_and_go() {
    primaries_come_and_go(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for elections"]
async fn clusters_primaries_come_and_go() {
    primaries_come_and_go(Kind::Cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn nobody_stays_with_sentinels_primary_that_was_replaced() {
    Drill::on(Kind::Sentinel, false).await.fall(Fall::Briefly).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "beside the other drills"]
async fn no_request_fails_for_scripts_that_sentinels_primary_forgets() {
    primaries_forget_their_scripts(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "beside the other drills"]
async fn no_request_fails_for_scripts_that_a_clusters_primaries_forget() {
    primaries_forget_their_scripts(Kind::Cluster).await;
}
