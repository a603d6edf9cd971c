//! The audit trail: each event once, when it has happened, and nothing in it that would help a thief.

mod members;

use hyper::Method;
use serde_json::Value;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::child::Served;
use crate::support::http::Answer;
use crate::support::smtp::{Behaviour, SmtpSink};

/// What the trail shows of an event, in this order: event, who, client, request.
type Entry = [String; 4];

/// A node that is a program, a relay, and a link.
struct Room {
    sink: SmtpSink,
    node: Served,
    link: Link,
    app: TestApp,
}

impl Room {
    async fn start(log_level: &str) -> Self {
        let sink = SmtpSink::start(Behaviour::Accept).await;
        let app = Setup::new().nodes(0).relay(&sink.url()).set("mail.sweep_interval", &"100ms").start().await;
        let link = app.invite("ada@example.com").await;
        let relay = sink.url();
        let changes = [("mail.url", relay.as_str()), ("log.level", log_level), ("trusted_proxies", "127.0.0.0/8")];
        let node = Served::start(&app, &changes).await;
        Self { sink, node, link, app }
    }

    async fn post(&self, id: &str, endpoint: &str, body: &str) -> Answer {
        let headers = [("x-request-id", id), ("x-forwarded-for", "203.0.113.9"), ("content-type", "application/json")];
        self.app.http.send(Method::POST, &self.link.url(self.node.public, endpoint), &headers, body).await
    }

    async fn verify(&self, id: &str, code: &str) -> Answer {
        self.post(id, "verify-otp", &format!(r#"{{"otp":"{code}"}}"#)).await
    }

    /// The code in the `nth` mail.
    async fn code(&self, nth: usize) -> String {
        self.sink.mail_to("ada@example.com", nth).await.subject[..6].to_owned()
    }

    /// The trail so far.
    fn trail(&self) -> Vec<Entry> {
        entries(&self.node.child.lines())
    }
}

fn entries(lines: &[String]) -> Vec<Entry> {
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
    let trail = lines.filter(|line| line["target"] == "vestibule::audit");
    let trail = trail.inspect(|line| {
        let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let origin = if line.get("client").is_some() { &["client", "request_id"][..] } else { &[] };
        let mut expected = [&["event", "level", "target", "timestamp", "who"], origin].concat();
        expected.sort_unstable();
        assert_eq!(members, expected, "{line}");
    });
    trail.map(|line| ["event", "who", "client", "request_id"].map(|name| text(&line[name]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entry(event: &str, who: &str, request: &str) -> Entry {
    let client = if request.is_empty() { "" } else { "203.0.113.9" };
    [event, who, client, request].map(str::to_owned)
}

/// Six digits that are not these.
fn not(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn a_candidates_way_leaves_each_event_once() {
    let room = Room::start("info").await;
    room.post("asked-first", "request-otp", "").await.assert_status(202);
    let first = room.code(1).await;
    room.post("asked-too-soon", "request-otp", "").await.assert_problem(429, "otp-resend-too-soon");
    room.verify("typed-wrong", &not(&first)).await.assert_problem(401, "otp-incorrect");
    room.verify("typed-right", &first).await.assert_status(200);
    room.verify("typed-twice", &first).await.assert_problem(401, "otp-expired");

    room.app.pass(60_000);
    room.post("asked-again", "request-otp", "").await.assert_status(202);
    let second = room.code(2).await;
    for (id, status) in [("missed-once", 401), ("missed-twice", 401), ("missed-thrice", 429), ("missed-on", 429)] {
        room.verify(id, &not(&second)).await.assert_status(status);
    }
    // A request's line comes after its event.
    room.node.child.line("\"request_id\":\"missed-on\"").await;

    let link = room.link.id().to_string();
    assert_eq!(
        room.trail(),
        [
            entry("code_sent", "a***@e***.com", "asked-first"),
            entry("code_verified", &link, "typed-right"),
            entry("code_sent", "a***@e***.com", "asked-again"),
            entry("code_locked", &link, "missed-thrice"),
        ]
    );
    let said = room.node.child.lines().join("\n");
    for secret in [&room.link.token, "ada@example.com", "Lovelace"] {
        assert!(!said.contains(secret), "{secret} is in\n{said}");
    }
}

#[tokio::test]
async fn the_trail_can_be_kept_alone() {
    // The node has to say where it is.
    let room = Room::start("warn,vestibule::audit=info,vestibule::node=info").await;
    room.verify("typed-early", "123456").await.assert_problem(401, "otp-expired");
    room.post("asked-first", "request-otp", "").await.assert_status(202);
    room.node.child.line("asked-first").await;
    let others: Vec<String> = room.node.child.lines().into_iter().filter(|line| !line.contains("::node")).collect();
    assert_eq!(entries(&others).len(), others.len(), "{others:#?}");
    assert_eq!(room.trail(), [entry("code_sent", "a***@e***.com", "asked-first")]);
}

#[tokio::test]
async fn what_an_operator_does_to_a_link_is_in_the_trail_too() {
    let mut app = Setup::new().nodes(0).start().await;
    let link = app.invite("ada@example.com").await;
    app.set("log.level", "warn,vestibule::audit=info");
    for (arguments, event) in [
        (&["interview", "reissue", &link.interview, "--json"][..], "link_reissued"),
        (&["interview", "revoke", &link.interview], "link_revoked"),
    ] {
        let output = app.run(arguments).await;
        assert!(output.status.success(), "{output:?}");
        let said: Vec<String> = String::from_utf8(output.stderr).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(said.len(), 1, "{said:#?}");
        assert_eq!(entries(&said), [entry(event, &link.interview, "")]);
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    }

    app.set("log.format", "human");
    let output = app.run(&["interview", "revoke", &link.interview]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let words = format!("vestibule::audit: event=\"link_revoked\" who=\"{}\"", link.interview);
    assert!(said.contains(&words), "{said}");

    let output = app.run(&["interview", "revoke", "01890000-0000-7000-8000-000000000000"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("vestibule::audit"), "{said}");
}
