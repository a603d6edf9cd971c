//! Three nodes behind a real proxy, as `make fleet` runs them: restarted one after the other, and killed, under traffic.

mod blame;
mod ledger;
mod stage;
mod story;
mod traffic;
mod watch;

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use self::blame::{Failure, failures};
use self::ledger::Request;
use self::stage::{Node, Stage};
use self::traffic::Traffic;
use self::watch::{Witness, gone};
use crate::support::until::answered;

/// Three drains, starts and checks, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

async fn said(stage: &Stage, words: &str, times: usize) {
    let period = Duration::from_millis(20);
    let heard = answered(period, PATIENCE, async || {
        let count = stage.lines().iter().filter(|line| line.contains(words)).count();
        if count >= times { Ok(()) } else { Err(format!("{words:?} was said {count} times: {:#?}", stage.lines())) }
    });
    heard.await.unwrap();
}

async fn roll(proxy: &str) {
    let stage = Stage::start(proxy, &[]).await;
    let traffic = Traffic::start(&stage).await;
    traffic.flows(1).await;
    let witnesses: Vec<Witness> = stage.nodes().iter().map(Witness::start).collect();
    let before = stage.pids();

    stage.signal(Signal::HUP);
    said(&stage, "Rolling restart done", 1).await;
    // And goes on afterwards.
    traffic.flows(1).await;
    let ledger = traffic.stop().await;
    println!("\nA rolling restart of three nodes behind {proxy}, as configured:\n{ledger}");
    ledger.assert_right(|_| false);
    // That nothing was lost is not for luck: HAProxy knew in time, of each.
    let lines = stage.lines();
    let count = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(count("gone before HAProxy knew"), 0, "{lines:#?}");
    assert_eq!(count("HAProxy asks it no more"), if proxy == "haproxy" { before.len() } else { 0 }, "{lines:#?}");
    for witness in witnesses {
        // The last it saw before the door was shut is that it was not ready any more.
        witness.assert_told().await;
    }
    let after = stage.pids();
    assert!(before.iter().all(|pid| !after.contains(pid)), "{before:?}, then {after:?}");
    stage.stop().await;
}

#[tokio::test]
#[ignore = "takes a quarter of a minute, and the machine"]
async fn a_rolling_restart_behind_haproxy_loses_no_request() {
    roll("haproxy").await;
}

#[tokio::test]
#[ignore = "takes a quarter of a minute, and the machine"]
async fn a_rolling_restart_behind_nginx_loses_no_request() {
    roll("nginx").await;
}

/// A node that was killed, from when it may have been gone until when it may have been there, and what the proxy had
/// logged before.
struct Kill {
    node: Node,
    window: (Instant, Instant),
    logged: usize,
}

impl Kill {
    fn overlaps(&self, request: &Request) -> bool {
        request.began <= self.window.1 && request.ended >= self.window.0
    }
}

/// One after the other, each when the one before is back.
async fn kill(proxy: &str) {
    // Log-ins that take some ms, so that there is always something under way.
    let slow = [("accounts.hash_memory", "8192"), ("accounts.hash_iterations", "2")];
    let stage = Stage::start(proxy, &slow).await;
    let traffic = Traffic::start(&stage).await;
    traffic.flows(1).await;
    let mut kills = Vec::new();
    for node in stage.nodes() {
        let (logged, before) = (stage.proxy_log().len(), stage.broken().await);
        let window = gone(&node).await;
        said(&stage, "has ended, signal: 9", kills.len() + 1).await;
        stage.is_back(&node).await;
        traffic.flows(1).await;
        // Also of those whose client HAProxy told nothing: none was under way on another node.
        for (name, broken) in stage.broken().await {
            assert!(broken == before[&name] || name.ends_with(&node.name), "{name}: {broken}, from {before:?}");
        }
        kills.push(Kill { node, window, logged });
    }
    let ledger = traffic.stop().await;
    let losses = ledger.wrong().len();
    println!("\nThree nodes behind {proxy}, each killed with -9 in its turn: {losses} requests were lost.\n{ledger}");
    // What was lost was under way when a node died; and what changes nothing was asked of another one. HAProxy hangs up
    // without a word, also to its log, on a client that had used its connection before.
    ledger.assert_right(|request| {
        kills.iter().any(|kill| kill.overlaps(request))
            && !request.what.starts_with("GET ")
            && (matches!(request.status, Some(502 | 503))
                || (request.status.is_none() && request.kept && proxy == "haproxy"))
    });
    // As the proxy has it: each was on the node that was killed last.
    let log = stage.proxy_log();
    let ends = kills.iter().skip(1).map(|kill| kill.logged).chain([log.len()]);
    for (kill, end) in kills.iter().zip(ends) {
        let failed: Vec<Failure> = failures(proxy, &log[kill.logged..end]).collect();
        let server =
            if proxy == "haproxy" { format!("vestibule/{}", kill.node.name) } else { kill.node.public.to_string() };
        assert!(failed.iter().all(|failure| failure.server == server), "{server} was killed: {failed:#?}");
        let told = ledger.wrong().into_iter().filter(|wrong| wrong.status.is_some() && kill.overlaps(wrong)).count();
        assert_eq!(failed.len(), told, "{failed:#?}");
    }
    assert!(failures(proxy, &log[..kills[0].logged]).next().is_none(), "before the first kill:\n{log}");
    stage.stop().await;
}

#[tokio::test]
#[ignore = "needs the machine for itself"]
async fn a_node_killed_behind_haproxy_fails_what_was_under_way_on_it_alone() {
    kill("haproxy").await;
}

#[tokio::test]
#[ignore = "needs the machine for itself"]
async fn a_node_killed_behind_nginx_fails_what_was_under_way_on_it_alone() {
    kill("nginx").await;
}
