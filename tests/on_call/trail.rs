//! The audit trail in Redis.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vestibule::audit::{Entry, Event, Trail, Writer};
use vestibule::config::{Audit, Config, Mode};
use vestibule::id::Id;
use vestibule::metrics::Metrics;
use vestibule::redis::{Gate, Redis};

use super::{ask, lock, redis_cli, shell};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::child::Served;
use crate::support::resp::Value;
use crate::support::until::{answered, until};

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
            let told = lines.next().unwrap().split(' ').map(|word| word.split_once('=').unwrap());
            event.extend(told.chain([("event", line)]).map(|(name, value)| (name.to_owned(), value.to_owned())));
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
        let events = "code_sent who=a*** at=7\n".repeat(events);
        let source = include_str!("../../lua/audit_add.lua");
        let batch = format!("vb:audit_batch:{{00}}:{nonce}");
        let call = ["EVAL", source, "2", "vb:audit:{00}", &batch, keep, "60000", "10000", &events];
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

/// Events of as many subjects, whose writer is not a node's.
async fn writer(app: &TestApp, gather: Duration) -> (Writer, Vec<Entry<'static>>) {
    let settings = &mut app.environment().into_iter();
    let config = Config::load(None, settings, Mode::Development).unwrap_or_else(|error| panic!("{error}"));
    let gate = Arc::new(Gate::new(64, 64, Duration::from_secs(1)));
    let redis = Redis::connect(&config.redis, gate, Arc::new(Metrics::new())).await.unwrap();
    let entries = (0..3_000).map(|_| Entry::new(Event::CodeSent, Id::nonce(), "a***")).collect();
    (Writer::new(redis, app.keys(), Audit { gather, ..config.audit }), entries)
}

fn written(app: &TestApp) -> i64 {
    let (mut resp, keys) = (app.resp(), app.keys());
    keys.all_partitions().map(|partition| resp.call(&["XLEN", keys.audit(partition).name()]).integer()).sum()
}

#[tokio::test]
async fn a_full_batch_does_not_wait_for_the_next() {
    // Whether a machine that others load writes in time is not what is asked of it here.
    let app = Setup::new().nodes(0).set("redis.command_timeout", &"10s").start().await;
    let (writer, entries) = writer(&app, Duration::from_secs(3_600)).await;
    let (metrics, stop) = (Arc::new(Metrics::new()), CancellationToken::new());
    let trail = Trail::new(app.keys(), metrics);
    let run = tokio::spawn(writer.run(trail.clone(), stop.clone()));
    entries[..1_024].iter().for_each(|entry| trail.record(entry));
    // Seldom: to look stops the thread that the writer runs on, too.
    let (period, patience) = (Duration::from_millis(500), Duration::from_secs(60));
    let full = answered(period, patience, async || match written(&app) {
        1_024 => Ok(()),
        some => Err(format!("{some} are written")),
    });
    assert_eq!(full.await, Ok(()));
    // These would have to wait for an hour.
    entries[1_024..2_000].iter().for_each(|entry| trail.record(entry));
    stop.cancel();
    run.await.unwrap();
    assert_eq!(written(&app), 2_000);
}

#[tokio::test]
async fn what_there_is_no_room_for_is_counted() {
    let app = Setup::new().nodes(0).start().await;
    let (writer, entries) = writer(&app, Duration::from_millis(1)).await;
    let metrics = Arc::new(Metrics::new());
    let trail = Trail::new(app.keys(), Arc::clone(&metrics));
    // Of one partition a batch has 1,024, of all 4,096.
    let of_one = Entry::new(Event::LogInFailed, Id::parse(&"0".repeat(32)).unwrap(), "a***");
    for entry in std::iter::repeat_n(&of_one, 1_030).chain(&entries).chain(&entries) {
        trail.record(entry);
    }
    assert!(metrics.render().contains("vestibule_audit_events_dropped_total 2934\n"), "{}", metrics.render());
    let stop = CancellationToken::new();
    stop.cancel();
    writer.run(trail, stop).await;
    assert_eq!(written(&app), 4_096);
}

#[tokio::test]
async fn a_redis_that_is_silent_holds_up_a_batch_for_two_seconds() {
    let app = Setup::new().nodes(0).start().await;
    let (writer, entries) = writer(&app, Duration::from_millis(1)).await;
    app.redis.pause().unwrap();
    let started = Instant::now();
    let dropped = writer.write(&entries[..256]).await;
    let took = started.elapsed();
    app.redis.resume().unwrap();
    assert_eq!(dropped, 256);
    println!("given up after {took:?}");
    // 16 partitions one after the other: 11.9 s.
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_is_told_once() {
    let app = Setup::new().nodes(0).start().await;
    let node = Served::start(&app, &[("audit.gather", "2s")]).await;
    for partition in app.keys().all_partitions() {
        app.resp().call(&["SET", app.keys().audit(partition).name(), "", "EX", "600"]);
    }
    for name in ["ada", "bob", "eve", "joe", "liz"] {
        let body = format!(r#"{{"login":"{name}","password":"wrong"}}"#);
        app.http.post_json(&format!("http://{}/auth/login", node.public), &body).await.assert_status(401);
    }
    let line = node.child.line("the audit trail in redis lacks events").await;
    assert!(line.contains(r#""events":5"#) && line.contains("WRONGTYPE"), "{line}");
    assert_eq!(node.child.lines().iter().filter(|line| line.contains("lacks events")).count(), 1);
}

#[tokio::test]
async fn who_is_refused_on_and_on_does_not_empty_the_trail() {
    let app = Setup::new().set("limits.login_ip.max", &8).start().await;
    for (login, wrong, refused) in [("ada", 5, 30), ("eve", 3, 30)] {
        for nth in 0..wrong + refused {
            app.log_in(login, "wrong").await.assert_status(if nth < wrong { 401 } else { 429 });
        }
    }
    let count = |event: &str| {
        let streams = app.keys().all_partitions().map(|partition| newest(&app, app.keys().audit(partition).name()));
        streams.flatten().filter(|told| told["event"] == event).count()
    };
    until("what was wrong", async || (count("log_in_failed") == 8).then_some(())).await;
    // One of the name that waits, one of the client that is over.
    assert_eq!(count("log_in_throttled"), 2);
}
