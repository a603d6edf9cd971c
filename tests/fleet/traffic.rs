//! Steady traffic: people who come, one story after the other, until they are told to stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval};

use super::ledger::{Ledger, Request};
use super::stage::Stage;
use super::story;
use crate::support::members::PASSWORD;
use crate::support::raw::{Raw, RawAnswer};
use crate::support::until::until;

/// Of one visitor, between two requests.
const PACE: Duration = Duration::from_millis(25);
const RECRUITER: &str = "recruiter";
const MEMBERS: [&str; 4] = ["ada", "bob", "cid", "dora"];

/// Who is on the way.
pub(super) struct Traffic {
    road: Arc<Road>,
    visitors: JoinSet<()>,
}

/// What all visitors share.
pub(super) struct Road {
    pub(super) proxy: SocketAddr,
    /// Where each node shows captured mail.
    pub(super) mailboxes: Vec<SocketAddr>,
    ledger: Mutex<Ledger>,
    stop: AtomicBool,
    /// Stories that came to their end, by what they are about.
    pub(super) candidates: AtomicUsize,
    pub(super) members: AtomicUsize,
}

/// Somebody with a browser.
pub(super) struct Visitor {
    pub(super) road: Arc<Road>,
    connection: Option<Raw>,
    keeps: bool,
    pace: Interval,
}

impl Traffic {
    /// Signs everybody up, and sends them on their way.
    pub(super) async fn start(stage: &Stage) -> Self {
        let road = Arc::new(Road {
            proxy: stage.address,
            mailboxes: stage.nodes().iter().map(|node| node.admin).collect(),
            ledger: Mutex::default(),
            stop: AtomicBool::new(false),
            candidates: AtomicUsize::new(0),
            members: AtomicUsize::new(0),
        });
        let mut clerk = Visitor::new(&road, true);
        for name in MEMBERS.into_iter().chain([RECRUITER]) {
            let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
            clerk.post("POST /auth/signup", "/auth/signup", "", &body, 201).await.expect("somebody signs up");
        }
        stage.run(&format!("user role {RECRUITER} recruiter"));
        let recruiter = clerk.log_in(RECRUITER).await.expect("the recruiter logs in");
        let link = clerk.invite(&recruiter, "reader@example.com").await.expect("an invitation");

        let mut visitors = JoinSet::new();
        for keeps in [true, false] {
            visitors.spawn(story::reader(Visitor::new(&road, keeps), link.clone()));
            for nth in 0..2 {
                let name = format!("candidate{nth}{keeps}");
                visitors.spawn(story::candidates(Visitor::new(&road, keeps), recruiter.clone(), name));
                let member = MEMBERS[2 * usize::from(keeps) + nth];
                visitors.spawn(story::members(Visitor::new(&road, keeps), member));
            }
        }
        Self { road, visitors }
    }

    /// So many more stories of each kind come to their end.
    pub(super) async fn flows(&self, stories: usize) {
        let count = || (self.road.candidates.load(Ordering::Relaxed), self.road.members.load(Ordering::Relaxed));
        let before = count();
        until("traffic to flow", async || {
            let now = count();
            (now.0 >= before.0 + stories && now.1 >= before.1 + stories).then_some(())
        })
        .await;
    }

    /// Everybody finishes their story.
    pub(super) async fn stop(self) -> Ledger {
        self.road.stop.store(true, Ordering::Relaxed);
        self.visitors.join_all().await;
        std::mem::take(&mut self.road.ledger.lock().unwrap())
    }
}

impl Road {
    pub(super) fn is_open(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Visitor {
    fn new(road: &Arc<Road>, keeps: bool) -> Self {
        Self { road: Arc::clone(road), connection: None, keeps, pace: interval(PACE) }
    }

    pub(super) async fn get(
        &mut self,
        what: &'static str,
        path: &str,
        headers: &str,
        expected: u16,
    ) -> Option<RawAnswer> {
        self.ask(what, path, headers, "", expected).await
    }

    pub(super) async fn post(
        &mut self,
        what: &'static str,
        path: &str,
        headers: &str,
        body: &Value,
        expected: u16,
    ) -> Option<RawAnswer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = format!("{headers}content-type: application/json\r\n");
        self.ask(what, path, &headers, &body, expected).await
    }

    /// The answer, if it is the one that is expected; no request is sent twice.
    async fn ask(
        &mut self,
        what: &'static str,
        path: &str,
        headers: &str,
        body: &str,
        expected: u16,
    ) -> Option<RawAnswer> {
        self.pace.tick().await;
        let method = what.split(' ').next().unwrap();
        let close = if self.keeps { "" } else { "connection: close\r\n" };
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{close}{headers}content-length: {length}\r\n\r\n{body}");
        let kept = self.connection.is_some();
        let began = Instant::now();
        let answer = self.exchange(&request).await;
        let (status, ended) = (answer.as_ref().map(|answer| answer.status), Instant::now());
        let request = Request { what, kept, expected, status, began, ended };
        self.road.ledger.lock().unwrap().0.push(request);
        answer.filter(|answer| answer.status == expected)
    }

    async fn exchange(&mut self, request: &str) -> Option<RawAnswer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Raw::try_connect(self.road.proxy).await.ok()?,
        };
        connection.try_send(request).await.ok()?;
        let answer = connection.try_answer(false).await?;
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.connection = Some(connection).filter(|_| self.keeps && !closes);
        Some(answer)
    }

    /// The access token of a new session.
    pub(super) async fn log_in(&mut self, login: &str) -> Option<String> {
        let body = json!({"login": login, "password": PASSWORD});
        let session = self.post("POST /auth/login", "/auth/login", "", &body, 200).await?.json();
        Some(session["accessToken"].as_str().unwrap().to_owned())
    }

    /// The path of a new link's endpoints.
    pub(super) async fn invite(&mut self, recruiter: &str, email: &str) -> Option<String> {
        let body =
            json!({"candidateName": "Ada", "candidateEmail": email, "position": "Analyst", "durationMinutes": 60});
        let bearer = format!("authorization: Bearer {recruiter}\r\n");
        let made = self.post("POST /interviews", "/interviews", &bearer, &body, 201).await?.json();
        let token = made["joinUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        Some(format!("/candidate-access/{token}"))
    }
}
