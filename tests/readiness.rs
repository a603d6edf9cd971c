//! `/readyz` names what is wrong, in words that an engineer can act on, and keeps the node in.

use vestibule::dev::servers::{RedisOptions, RedisServer};

use crate::outage::private_postgres;
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::held::Held;
use crate::support::members::PASSWORD;
use crate::support::postgres::{fresh_folder, query};
use crate::support::resp::Resp;
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

/// Waits until exactly this is wrong, and says so in these words; nothing where all is well.
async fn wrong(app: &TestApp, node: &Node, dependency: &str, words: Option<&str>) {
    let url = format!("http://{}/readyz", node.admin);
    until(&format!("{dependency} to be {words:?}"), async || {
        let body = app.http.get(&url).await.assert_status(200).json();
        assert_eq!(body["status"], "ready", "{body}");
        let problems = body["problems"].as_array().unwrap();
        for problem in problems {
            let named = problem["dependency"].as_str().unwrap();
            assert!(named == "mail" || body[named] == "down", "{body}");
        }
        let told = match (problems.as_slice(), words) {
            ([], None) => body["redis"] == "up" && body["postgres"] == "up",
            ([one], Some(words)) => {
                one["dependency"] == dependency && one["cause"].as_str().is_some_and(|cause| cause.contains(words))
            }
            _ => false,
        };
        told.then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_redis_is_said() {
    let mut app = TestApp::start().await;
    let node = app.nodes.remove(0);
    let config = |name: &str, value: &str| drop(app.resp().call(&["CONFIG", "SET", name, value]));
    wrong(&app, &node, "redis", None).await;
    config("maxmemory-policy", "allkeys-lru");
    wrong(&app, &node, "redis", Some("maxmemory-policy is \"allkeys-lru\"")).await;
    config("maxmemory-policy", "noeviction");
    config("maxmemory", "1000000");
    wrong(&app, &node, "redis", Some("OOM: used_memory is")).await;
    config("maxmemory", "0");
    app.resp().call(&["HSET", app.keys().meta().name(), "partitions", "8"]);
    wrong(&app, &node, "redis", Some("this data was laid out for 8")).await;
    app.resp().call(&["HSET", app.keys().meta().name(), "partitions", "16"]);
    wrong(&app, &node, "redis", None).await;
    config("min-replicas-to-write", "1");
    wrong(&app, &node, "redis", Some("a write failed: NOREPLICAS")).await;
    config("min-replicas-to-write", "0");
    wrong(&app, &node, "redis", None).await;
    if !app.redis.url().starts_with("redis-cluster:") {
        app.resp().call(&["REPLICAOF", "127.0.0.1", "1"]);
        wrong(&app, &node, "redis", Some("READONLY: this is a replica")).await;
        app.resp().call(&["REPLICAOF", "NO", "ONE"]);
        wrong(&app, &node, "redis", None).await;
    }
    app.redis.pause().unwrap();
    wrong(&app, &node, "redis", Some("no answer in 400 ms from a server that takes connections: it is stopped")).await;
    app.redis.resume().unwrap();
    app.redis.kill().unwrap();
    wrong(&app, &node, "redis", Some("onnection refused")).await;
    app.redis.restart().unwrap();
    wrong(&app, &node, "redis", None).await;
}

#[tokio::test]
async fn a_log_in_that_redis_refuses_is_said_without_the_password() {
    let redis = RedisServer::start(RedisOptions { dir: fresh_folder("redis"), ..RedisOptions::default() }).unwrap();
    let mut resp = Resp::connect(redis.socket()).unwrap();
    let acl = |resp: &mut Resp, password: &str| drop(resp.call(&["ACL", "SETUSER", "vest", "resetpass", password]));
    resp.call(&["ACL", "SETUSER", "vest", "on", "~*", "+@all"]);
    acl(&mut resp, ">hunter2");
    let url = format!("redis+unix://vest:hunter2@{}", redis.socket().display());
    let app = Setup::new().set("redis.url", &url).start().await;
    let node = &app.nodes[0];
    wrong(&app, node, "redis", None).await;
    acl(&mut resp, ">changed");
    resp.call(&["CLIENT", "KILL", "USER", "vest"]);
    wrong(&app, node, "redis", Some("refuses our log-in: WRONGPASS")).await;
    let body = app.http.get(&format!("http://{}/readyz", node.admin)).await;
    assert!(!body.text().contains("hunter2"), "{}", body.text());
    acl(&mut resp, ">hunter2");
    wrong(&app, node, "redis", None).await;
}

#[tokio::test]
async fn what_is_wrong_with_postgres_is_said() {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().set("postgres.url", &url).start().await;
    let node = &app.nodes[0];
    wrong(&app, node, "postgres", None).await;
    query(&url, "ALTER DATABASE vestibule SET default_transaction_read_only = on").await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vestibule'";
    query(&url, end).await;
    wrong(&app, node, "postgres", Some("it takes no writes")).await;
    let admin = postgres.url("postgres");
    query(&admin, "ALTER DATABASE vestibule RESET default_transaction_read_only").await;
    query(&admin, end).await;
    wrong(&app, node, "postgres", None).await;
    query(&url, "DELETE FROM refinery_schema_history WHERE version > 1").await;
    wrong(&app, node, "postgres", Some("the schema is at version 1, ")).await;
    postgres.pause().unwrap();
    wrong(&app, node, "postgres", Some("no answer in 400 ms")).await;
    postgres.resume().unwrap();
    postgres.kill().unwrap();
    wrong(&app, node, "postgres", Some("error connecting to server: ")).await;
}

#[tokio::test]
async fn a_postgres_whose_connections_are_all_in_use_is_told_from_one_that_is_silent() {
    let patience =
        [("postgres.connections_max", "1"), ("postgres.statement_timeout", "20s"), ("postgres.wait_timeout", "20s")];
    let app = patience.iter().fold(Setup::new(), |setup, (key, value)| setup.set(key, value)).start().await;
    let (node, ada) = (&app.nodes[0], app.member("ada").await);
    wrong(&app, node, "postgres", None).await;
    let held = Held::users(&app.database).await;
    let (http, url) = (app.http.clone(), format!("http://{}/auth/login", node.public));
    let body = format!(r#"{{"login":"{}","password":"{PASSWORD}"}}"#, ada.username);
    let waits = tokio::spawn(async move { http.post_json(&url, &body).await });
    wrong(&app, node, "postgres", Some("every connection of the pool is in use")).await;
    held.release().await;
    waits.await.unwrap().assert_status(200);
    wrong(&app, node, "postgres", None).await;
}

#[tokio::test]
async fn what_the_relay_said_of_the_last_mail_is_said() {
    let sink = SmtpSink::start(Behaviour::Barred).await;
    let app = Setup::new().relay(&sink.url()).set("mail.sweep_interval", &"100ms").start().await;
    let node = &app.nodes[0];
    wrong(&app, node, "mail", None).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    wrong(&app, node, "mail", Some("the relay did not take the last mail, 0 s ago: connect: 554")).await;
    let body = app.http.get(&format!("http://{}/readyz", node.admin)).await;
    assert!(!body.text().contains("ada@example.com"), "{}", body.text());
    // A relay that will not take this mail now is well.
    sink.behave(Behaviour::Defer);
    until("a relay that says something of the mail", async || {
        app.pass(1_000);
        let body = app.http.get(&format!("http://{}/readyz", node.admin)).await.assert_status(200).json();
        body["problems"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(sink.seen().letters, 0);
}
