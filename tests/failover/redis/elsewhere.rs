//! Whether those wait whose shard of a Cluster is well, while another has no primary.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use tokio::task::JoinSet;
use tokio::time::interval;

use super::flows::nodes_on;
use super::topology::{Kind, Topology};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Http;
use crate::support::members::Member;
use crate::support::until::until;

/// Between two questions of a prober.
const PACE: Duration = Duration::from_millis(20);
/// Well answered in a row: then it is back.
const TIMES: usize = 20;

/// Asks a node for the seat of one link, over and over: that is one look at one shard, and is not limited.
struct Prober {
    elsewhere: bool,
    /// When each was asked, when it was answered, and whether well.
    answers: Arc<Mutex<Vec<(Instant, Instant, bool)>>>,
}

impl Prober {
    fn start(tasks: &mut JoinSet<()>, url: String, seat: String, elsewhere: bool) -> Self {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&answers);
        tasks.spawn(async move {
            let (http, mut ticks) = (Http::new(), interval(PACE));
            loop {
                ticks.tick().await;
                let began = Instant::now();
                let answer = http.send(Method::GET, &url, &[("x-session-token", &seat)], "").await;
                theirs.lock().unwrap().push((began, Instant::now(), answer.status == 204));
            }
        });
        Self { elsewhere, answers }
    }

    fn well_since(&self, moment: Instant) -> bool {
        let answers = self.answers.lock().unwrap();
        let since = answers.iter().rev().take_while(|(began, ..)| *began > moment);
        since.take(TIMES).filter(|(.., well)| *well).count() == TIMES
    }

    /// How many failed, and from the first of them to the last.
    fn failed(&self) -> (usize, Duration) {
        let answers = self.answers.lock().unwrap();
        let failed: Vec<_> = answers.iter().filter(|(.., well)| !well).collect();
        let span = failed.first().zip(failed.last()).map(|(first, last)| last.1 - first.0);
        (failed.len(), span.unwrap_or_default())
    }
}

/// A link whose candidate has come in, and the session.
async fn seat(app: &TestApp, recruiter: &Member, wanted: impl Fn(&Link) -> bool) -> String {
    loop {
        let (_, link) = app.interview(recruiter, "ada@example.net").await;
        if wanted(&link) {
            let code = app.code(&link).await;
            return app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "waits for an election"]
async fn a_clusters_other_shards_are_back_no_later_than_the_one_that_elects() {
    let mut topology = Topology::start(Kind::Cluster, false).await;
    let app = nodes_on(&topology, Setup::new()).await;
    let recruiter = app.member_with("grace", "recruiter").await;
    let here = |link: &Link| topology.on_shard(app.keys().seat(&link.id()).name());
    let seats = [seat(&app, &recruiter, here).await, seat(&app, &recruiter, |link| !here(link)).await];
    topology.in_sync().await;
    let (mut tasks, mut probers) = (JoinSet::new(), Vec::new());
    for node in &app.nodes {
        for (seat, elsewhere) in seats.iter().zip([false, true]) {
            let url = format!("http://{}/authz/candidate", node.public);
            probers.push(Prober::start(&mut tasks, url, seat.clone(), elsewhere));
        }
    }
    let well_since = async |moment: Instant| {
        until("all to be well", async || probers.iter().all(|prober| prober.well_since(moment)).then_some(())).await;
    };
    well_since(Instant::now()).await;
    let fell = Instant::now();
    topology.primary_mut().kill();
    let elected = topology.elected().await;
    well_since(elected).await;
    println!("Cluster, one shard killed: elected after {} ms", (elected - fell).as_millis());
    for prober in &probers {
        let (failed, span) = prober.failed();
        let place = if prober.elsewhere { "on another shard" } else { "on that shard" };
        println!("    {place}: {failed} failed, within {} ms", span.as_millis());
    }
    let longest = |elsewhere: bool| {
        let of = probers.iter().filter(|prober| prober.elsewhere == elsewhere);
        of.map(|prober| prober.failed().1).max().unwrap()
    };
    // One answer takes up to 1.5 s.
    assert!(longest(true) < longest(false) + Duration::from_millis(1_500));
}
