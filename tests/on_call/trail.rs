//! The audit trail in Redis.

use std::collections::BTreeMap;

use super::{ask, lock, redis_cli, shell};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::resp::Value;
use crate::support::until::until;

fn stream(app: &TestApp, link: &Link) -> String {
    let keys = app.keys();
    keys.audit(keys.partition(&link.id())).name().to_owned()
}

/// The newest events, as redis-cli prints them: their names and values, the newest first.
fn newest(app: &TestApp, stream: &str) -> Vec<BTreeMap<String, String>> {
    let said = shell(&format!("{} XREVRANGE '{stream}' + - COUNT 20", redis_cli(app)));
    let mut events: Vec<BTreeMap<String, String>> = Vec::new();
    let mut lines = said.lines();
    while let Some(line) = lines.next() {
        let is_id = line
            .split_once('-')
            .is_some_and(|(ms, n)| ms.len() == 13 && ms.parse::<u64>().is_ok() && n.parse::<u64>().is_ok());
        if is_id {
            events.push(BTreeMap::new());
        } else if let Some(event) = events.last_mut() {
            event.insert(line.to_owned(), lines.next().unwrap().to_owned());
        }
    }
    events
}

/// Those events, once so many are there.
async fn events(app: &TestApp, stream: &str, count: usize) -> Vec<BTreeMap<String, String>> {
    until("events", async || Some(newest(app, stream)).filter(|events| events.len() == count)).await
}

#[tokio::test]
async fn what_happened_to_a_link_stands_in_its_partition() {
    let app = Setup::new().start().await;
    let link = app.invite("ada@example.com").await;
    lock(&app, &link).await;
    let (stream, id) = (stream(&app, &link), link.id().to_string());
    ask(&app, "unlock", app.keys().otp(&link.id()).name(), "");
    let events = events(&app, &stream, 3).await;
    let mut told: Vec<[&str; 4]> = events
        .iter()
        .map(|event| ["event", "who", "subject", "client"].map(|name| event.get(name).map_or("", |value| value)))
        .collect();
    // The operator's own may be there before what the node has gathered.
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ["code_locked", &id, &id, "127.0.0.*"],
            ["code_sent", "a***@e***.com", &id, "127.0.0.*"],
            ["unlocked", &id, &id, ""],
        ]
    );
    for event in &events {
        assert_eq!(event.contains_key("request_id"), event["event"] != "unlocked", "{event:?}");
        assert!(event["at"].parse::<u64>().is_ok(), "{event:?}");
    }
    // It does not stay for ever either.
    let life = app.resp().call(&["PTTL", &stream]).integer();
    assert!((2_591_000_000..=2_592_000_000).contains(&life), "{life}");
}

#[tokio::test]
async fn a_node_that_stops_writes_what_it_has_gathered() {
    let mut app = Setup::new().set("audit.gather", &"1h").start().await;
    let link = app.invite("ada@example.com").await;
    lock(&app, &link).await;
    assert_eq!(newest(&app, &stream(&app, &link)).len(), 0);
    app.nodes.clear();
    let names: Vec<String> = newest(&app, &stream(&app, &link)).iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["code_locked", "code_sent"]);
}

#[tokio::test]
async fn events_that_redis_does_not_take_are_counted_and_keep_nobody_waiting() {
    let app = Setup::new().start().await;
    let link = app.invite("ada@example.com").await;
    // Somebody has put something else there.
    let stream = stream(&app, &link);
    app.resp().call(&["SET", &stream, "", "EX", "60"]);
    lock(&app, &link).await;
    let metrics = format!("http://{}/metrics", app.nodes[0].admin);
    until("dropped events", async || {
        app.http.get(&metrics).await.text().contains("vestibule_audit_events_dropped_total 2").then_some(())
    })
    .await;
    app.resp().call(&["DEL", &stream]);
    app.pass(600_000);
    app.code(&link).await;
    assert_eq!(events(&app, &stream, 1).await[0]["event"], "code_sent");
}

#[tokio::test]
async fn a_batch_is_written_once_and_the_oldest_go() {
    let app = Setup::new().nodes(0).start().await;
    let add = |nonce: &str, keep: &str, events: usize| {
        let events = vec![r#"["event","code_sent"]"#; events].join(",");
        let source = include_str!("../../lua/audit_add.lua");
        let call = ["EVAL", source, "1", "vb:audit:{00}", nonce, keep, "60000", &format!("[{events}]")];
        assert_eq!(app.resp().call(&call), Value::Array(vec![Value::Text("added".to_owned())]));
        app.resp().call(&["XLEN", "vb:audit:{00}"]).integer()
    };
    // The reply was lost, and it is asked for again, another node's between.
    assert_eq!(["n1", "n1", "n2", "n1"].map(|nonce| add(nonce, "2000", 3)), [3, 3, 6, 6]);
    for nonce in 0..20 {
        add(&format!("m{nonce}"), "500", 256);
    }
    let kept = add("last", "500", 1);
    assert!((500..700).contains(&kept), "{kept}");
}
