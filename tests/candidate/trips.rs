//! Round trips, counted by those who answer them: Redis' own count of scripts, and the node's of queries.

use super::not;
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::until::until;
use vestibule::link::LinkToken;

/// What was asked of Redis and of Postgres: while the client waits, and by workers afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trips {
    scripts: u64,
    queries: u64,
    scripts_later: u64,
    queries_later: u64,
}

const fn trips(scripts: u64, queries: u64) -> Trips {
    Trips { scripts, queries, scripts_later: 0, queries_later: 0 }
}

const NOTHING: Trips = trips(0, 0);
const CACHED: Trips = trips(2, 0);
/// The record is missed, loaded from Postgres, added, and the decision is asked for again.
const COLD: Trips = trips(4, 1);

impl Trips {
    /// A job is claimed and done.
    const fn and_a_mail(self) -> Self {
        Self { scripts_later: 2, ..self }
    }

    /// The same, and its work is a query.
    const fn and_a_start(self) -> Self {
        Self { scripts_later: 2, queries_later: 1, ..self }
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

/// What was asked until now.
async fn so_far(app: &TestApp) -> Trips {
    let scripts_later = counted(app, DECISIONS, "script=\"job_").await;
    let queries_later = counted(app, QUERIES, "query=\"start_write\"").await;
    Trips {
        scripts: app.resp().scripts_run() - scripts_later,
        queries: counted(app, QUERIES, "").await - queries_later,
        scripts_later,
        queries_later,
    }
}

/// What `request` asks, with the `jobs` that it leaves behind.
async fn ask(app: &TestApp, jobs: u64, request: impl Future<Output = Answer>) -> (Answer, Trips) {
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
async fn idle() -> TestApp {
    let app = Setup::new().set("mail.sweep_interval", &"60s").set("postgres.sweep_interval", &"1h").start().await;
    until("the first sweeps", || async {
        // Three queues of 16 partitions each, and the dead links.
        let (queues, links) = (counted(&app, DECISIONS, "job_due").await, counted(&app, QUERIES, "dead_links").await);
        ((queues, links) == (48, 1)).then_some(())
    })
    .await;
    app.clock.freeze();
    app
}

fn forget(app: &TestApp, link: &Link) {
    app.resp().call(&["DEL", app.keys().link(&link.id()).name()]);
}

#[tokio::test]
async fn a_cached_link_costs_two_scripts_and_no_query() {
    let app = idle().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);

    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "info");
    let (answer, asked) = ask(&app, 1, app.request(&link)).await;
    assert_eq!((answer.status, asked), (202, CACHED.and_a_mail()), "request-otp");
    let code = app.marked_code(&link, &answer.text_of("ref")).await;
    let (answer, asked) = ask(&app, 0, app.request(&link)).await;
    assert_eq!((answer.status, asked), (429, CACHED), "request-otp, refused");
    let (answer, asked) = ask(&app, 0, app.verify(&link, &not(&code))).await;
    assert_eq!((answer.status, asked), (401, CACHED), "verify-otp, wrong");
    let (answer, asked) = ask(&app, 0, app.verify(&link, &code)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "verify-otp");
    let token = answer.text_of("sessionToken");
    let (answer, asked) = ask(&app, 1, app.begin(&link, &token)).await;
    assert_eq!((answer.status, asked), (201, CACHED.and_a_start()), "start");
    let (answer, asked) = ask(&app, 0, app.begin(&link, &token)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "start, again");

    app.revoke(&link).await;
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, CACHED), "a dead link");
}

#[tokio::test]
async fn the_first_use_of_a_link_costs_four_scripts_and_one_query() {
    let app = idle().await;
    let link = app.invite("ada@example.com").await;

    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (200, COLD), "info");
    forget(&app, &link);
    let (answer, asked) = ask(&app, 1, app.request(&link)).await;
    assert_eq!((answer.status, asked), (202, COLD.and_a_mail()), "request-otp");
    let code = app.marked_code(&link, &answer.text_of("ref")).await;
    forget(&app, &link);
    let (answer, asked) = ask(&app, 0, app.verify(&link, &code)).await;
    assert_eq!((answer.status, asked), (200, COLD), "verify-otp");
    forget(&app, &link);
    let (answer, asked) = ask(&app, 1, app.begin(&link, &answer.text_of("sessionToken"))).await;
    assert_eq!((answer.status, asked), (201, COLD.and_a_start()), "start");
}

#[tokio::test]
async fn what_is_refused_early_costs_little() {
    let app = idle().await;
    let mut link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);

    let (answer, asked) = ask(&app, 0, app.verify(&link, "no code")).await;
    assert_eq!((answer.status, asked), (422, trips(1, 0)), "no code");
    let (answer, asked) = ask(&app, 0, app.begin(&link, "no token")).await;
    assert_eq!((answer.status, asked), (401, trips(1, 0)), "no session token");
    link.token = LinkToken::fresh().expose().to_string();
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, trips(2, 1)), "a guess");
    link.token = "short".to_owned();
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, NOTHING), "no token at all");

    let (client, one) = (app.invite("bob@example.com").await, app.http.clone());
    until("the client to be refused", || async {
        (one.get(&app.url(&client, "info")).await.status == 429).then_some(())
    })
    .await;
    let (answer, asked) = ask(&app, 0, app.info(&client)).await;
    assert_eq!((answer.status, asked), (429, trips(1, 0)), "a client past its limit");
}
