//! The runbook, pasted: a node is brought into each trouble, and what an engineer would paste is run there by a shell.

mod book;

use std::collections::BTreeSet;
use std::path::Path;

use hyper::Method;
use serde_json::json;
use vestibule::node::Addresses;

use self::book::{Entry, entries, paste};
use crate::outage::{NO_RELAY, private_postgres, settle};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::program::Program;
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

const CLIENT: &str = "203.0.113.9";
const LOGIN: &str = "ada_lovelace";

/// Nothing is down: what one of the fleet's people did, or the machine does.
const EVERYDAY: [&str; 22] = [
    "VestibuleCandidatesWait",
    "VestibuleLinksLocked",
    "A candidate is not let in",
    "VestibuleClientsRefused",
    "A member cannot log in",
    "No reset mail arrives",
    "A right password is refused after Postgres failed over",
    "VestibuleLogInsShed",
    "VestibuleRefreshReused",
    "VestibuleQueueOverdue",
    "VestibulePostgresBusy",
    "VestibuleRedisFailedOver",
    "VestibuleRedisSlow",
    "VestibuleFleetDown",
    "VestibuleNodeDown",
    "VestibuleNodeFlaps",
    "VestibuleBuildsDiffer",
    "VestibuleClockOff",
    "VestibuleFilesRunOut",
    "VestibuleWorkersLag",
    "VestibuleTestRecipientsOn",
    "A key leaked",
];
const NO_RELAY_ANSWERS: [&str; 4] =
    ["Candidates say that the code never comes", "VestibuleCodesLate", "VestibuleRelayDown", "VestibuleMailWaits"];
const RELAY_REFUSES: [&str; 1] = ["VestibuleJobsRefused"];
const REDIS_IS_GONE: [&str; 2] = ["VestibuleCandidatesFail", "VestibuleRedisDown"];
const REDIS_IS_FULL: [&str; 1] = ["VestibuleRedisFull"];
const POSTGRES_IS_GONE: [&str; 2] = ["VestibuleMembersFail", "VestibulePostgresDown"];

/// A node as it is deployed, and the shell of the engineer who looks after it.
struct Scene {
    app: TestApp,
    node: Program,
    at: Addresses,
    link: Link,
}

impl Scene {
    async fn of(setup: Setup) -> Self {
        let setup = setup.nodes(0).behind_proxy().set("mail.sweep_interval", &"100ms").set("log.level", &"info");
        let app = setup.start().await;
        let node = Program::serve(&app.environment());
        let at = node.ready().await;
        let link = app.invite("ada@example.com").await;
        Self { app, node, at, link }
    }

    /// As a candidate from an address of their own.
    async fn ask(&self, endpoint: &str, body: &str) -> Answer {
        let headers = [("x-forwarded-for", CLIENT), ("content-type", "application/json")];
        let method = if endpoint == "info" { Method::GET } else { Method::POST };
        self.app.http.send(method, &self.link.url(self.at.public, endpoint), &headers, body).await
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.app.http.post_json(&format!("http://{}{path}", self.at.public), &body.to_string()).await
    }

