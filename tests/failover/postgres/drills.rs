//! A server that dies, falls silent or restarts under load: how long nobody is served, and what is lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use vestibule::dev::servers::PostgresServer;

use super::traffic::{Deed, Told, Traffic, known_links, setup, walk_in};
use super::{DATABASE, Pair, Replication, connections, ms, restart};
use crate::outage::private_postgres;
use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::until::until;

/// What connecting costs, and what waits for it: 2 s for the hosts, and as much for a loaded machine.
const BACK_WITHIN: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// SIGKILL: refuses from then on.
    Killed,
    /// SIGSTOP: takes connections, and says nothing.
    Silent,
}

/// Everything that was acknowledged, less what the server has.
async fn lost(server: &PostgresServer, told: &[Told], recruiter: &Member) -> Vec<Told> {
    let url = server.url(DATABASE);
    let texts = async |sql: &str| {
        let rows = query(&url, sql).await;
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<HashSet<_>>()
    };
    let users = texts("SELECT username FROM users").await;
    let interviews = texts("SELECT id::text FROM interviews").await;
    let name = texts(&format!("SELECT full_name FROM users WHERE id = '{}'", recruiter.id)).await;
    let edit = |told: &Told| told.what["Ada ".len()..].parse::<u32>().unwrap();
    let kept = name.iter().map(|name| name["Ada ".len()..].parse::<u32>().unwrap()).next().unwrap();
    let acknowledged = told.iter().filter(|told| told.status < 300);
    let gone = acknowledged.filter(|told| match told.deed {
        Deed::SignUp => !users.contains(&told.what),
        Deed::Invite => !interviews.contains(&told.what),
        Deed::Edit => edit(told) > kept,
        Deed::Info => false,
    });
    gone.cloned().collect()
}

fn report(what: &str, told: &[Told], since: Instant, back: Duration) {
    let count = |deed: Deed, status: fn(u16) -> bool| {
        told.iter().filter(|told| told.deed == deed && status(told.status)).count()
    };
    for deed in [Deed::SignUp, Deed::Edit, Deed::Invite, Deed::Info] {
        println!("{what}: {deed:?}: {} done, {} times 503", count(deed, |s| s < 300), count(deed, |s| s == 503));
    }
    let slowest = told.iter().filter(|told| told.begun >= since).map(|told| told.took).max().unwrap_or_default();
    println!("{what}: all served {} ms after it could be; the slowest answer took {} ms", ms(back), ms(slowest));
}

async fn stage(url: &str) -> (TestApp, Member, Vec<Link>) {
    let app = setup(url).start().await;
    let recruiter = app.member_with("ada", "recruiter").await;
    let links = known_links(&app, &recruiter, 4).await;
    (app, recruiter, links)
}

async fn a_replica_takes_over(death: Death, replication: Replication) {
    let what = format!("{death:?}, {replication:?}");
    let mut pair = Pair::start(replication).await;
    let (app, recruiter, links) = stage(&pair.url()).await;
    let traffic = Traffic::start(&app, &recruiter, &links[0]).await;

    if replication == Replication::Asynchronous {
        // It lags: what is acknowledged from now on, it will not have.
        query(&pair.replica.url(DATABASE), "ALTER SYSTEM SET primary_conninfo = ''").await;
        query(&pair.replica.url(DATABASE), "SELECT pg_reload_conf()").await;
        pair.asks(&pair.replica, "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_wal_receiver)").await;
        traffic.all_well_since(Instant::now()).await;
    }
    let died = Instant::now();
    match death {
        Death::Killed => pair.primary.kill().unwrap(),
        Death::Silent => pair.primary.pause().unwrap(),
    }
    // Candidates whose link is known are let in meanwhile.
    walk_in(&app, &links[1]).await;
    let promoted = pair.promote().await;
    let back = traffic.all_well_since(promoted).await - promoted;
    walk_in(&app, &links[2]).await;

    // What was the primary comes back, as an operator lets it: following the other.
    if death == Death::Silent {
        pair.primary.resume().unwrap();
        pair.primary.kill().unwrap();
    }
    pair.primary.demote(&pair.replica).unwrap();
    pair.primary = restart(pair.primary).await;
    pair.asks(&pair.primary, "SELECT 1 WHERE pg_is_in_recovery()").await;
    let (returned, shed_before) = (Instant::now(), shed(&app).await);
    traffic.all_well_since(returned).await;
    assert_eq!(connections(&pair.primary).await, 0, "somebody asks a server that takes no writes");
    assert!(connections(&pair.replica).await > 0);

    let told = traffic.stop().await;
    report(&what, &told, died, back);
    let shed = shed(&app).await - shed_before;
    let failed = told.iter().filter(|told| told.begun >= returned && told.status >= 300);
    let (sign_ups, others): (Vec<_>, Vec<_>) = failed.partition(|told| told.deed == Deed::SignUp);
    let few = u32::try_from(sign_ups.len()).is_ok_and(|count| f64::from(count) <= shed);
    assert!(others.is_empty() && few, "{what}: its return was noticed: {others:?} {sign_ups:?}");
    assert!(back < BACK_WITHIN, "{what}: {back:?}");
    let lost = lost(&pair.replica, &told, &recruiter).await;
    println!("{what}: acknowledged and lost: {}", lost.len());
    match replication {
        Replication::Synchronous => assert!(lost.is_empty(), "{what}: {lost:?}"),
        // As many as there were while it lagged, ten of each kind at the least; an edit is lost until the next one.
        Replication::Asynchronous => assert!(lost.len() >= 20, "{what}: {lost:?}"),
    }
    started(&app, &pair.replica, &links[1..3]).await;
}

/// Sign-ups that the node has refused because its threads for hashes were busy: no fault of Postgres'.
async fn shed(app: &TestApp) -> f64 {
    let scrape = app.scrape().await;
    let of = |outcome: &str| scrape.value(&format!("vestibule_password_hashes_total{{outcome=\"{outcome}\"}}"));
    of("shed") + of("late")
}

/// The starts of these reach Postgres, once it is back.
async fn started(app: &TestApp, server: &PostgresServer, links: &[Link]) {
    let url = server.url(DATABASE);
    for link in links {
        let sql = format!("SELECT 1 FROM interviews WHERE id = '{}' AND started_at IS NOT NULL", link.interview);
        until("the start in Postgres", async || {
            app.pass(1_000);
            query(&url, &sql).await.first().map(drop)
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn nothing_acknowledged_is_lost_where_the_replica_has_it_before_the_answer() {
    a_replica_takes_over(Death::Killed, Replication::Synchronous).await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_replica_that_lags_takes_over_as_soon() {
    a_replica_takes_over(Death::Killed, Replication::Asynchronous).await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_primary_that_falls_silent_is_left() {
    a_replica_takes_over(Death::Silent, Replication::Synchronous).await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_restart_of_the_only_server_is_answered_for_and_over() {
    let (postgres, url) = private_postgres().await;
    let (app, recruiter, links) = stage(&url).await;
    let traffic = Traffic::start(&app, &recruiter, &links[0]).await;
    let died = Instant::now();
    // It tells its clients to go: 57P01.
    let postgres = restart(postgres).await;
    let up = Instant::now();
    let back = traffic.all_well_since(up).await - up;
    let told = traffic.stop().await;
    report("restart", &told, died, back);
    println!("restart: it took {} ms", ms(up - died));
    assert!(back < BACK_WITHIN, "{back:?}");
    // It was told to stop in order, and had committed what it acknowledged.
    let lost = lost(&postgres, &told, &recruiter).await;
    assert!(lost.is_empty(), "{lost:?}");
}
