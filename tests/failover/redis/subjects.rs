//! What may happen once only, or so many times, tried more often than that: on two nodes, before and after a fall.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::app::Link;
use crate::support::http::Answer;
use crate::support::members::PASSWORD;
use crate::support::recruiters::{form, link_of};
use crate::support::until::until;

/// What can be exceeded, in the order of [`Tally::beyond`].
pub(super) const WHAT: [&str; 6] = [
    "codes accepted twice",
    "wrong codes judged beyond 3",
    "codes sent within 60 s",
    "wrong passwords judged beyond 5",
    "refresh tokens with two successors",
    "reset tokens spent twice",
];

/// For a mail that a failover has forgotten.
const MAIL_WITHIN: Duration = Duration::from_secs(4);

#[derive(Default)]
pub(super) struct Tally {
    /// Subjects that were tried, of each kind.
    pub(super) tried: [usize; 6],
    pub(super) beyond: [usize; 6],
    /// When a decision that has changed something was told.
    pub(super) acknowledged: Vec<Instant>,
}

/// Somebody who tries.
pub(super) struct Trier {
    pub(super) app: Arc<TestApp>,
    pub(super) recruiter: String,
    pub(super) tally: Arc<Mutex<Tally>>,
    pub(super) name: String,
}

impl Trier {
    /// One round of everything. What is unavailable is asked again, as people do.
    pub(super) async fn round(&self, nth: usize) {
        let who = format!("{}x{nth}", self.name);
        self.codes(&who).await;
        self.attempts(&who).await;
        self.passwords(&who).await;
        self.sessions(&who).await;
    }

    async fn codes(&self, who: &str) {
        let email = format!("{who}@example.net");
        let Some(link) = self.link(&email).await else { return };
        let mut sent = 0;
        for nth in 0..4 {
            sent += usize::from(self.ask(nth, Method::POST, &self.path(&link, "request-otp"), "").await == 202);
        }
        self.count(2, sent, 1);
        let Some(subject) = self.mail(&email, "subject").await else { return };
        let body = json!({"otp": subject[..6]}).to_string();
        let path = self.path(&link, "verify-otp");
        let [one, other] = [0, 1].map(|nth| self.once(nth, Method::POST, &path, &body));
        let (one, other) = tokio::join!(one, other);
        let mut accepted = usize::from(one.status == 200) + usize::from(other.status == 200);
        for nth in 0..3 {
            accepted += usize::from(self.ask(nth, Method::POST, &path, &body).await == 200);
        }
        self.count(0, accepted, 1);
    }

    async fn attempts(&self, who: &str) {
        let Some(link) = self.link(&format!("{who}w@example.net")).await else { return };
        self.ask(0, Method::POST, &self.path(&link, "request-otp"), "").await;
        let mut judged = 0;
        for nth in 0..8 {
            let answer = self.once(nth, Method::POST, &self.path(&link, "verify-otp"), r#"{"otp":"000000"}"#).await;
            let wrong = answer.status == 401 && answer.text().contains("otp-incorrect");
            judged += usize::from(wrong || answer.status == 429 && answer.text().contains("\"attemptsRemaining\":0"));
        }
        self.count(1, judged, 3);
    }

    async fn passwords(&self, who: &str) {
        let body = json!({"login": format!("nobody{who}"), "password": "wrong"}).to_string();
        let mut judged = 0;
        for nth in 0..8 {
            judged += usize::from(self.ask(nth, Method::POST, "/auth/login", &body).await == 401);
        }
        self.count(3, judged, 5);
    }

    async fn sessions(&self, who: &str) {
        let email = format!("{who}@example.org");
        let body = json!({"username": who, "email": email, "password": PASSWORD}).to_string();
        let session = self.once(0, Method::POST, "/auth/signup", &body).await;
        if session.status != 201 {
            return;
        }
        let body = json!({"refreshToken": session.text_of("refreshToken")}).to_string();
        let [one, other] = [0, 1].map(|nth| self.once(nth, Method::POST, "/auth/refresh", &body));
        let (one, other) = tokio::join!(one, other);
        let again = self.once(0, Method::POST, "/auth/refresh", &body).await;
        let mut successors: Vec<String> = [one, other, again]
            .iter()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.text_of("refreshToken"))
            .collect();
        successors.dedup();
        self.count(4, successors.len(), 1);

        self.ask(1, Method::POST, "/auth/forgot-password", &json!({"email": email}).to_string()).await;
        let Some(text) = self.mail(&email, "text").await else { return };
        let Some((_, rest)) = text.split_once("#token=") else { return };
        let token = rest.split_whitespace().next().unwrap();
        let passwords = ["one horse battery", "other horse battery", "third horse battery"];
        let bodies = passwords.map(|password| json!({"token": token, "newPassword": password}).to_string());
        let [one, other] = [0, 1].map(|nth| self.once(nth, Method::POST, "/auth/reset-password", &bodies[nth]));
        let (one, other) = tokio::join!(one, other);
        let third = self.once(0, Method::POST, "/auth/reset-password", &bodies[2]).await;
        let spent = [one, other, third].iter().filter(|answer| answer.status == 204).count();
        self.count(5, spent, 1);
    }

    fn count(&self, what: usize, times: usize, max: usize) {
        let mut tally = self.tally.lock().unwrap();
        tally.tried[what] += 1;
        tally.beyond[what] += times.saturating_sub(max);
    }

    async fn link(&self, email: &str) -> Option<Link> {
        let url = format!("http://{}/interviews", self.app.nodes[0].public);
        let bearer = format!("Bearer {}", self.recruiter);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let made = self.app.http.send(Method::POST, &url, &headers, &form(email).to_string()).await;
        (made.status == 201).then(|| link_of(&made.json()))
    }

    fn path(&self, link: &Link, endpoint: &str) -> String {
        format!("/candidate-access/{}/{endpoint}", link.token)
    }

    /// Asks one of the nodes.
    async fn once(&self, nth: usize, method: Method, path: &str, body: &str) -> Answer {
        let node = self.app.nodes[nth % 2].public;
        let headers = [("content-type", "application/json")];
        let answer = self.app.http.send(method, &format!("http://{node}{path}"), &headers, body).await;
        if answer.status < 500 {
            self.tally.lock().unwrap().acknowledged.push(Instant::now());
        }
        answer
    }

    /// Asks again, a few times, while it is unavailable; the status.
    async fn ask(&self, nth: usize, method: Method, path: &str, body: &str) -> u16 {
        let mut status = 503;
        for again in 0..4 {
            if status != 503 {
                break;
            }
            status = self.once(nth + again, method.clone(), path, body).await.status;
        }
        status
    }

    /// A member of the newest mail that is no invitation, if one comes.
    async fn mail(&self, email: &str, member: &str) -> Option<String> {
        let begun = Instant::now();
        let mail = until("a mail, or the end of its time", || async {
            let mails = self.app.mails(email).await;
            let told = |mail: &Value| {
                let subject = mail["subject"].as_str().unwrap_or_default();
                subject.as_bytes().iter().take(6).all(u8::is_ascii_digit)
                    || mail["text"].to_string().contains("#token=")
            };
            let mail = mails.into_iter().find(told);
            (mail.is_some() || begun.elapsed() > MAIL_WITHIN).then_some(mail)
        });
        mail.await?[member].as_str().map(str::to_owned)
    }
}
