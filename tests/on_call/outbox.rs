//! What waits, and why.

use tokio::task::yield_now;
use vestibule::jobs::Queue;

use super::{ask, assert_says, noon, redis_cli, shell};
use crate::support::app::Setup;
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

#[tokio::test]
async fn what_waits_is_told_with_the_cause_and_what_was_refused_after_it() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = noon(Setup::new().relay(&sink.url())).await;
    let link = app.invite("ada@example.com").await;
    let (id, keys) = (link.id(), app.keys());
    let queue = keys.queue(Queue::Mail, keys.partition(&id)).name().to_owned();
    assert_eq!(ask(&app, "outbox", &queue, ""), [format!("{queue}: 0 waiting")]);
    assert!(app.run(&["explain", "outbox"]).await.stdout.starts_with(b"Nothing waits"));

    app.request(&link).await.assert_status(202);
    let deferred = "DEFERRED after 1 try failed, the last one 0 s ago: recipient: 451 4.7.1 greylisted";
    let said = until("a mail that is put off", async || {
        // To ask blocks this thread, on which the relay runs too.
        yield_now().await;
        Some(ask(&app, "outbox", &queue, "")).filter(|said| said.iter().any(|line| line.contains(deferred)))
    })
    .await;
    let line = format!("code-{id} to a***@e***.com, due in 0 s, ends in 10 min 0 s. DEFERRED after 1 try failed...");
    assert_says(&said, &[&format!("{queue}: 1 waiting"), &line]);

    // As its header shows it, over all partitions.
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/lua/ops/outbox.lua")).unwrap();
    let lines: Vec<&str> = header.lines().filter_map(|line| line.strip_prefix("--   ")).collect();
    let all = shell(&lines[..2].join("\n").replace("redis-cli --raw", &redis_cli(&app)));
    assert_eq!((all.matches(" waiting").count(), all.matches(": 1 waiting").count()), (16, 1), "{all}");
    let told = String::from_utf8(app.run(&["explain", "outbox"]).await.stdout).unwrap();
    assert!(told.starts_with(&format!("{queue}: 1 waiting\n")) && told.contains("DEFERRED"), "{told}");

    sink.behave(Behaviour::Refuse);
    app.pass(28_000);
    let said = until("a mail that is refused", async || {
        // To ask blocks this thread, on which the relay runs too.
        yield_now().await;
        Some(ask(&app, "outbox", &queue, "")).filter(|said| said.len() == 2 && said[1].starts_with("REFUSED"))
    })
    .await;
    let refused = format!("REFUSED 0 s ago: code-{id} to a***@e***.com recipient: ...");
    assert_says(&said, &[&format!("{queue}: 0 waiting"), &refused]);
    let told = String::from_utf8(app.run(&["explain", "outbox"]).await.stdout).unwrap();
    assert!(told.contains("REFUSED"), "{told}");
    // The other queues have none of it.
    assert_eq!(ask(&app, "outbox", &queue.replace(":mail:", ":starts:"), "").len(), 1);
    assert_says(&ask(&app, "outbox", "vb:meta", ""), &["NO QUEUE: ..."]);
}
