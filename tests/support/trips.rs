//! Round trips, counted by those who answer them: Redis' own count of scripts, and the node's of queries.

use super::TestApp;
use super::app::Setup;
use super::http::Answer;
use super::until::until;

/// What was asked of Redis and of Postgres: while the client waits, and by workers afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trips {
    pub(crate) scripts: u64,
    pub(crate) queries: u64,
    pub(crate) scripts_later: u64,
    pub(crate) queries_later: u64,
}

pub(crate) const fn trips(scripts: u64, queries: u64) -> Trips {
    Trips { scripts, queries, scripts_later: 0, queries_later: 0 }
}

impl Trips {
    /// By workers, when the client has its answer.
    pub(crate) const fn and_later(self, later: Self) -> Self {
        Self { scripts_later: later.scripts, queries_later: later.queries, ..self }
    }
}

/// Sums a counter of the node, over the series whose labels hold `label`.
async fn counted(app: &TestApp, counter: &str, label: &str) -> u64 {
    let text = app.http.get(&format!("http://{}/metrics", app.nodes[0].admin)).await.assert_status(200);
    let text = String::from_utf8(text.body).unwrap();
    let series = text.lines().filter(|line| line.starts_with(counter) && line.contains(label));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

const DECISIONS: &str = "vestibule_redis_decisions_total{";
const QUERIES: &str = "vestibule_postgres_queries_total{";
/// What workers alone ask. A job is added by whoever wants it done.
const SCRIPTS_LATER: [&str; 6] = [
    "script=\"job_due\"",
    "script=\"job_claim\"",
    "script=\"job_defer\"",
    "script=\"job_refuse\"",
    "script=\"job_done\"",
    "script=\"reset_store\"",
];
const QUERIES_LATER: [&str; 2] = ["query=\"start_write\"", "query=\"user_by_email\""];

/// How often the first node has asked this of Postgres until now, and was answered.
pub(crate) async fn queries(app: &TestApp, name: &str) -> u64 {
    counted(app, QUERIES, &format!("query=\"{name}\"")).await
}

/// How often the first node has asked Redis for this decision until now, and was answered or has given up.
pub(crate) async fn decisions(app: &TestApp, script: &str) -> u64 {
    counted(app, DECISIONS, &format!("script=\"{script}\"")).await
}

/// What was asked until now.
async fn so_far(app: &TestApp) -> Trips {
    let (mut scripts_later, mut queries_later) = (0, 0);
    for label in SCRIPTS_LATER {
        scripts_later += counted(app, DECISIONS, label).await;
    }
    for label in QUERIES_LATER {
        queries_later += counted(app, QUERIES, label).await;
    }
    Trips {
        scripts: app.resp().scripts_run() - scripts_later,
        queries: counted(app, QUERIES, "").await - queries_later,
        scripts_later,
        queries_later,
    }
}

/// What `request` asks, with the `jobs` that it leaves behind.
pub(crate) async fn ask(app: &TestApp, jobs: u64, request: impl Future<Output = Answer>) -> (Answer, Trips) {
    let done = counted(app, DECISIONS, "verdict=\"done\"").await;
    let before = so_far(app).await;
    let answer = request.await;
    until("the jobs to be done", || async {
        (counted(app, DECISIONS, "verdict=\"done\"").await == done + jobs).then_some(())
    })
    .await;
    let after = so_far(app).await;
    let asked = Trips {
        scripts: after.scripts - before.scripts,
        queries: after.queries - before.queries,
        scripts_later: after.scripts_later - before.scripts_later,
        queries_later: after.queries_later - before.queries_later,
    };
    (answer, asked)
}

/// A node that is asked nothing but what the test asks: its first sweeps are over, and there is no second.
pub(crate) async fn idle(setup: Setup) -> TestApp {
    // The audit trail is written beside requests, by one task for all of them: here, not before the end.
    let setup = setup.set("audit.gather", &"1h").set("mail.sweep_interval", &"60s");
    let app = setup.set("postgres.sweep_interval", &"1h").start().await;
    until("the first sweeps", || async {
        // Three queues of 16 partitions each, and the dead links.
        let (queues, links) = (counted(&app, DECISIONS, "job_due").await, counted(&app, QUERIES, "dead_links").await);
        ((queues, links) == (48, 1)).then_some(())
    })
    .await;
    app.clock.freeze();
    app
}

/// A request with what it is known to cost.
pub(crate) struct Row(pub(crate) &'static str, pub(crate) u16, pub(crate) Trips);

/// A stage on which rows are held, printed as a table.
pub(crate) async fn stage() -> TestApp {
    println!("| request | status | scripts | queries | scripts later | queries later |");
    println!("| --- | --- | --- | --- | --- | --- |");
    idle(Setup::new()).await
}

/// Asserts that `request` costs what is known. A job is claimed and done, by two scripts; what it asks
/// besides is one more at most.
pub(crate) async fn hold(app: &TestApp, row: Row, request: impl Future<Output = Answer>) -> Answer {
    let Row(what, status, expected) = row;
    let (answer, asked) = ask(app, expected.scripts_later / 2, request).await;
    let Trips { scripts, queries, scripts_later, queries_later } = asked;
    println!("| {what} | {} | {scripts} | {queries} | {scripts_later} | {queries_later} |", answer.status);
    assert_eq!((answer.status, asked), (status, expected), "{what}: {}", answer.text());
    answer
}
