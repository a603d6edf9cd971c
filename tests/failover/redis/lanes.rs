//! Steady traffic: every kind of request, over and over, on every worker of every node.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::http::{Answer, Http};
use crate::support::members::PASSWORD;
use crate::support::until::until;

/// Workers of each node: connections are dealt to them in turn.
pub(super) const WORKERS: usize = 2;
/// Between two requests of a lane: 4 lanes make 200 requests a second.
const PACE: Duration = Duration::from_millis(20);

/// Every kind of request, in the order in which a lane makes them.
pub(super) const KINDS: [&str; 7] =
    ["info", "request-otp", "verify-otp", "log in", "refresh", "authz/user", "authz/candidate"];

/// One answer.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) lane: usize,
    pub(super) kind: usize,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) status: u16,
}

impl Sample {
    pub(super) fn failed(&self) -> bool {
        self.status >= 500
    }
}

/// The traffic; dropped, it ends.
pub(super) struct Lanes {
    samples: Arc<Mutex<Vec<Sample>>>,
    count: usize,
    _tasks: JoinSet<()>,
}

/// One connection, and who speaks over it.
struct Lane {
    number: usize,
    node: std::net::SocketAddr,
    http: Http,
    name: String,
    link: Link,
    seat: String,
    samples: Arc<Mutex<Vec<Sample>>>,
}

impl Lanes {
    pub(super) async fn start(app: &TestApp) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let (mut tasks, count) = (JoinSet::new(), app.nodes.len() * WORKERS);
        for number in 0..count {
            let name = format!("lane{number}");
            app.member(&name).await;
            let link = app.invite(&format!("{name}@example.org")).await;
            let code = app.code(&link).await;
            let seat = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
            let node = app.nodes[number / WORKERS].public;
            let lane = Lane { number, node, http: Http::new(), name, link, seat, samples: Arc::clone(&samples) };
            // One after the other: each of a node's is dealt to another worker, and kept.
            lane.http.get(&format!("http://{node}/openapi.json")).await.assert_status(200);
            tasks.spawn(lane.run());
        }
        Self { samples, count, _tasks: tasks }
    }

    /// Everything that was answered to requests made since then.
    pub(super) fn since(&self, moment: Instant) -> Vec<Sample> {
        self.samples.lock().unwrap().iter().filter(|sample| sample.began >= moment).copied().collect()
    }

    /// Until every lane has made each kind of request so often since then, and the last of each was answered well.
    pub(super) async fn well_since(&self, moment: Instant, times: usize) {
        until("every kind of request to succeed in every lane", async || {
            let samples = self.since(moment);
            let well = |lane: usize, kind: usize| {
                let of = samples.iter().filter(|sample| sample.lane == lane && sample.kind == kind);
                of.rev().take(times).filter(|sample| !sample.failed()).count() == times
            };
            (0..self.count).all(|lane| (0..KINDS.len()).all(|kind| well(lane, kind))).then_some(())
        })
        .await;
    }
}

impl Lane {
    async fn run(self) {
        let mut ticks = interval(PACE);
        let link = |endpoint: &str| self.link.url(self.node, endpoint);
        let path = |path: &str| format!("http://{}{path}", self.node);
        let (mut access, mut refresh) = (String::from("none"), String::from("none"));
        loop {
            for (kind, _) in KINDS.iter().enumerate() {
                ticks.tick().await;
                let began = Instant::now();
                let bearer = format!("Bearer {access}");
                let answer = match kind {
                    0 => self.http.get(&link("info")).await,
                    1 => self.http.post(&link("request-otp")).await,
                    2 => self.http.post_json(&link("verify-otp"), r#"{"otp":"000000"}"#).await,
                    3 => {
                        let body = json!({"login": self.name, "password": PASSWORD});
                        self.http.post_json(&path("/auth/login"), &body.to_string()).await
                    }
                    4 => {
                        let body = json!({"refreshToken": refresh});
                        self.http.post_json(&path("/auth/refresh"), &body.to_string()).await
                    }
                    5 => self.get(&path("/authz/user"), ("authorization", &bearer)).await,
                    _ => self.get(&path("/authz/candidate"), ("x-session-token", &self.seat)).await,
                };
                if answer.status == 200 && matches!(kind, 3 | 4) {
                    (access, refresh) = (answer.text_of("accessToken"), answer.text_of("refreshToken"));
                }
                let sample = Sample { lane: self.number, kind, began, ended: Instant::now(), status: answer.status };
                self.samples.lock().unwrap().push(sample);
            }
        }
    }

    async fn get(&self, url: &str, header: (&str, &str)) -> Answer {
        self.http.send(Method::GET, url, &[header], "").await
    }
}
