//! Three nodes behind a real proxy, as `make fleet` runs them: restarted one after the other, and killed, under traffic.

mod ledger;
mod stage;
mod story;
mod traffic;
mod watch;

use std::time::Duration;

use rustix::process::Signal;

use self::ledger::Ledger;
use self::stage::Stage;
use self::traffic::Traffic;
use self::watch::{Witness, gone};
use crate::support::until::answered;

/// How long a node says that it is not ready before it closes its door: longer than HAProxy takes to notice, 1.25 s.
const DRAIN_DELAY: &str = "1500ms";
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
    let stage = Stage::start(proxy, &[("http.drain_delay", DRAIN_DELAY)]).await;
    let traffic = Traffic::start(&stage).await;
    traffic.flows(1).await;
    let witnesses: Vec<Witness> = stage.nodes().iter().map(Witness::start).collect();
    let before = stage.pids();

    stage.signal(Signal::HUP);
    said(&stage, "Rolling restart done", 1).await;
    // And goes on afterwards.
    traffic.flows(1).await;
    let ledger = traffic.stop().await;
    println!("\nA rolling restart of three nodes behind {proxy}, whose drain is {DRAIN_DELAY}:\n{ledger}");
    ledger.assert_right(|_| false);
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

/// One after the other, each when the one before is back.
async fn kill(proxy: &str) -> (Stage, Ledger) {
    // Log-ins that take some ms, so that there is always something under way.
    let slow = [("accounts.hash_memory", "8192"), ("accounts.hash_iterations", "2")];
    let stage = Stage::start(proxy, &slow).await;
    let traffic = Traffic::start(&stage).await;
    traffic.flows(1).await;
    let mut kills = Vec::new();
    for node in stage.nodes() {
        kills.push(gone(&node).await);
        said(&stage, "has ended, signal: 9", kills.len()).await;
        stage.is_back(&node).await;
        traffic.flows(1).await;
    }
    let ledger = traffic.stop().await;
    let losses = ledger.wrong().len();
    println!("\nThree nodes behind {proxy}, each killed with -9 in its turn: {losses} requests were lost.\n{ledger}");
    // What was lost was under way when a node died; and what changes nothing was asked of another one.
    ledger.assert_right(|request| {
        kills.iter().any(|(before, after)| request.began <= *after && request.ended >= *before)
            && !request.what.starts_with("GET ")
            && matches!(request.status, None | Some(502 | 503))
    });
    (stage, ledger)
}

#[tokio::test]
#[ignore = "needs the machine for itself"]
async fn a_node_killed_behind_haproxy_fails_what_was_under_way_on_it_alone() {
    let (stage, ledger) = kill("haproxy").await;
    // As HAProxy has it: where a failed request was. Of one over a connection that the client had used before it says
    // nothing, neither to the client, on whom it hangs up, nor to the log.
    let log = stage.proxy_log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains(" 502 ") || line.contains(" 503 ")).collect();
    assert!(failed.iter().all(|line| line.contains("/node")), "{failed:#?}");
    let told = ledger.wrong().iter().filter(|request| request.status.is_some()).count();
    assert_eq!(failed.len(), told, "{failed:#?}");
    stage.stop().await;
}

#[tokio::test]
#[ignore = "needs the machine for itself"]
async fn a_node_killed_behind_nginx_fails_what_was_under_way_on_it_alone() {
    kill("nginx").await.0.stop().await;
}