    async fn paste(&self, names: &[&str]) {
        let program = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().unwrap().display().to_string();
        let path = std::env::vars().find(|(name, _)| name == "PATH").unwrap().1;
        let mut shell = self.app.environment();
        shell.extend(
            [
                ("PATH", format!("{program}:{path}")),
                ("REDIS", format!("redis-cli --raw {}", self.app.redis.cli_args().join(" "))),
                ("ADMIN", format!("http://{}", self.at.admin)),
                ("DB", self.app.database.clone()),
                ("LOG", format!("cat {}", self.node.log_file().display())),
                ("LINK", format!("https://interviews.example.com/interview/join/{}", self.link.token)),
                ("LOGIN", LOGIN.to_owned()),
                ("ADDRESS", CLIENT.to_owned()),
                ("WHO", "a***".to_owned()),
                ("ME", "root@edge-1".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let book = entries();
        for name in names {
            let entry = book.iter().find(|entry| entry.name == *name);
            paste(entry.unwrap_or_else(|| panic!("there is no entry {name:?}")), &shell).await;
        }
    }
}

#[test]
fn every_alert_has_an_entry_and_every_entry_is_tried() {
    let alerts = include_str!("../../config/alerts.yml");
    let alerts: BTreeSet<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let book = entries();
    let names: BTreeSet<&str> = book.iter().map(|entry| entry.name.as_str()).collect();
    let missing: Vec<_> = alerts.difference(&names).collect();
    assert!(missing.is_empty(), "alerts without an entry: {missing:?}");
    let stale: Vec<_> = names.difference(&alerts).filter(|name| name.starts_with("Vestibule")).collect();
    assert!(stale.is_empty(), "entries whose alert is gone: {stale:?}");

    let scenes: [&[&str]; 6] =
        [&EVERYDAY, &NO_RELAY_ANSWERS, &RELAY_REFUSES, &REDIS_IS_GONE, &REDIS_IS_FULL, &POSTGRES_IS_GONE];
    let tried: Vec<&str> = scenes.concat();
    assert_eq!(tried.len(), book.len(), "an entry is tried twice, or not at all");
    assert_eq!(tried.into_iter().collect::<BTreeSet<_>>(), names);
    for Entry { name, .. } in &book {
        let entry = book.iter().find(|entry| entry.name == *name).unwrap();
        for part in ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
            let text = entry.part(part).unwrap_or_else(|| panic!("{name} has no {part}"));
            assert!(!text.trim().is_empty(), "{name}: {part} says nothing");
        }
        assert!(!entry.lines().is_empty(), "{name}: there is nothing to paste");
    }
}

#[tokio::test]
async fn what_people_do_is_seen_and_undone() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let scene = Scene::of(Setup::new().relay(&sink.url())).await;
    scene.app.clock.freeze();
    scene.ask("request-otp", "").await.assert_status(202);
    sink.mail_to("ada@example.com", 1).await;
    for status in [401, 401, 429] {
        // One in a million is right.
        scene.ask("verify-otp", r#"{"otp":"000000"}"#).await.assert_status(status);
    }
    // 120 a minute, and 4 were asked already.
    for _ in 0..116 {
        scene.ask("info", "").await.assert_status(200);
    }
    scene.ask("info", "").await.assert_problem(429, "rate-limited");

    let ada = json!({"username": LOGIN, "email": "ada@example.org", "password": "correct horse battery"});
    let token = scene.post("/auth/signup", &ada).await.assert_status(201).text_of("refreshToken");
    let mut newest = token.clone();
    for _ in 0..2 {
        newest = scene
            .post("/auth/refresh", &json!({"refreshToken": newest}))
            .await
            .assert_status(200)
            .text_of("refreshToken");
    }
    scene.post("/auth/refresh", &json!({"refreshToken": token})).await.assert_problem(401, "refresh-invalid");
    for _ in 0..5 {
        scene.post("/auth/login", &json!({"login": LOGIN, "password": "wrong"})).await.assert_status(401);
    }
    scene.post("/auth/login", &json!({"login": LOGIN, "password": "wrong"})).await.assert_status(429);
    scene.paste(&EVERYDAY).await;
}

#[tokio::test]
async fn a_relay_that_is_down_is_seen() {
    let scene = Scene::of(Setup::new().relay(NO_RELAY)).await;
    scene.ask("request-otp", "").await.assert_status(202);
    until("a mail that is put off", || async { scene.node.log().contains("a job is put off").then_some(()) }).await;
    scene.paste(&NO_RELAY_ANSWERS).await;
}

#[tokio::test]
async fn a_relay_that_refuses_is_seen() {
    let sink = SmtpSink::start(Behaviour::Refuse).await;
    let scene = Scene::of(Setup::new().relay(&sink.url())).await;
    scene.ask("request-otp", "").await.assert_status(202);
    until("a mail that is given up", || async { scene.node.log().contains("a job is given up").then_some(()) }).await;
    let partition = scene.app.keys().partition(&scene.link.id());
    let refused = scene.app.keys().refused(partition);
    until("its reason in Redis", || async {
        scene.app.resp().keys().iter().any(|key| key == refused.name()).then_some(())
    })
    .await;
    scene.paste(&RELAY_REFUSES).await;
}

#[tokio::test]
async fn a_redis_that_is_gone_is_seen() {
    let mut scene = Scene::of(Setup::new().relay(NO_RELAY)).await;
    scene.app.redis.kill().unwrap();
    scene.ask("info", "").await.assert_problem(503, "unavailable");
    scene.paste(&REDIS_IS_GONE).await;
}

#[tokio::test]
async fn a_redis_that_is_full_is_seen() {
    let scene = Scene::of(Setup::new().relay(NO_RELAY)).await;
    scene.ask("info", "").await.assert_status(200);
    scene.app.resp().call(&["CONFIG", "SET", "maxmemory", "1"]);
    scene.ask("request-otp", "").await.assert_problem(503, "unavailable");
    scene.paste(&REDIS_IS_FULL).await;
    scene.ask("request-otp", "").await.assert_status(202);
}

#[tokio::test]
async fn a_postgres_that_is_gone_is_seen() {
    let (mut postgres, url) = private_postgres().await;
    let mut scene = Scene::of(Setup::new().relay(NO_RELAY).set("postgres.url", &url)).await;
    scene.app.database.clone_from(&url);
    settle(&url).await;
    postgres.kill().unwrap();
    let nobody = json!({"login": "nobody", "password": "wrong"});
    scene.post("/auth/login", &nobody).await.assert_problem(503, "unavailable");
    scene.paste(&POSTGRES_IS_GONE).await;
}
