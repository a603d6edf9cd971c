//! People who go on while Postgres fails over, and a record of what they were told.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::{Answer, Http};
use crate::support::members::{Member, PASSWORD};
use crate::support::recruiters::{form, link_of};
use crate::support::until::until;

/// Each of these people asks so often: 4 x 25 a second are a load, and leave two cores time to fail over.
const PACE: Duration = Duration::from_millis(40);
/// The 3 s of the contract, and half a second for a machine that starts servers meanwhile.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(3_500);

/// What one of them does, over and over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Deed {
    SignUp,
    Edit,
    Invite,
    /// Of a candidate, on a link that the nodes know.
    Info,
}

/// One request, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) deed: Deed,
    pub(super) begun: Instant,
    pub(super) took: Duration,
    pub(super) status: u16,
    /// What was acknowledged: a username, a name, an interview's id.
    pub(super) what: String,
}

/// They ask until they are stopped.
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Told>>>,
    people: JoinSet<()>,
}

/// What they ask with.
struct Person {
    http: Http,
    base: String,
    ada: Member,
    link: Link,
}

/// Limits that are not what is asked here: every request comes from another client.
pub(super) fn setup(url: &str) -> Setup {
    Setup::new().behind_proxy().set("postgres.url", &url).set("mail.sweep_interval", &"100ms")
}

impl Traffic {
    pub(super) async fn start(app: &TestApp, recruiter: &Member, link: &Link) -> Self {
        let (stop, told, mut people) = (Arc::default(), Arc::default(), JoinSet::new());
        for deed in [Deed::SignUp, Deed::Edit, Deed::Invite, Deed::Info] {
            let base = format!("http://{}", app.nodes[0].public);
            let person = Person { http: app.http.clone(), base, ada: recruiter.clone(), link: link.clone() };
            people.spawn(person.goes_on(deed, Arc::clone(&stop), Arc::clone(&told)));
        }
        let traffic = Self { stop, told, people };
        traffic.all_well_since(Instant::now()).await;
        traffic
    }

    /// Waits until each kind has been done ten times in a row, counted from then; when the first of these began.
    pub(super) async fn all_well_since(&self, since: Instant) -> Instant {
        const IN_A_ROW: usize = 10;
        until("everybody to be served", async || {
            let told = self.told.lock().unwrap().clone();
            let firsts = [Deed::SignUp, Deed::Edit, Deed::Invite, Deed::Info].map(|deed| {
                let of_deed: Vec<_> = told.iter().filter(|told| told.deed == deed && told.begun >= since).collect();
                let well = of_deed.iter().rev().take_while(|told| told.status < 300).count();
                (well >= IN_A_ROW).then(|| of_deed[of_deed.len() - well].begun)
            });
            firsts.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
        })
        .await
    }

    pub(super) async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.people.join_all().await;
        let told = self.told.lock().unwrap().clone();
        for one in &told {
            assert!(one.status < 300 || one.status == 503, "{one:?}");
            assert!(one.took < GIVEN_UP_AFTER, "{one:?}");
            assert!(one.deed != Deed::Info || one.status == 200, "a candidate was kept out: {one:?}");
        }
        told
    }
}

impl Person {
    async fn goes_on(self, deed: Deed, stop: Arc<AtomicBool>, told: Arc<Mutex<Vec<Told>>>) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for n in 0.. {
            pace.tick().await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let begun = Instant::now();
            let (answer, what) = self.does(deed, n).await;
            told.lock().unwrap().push(Told { deed, begun, took: begun.elapsed(), status: answer.status, what });
        }
    }

    async fn does(&self, deed: Deed, n: u32) -> (Answer, String) {
        match deed {
            Deed::SignUp => {
                let name = format!("u{n}_{}", std::process::id());
                let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
                (self.sends(Method::POST, "/auth/signup", &body).await, name)
            }
            Deed::Edit => {
                let name = format!("Ada {n}");
                (self.sends(Method::PATCH, "/profile", &json!({"fullName": name})).await, name)
            }
            Deed::Invite => {
                let answer = self.sends(Method::POST, "/interviews", &form(&format!("c{n}@example.com"))).await;
                let id = if answer.status == 201 { answer.text_of("id") } else { String::new() };
                (answer, id)
            }
            Deed::Info => {
                let path = format!("/candidate-access/{}/info", self.link.token);
                (self.sends(Method::GET, &path, &Value::Null).await, String::new())
            }
        }
    }

    async fn sends(&self, method: Method, path: &str, body: &Value) -> Answer {
        static CLIENTS: AtomicU32 = AtomicU32::new(0);
        let [_, a, b, c] = CLIENTS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let (client, bearer) = (format!("10.{a}.{b}.{c}"), format!("Bearer {}", self.ada.access));
        let headers = [
            ("x-forwarded-for", client.as_str()),
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.send(method, &format!("{}{path}", self.base), &headers, &body).await
    }
}

/// Links that nobody has used yet, known to the nodes.
pub(super) async fn known_links(app: &TestApp, recruiter: &Member, count: usize) -> Vec<Link> {
    let mut links = Vec::new();
    for n in 0..count {
        let body = form(&format!("known{n}@example.com"));
        let made = app.call(Method::POST, "/interviews", &recruiter.access, &body).await.assert_status(201).json();
        let link = link_of(&made);
        app.info(&link).await.assert_status(200);
        links.push(link);
    }
    links
}

/// All the way through, while Postgres is away.
pub(super) async fn walk_in(app: &TestApp, link: &Link) {
    let code = app.code(link).await;
    let token = app.verify(link, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(link, &token).await.assert_status(201);
}
