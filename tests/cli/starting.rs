//! `vestibule migrate`, and a node that cannot start.

use std::net::TcpListener;

use super::{assert_code, assert_refused, stdout};
use crate::support::app::{Setup, vestibule};
use crate::support::child::Served;
use crate::support::postgres::empty_database;

#[tokio::test]
async fn a_schema_is_brought_up_to_date_once_however_many_try_at_once() {
    let database = empty_database().await;
    let environment = [("VESTIBULE_POSTGRES__URL", database.as_str())];
    let migrate = || vestibule(&["migrate"], &environment);
    let (a, b, c, d) = tokio::join!(migrate(), migrate(), migrate(), migrate());
    let mut applied = Vec::new();
    for output in [a, b, c, d] {
        assert_code(&output, 0);
        applied.extend(stdout(&output).lines().filter(|line| line.starts_with("Applied ")).map(str::to_owned));
    }
    assert!(!applied.is_empty());
    let times = applied.len();
    applied.sort();
    applied.dedup();
    assert_eq!(applied.len(), times, "{applied:?}");

    let again = migrate().await;
    assert_code(&again, 0);
    assert_eq!(stdout(&again), "The schema is up to date.\n");
}

#[tokio::test]
async fn a_node_refuses_a_database_without_its_schema() {
    let app = Setup::new().nodes(0).set("postgres.url", &empty_database().await).start().await;
    let mut child = Served::launch(&app, "", &[]);
    assert_eq!(child.ended().await.code(), Some(69));
    child.line("run `vestibule migrate`").await;
}

#[tokio::test]
async fn a_node_refuses_a_redis_that_forgets() {
    let app = Setup::new().nodes(0).start().await;
    app.resp().call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let output = app.run(&["serve"]).await;
    assert_refused(&output, 69, &["noeviction"]);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let app = Setup::new().nodes(0).start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["http.listen", "admin.listen"] {
        let mut child = Served::launch(&app, "", &[(key, &address)]);
        assert_eq!(child.ended().await.code(), Some(64), "{:#?}", child.lines());
        let line = child.line("cannot listen").await;
        assert!(line.contains(key) && line.contains(&address) && line.contains("in use"), "{line}");
    }
}
