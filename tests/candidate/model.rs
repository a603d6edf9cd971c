//! Random stories of one link, told to the product and to a short model of the contract: they agree on every answer.
//!
//! The stories come from a fixed seed, so that a run can be repeated; `VESTIBULE_TEST_SEED=<64 hex digits>` gives
//! others. A story that fails is shortened, and printed with its seed.

mod reference;

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};
use time::OffsetDateTime;
use vestibule::config::{Config, Mode};
use vestibule::interviews::{Interviews, Issued, Killer, NewInterview, Reach};
use vestibule::link::LinkToken;
use vestibule::metrics::Metrics;
use vestibule::postgres::Postgres;
use vestibule::redis::{Gate, Redis};

use self::reference::{Edge, Link, Session};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::stories::{dice, forget};
use crate::support::until::until;

const SEED: &str = "7665737469627565207665737469627565207665737469627565207665737469";
const LINK_LIFE: Duration = Duration::from_hours(7 * 24);
/// Of the interview.
const MINUTES: i32 = 61;
/// Requests of one address before the next one's: far below its limit, and few keys.
const REQUESTS_PER_ADDRESS: usize = 50;

#[derive(Clone, Copy, Debug)]
enum Step {
    Request,
    Verify(Guess),
    Start,
    Reissue,
    /// ms
    Pass(u64),
    /// To an edge of the contract, and so many ms past it.
    PassTo(Edge, i64),
}

#[derive(Clone, Copy, Debug)]
enum Guess {
    Newest,
    /// So many codes before the newest one of the story.
    Older(usize),
    Wrong,
    Malformed(&'static str),
}

/// One thing that happens, or a few that chance alone would seldom put in a row.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    let around = || prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    let after_a_request = |then: Vec<Step>| [vec![Step::PassTo(Edge::Told, 0), Step::Request], then].concat();
    prop_oneof![
        12 => step().prop_map(|step| vec![step]),
        3 => around().prop_map(move |ms| {
            let wrong = || Step::Verify(Guess::Wrong);
            after_a_request(vec![wrong(), wrong(), wrong(), Step::PassTo(Edge::Cooldown, ms)])
        }),
        1 => Just(after_a_request(vec![Step::Verify(Guess::Newest)])),
        1 => around().prop_map(move |ms| after_a_request(vec![Step::PassTo(Edge::Code, ms), Step::Verify(Guess::Newest)])),
        1 => around().prop_map(|ms| {
            let asked = [Step::Request, Step::PassTo(Edge::Apart, 0)].repeat(4);
            [asked, vec![Step::Request, Step::PassTo(Edge::Window, ms), Step::Request]].concat()
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let edge = prop_oneof![
        4 => Just(Edge::Told),
        1 => Just(Edge::Apart),
        1 => Just(Edge::Window),
        3 => Just(Edge::Cooldown),
        2 => Just(Edge::Code),
        1 => Just(Edge::Link),
    ];
    let malformed = ["", "12345", "1234567", "12345a", " 12345", "１２３４５６"].map(Just);
    let malformed = proptest::strategy::Union::new(malformed);
    let around = prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    prop_oneof![
        6 => Just(Step::Request),
        3 => Just(Step::Verify(Guess::Newest)),
        2 => Just(Step::Verify(Guess::Older(1))),
        1 => (2..5_usize).prop_map(|nth| Step::Verify(Guess::Older(nth))),
        6 => Just(Step::Verify(Guess::Wrong)),
        1 => malformed.prop_map(|text| Step::Verify(Guess::Malformed(text))),
        2 => Just(Step::Start),
        1 => Just(Step::Reissue),
        1 => (1..2_000_u64).prop_map(Step::Pass),
        1 => (60_000..36 * 3_600_000_u64).prop_map(Step::Pass),
        6 => (edge, around).prop_map(|(edge, ms)| Step::PassTo(edge, ms)),
    ]
}

/// Recruiter and candidate of the stories, in front of one node.
struct Stage {
    app: TestApp,
    interviews: Interviews,
    killer: Killer,
    requests: Cell<usize>,
    steps: Cell<usize>,
    total_max: u64,
}

/// One story under way.
struct Story<'a> {
    stage: &'a Stage,
    email: String,
    created: Issued,
    link: Link,
    /// Every code mailed in this story, also for links before this one.
    codes: Vec<String>,
    session_token: Option<String>,
}

impl Stage {
    async fn build(total_max: u64) -> Self {
        let setup = Setup::new().behind_proxy().set("limits.otp_attempt.total_max", &total_max);
        let app = setup.start().await;
        let config = Config::load(None, &mut app.environment().into_iter(), Mode::Development).unwrap();
        let (settings, metrics) = (&config.redis, Arc::new(Metrics::new()));
        let interviews = Interviews::new(Postgres::new(&config.postgres, Arc::clone(&metrics)));
        let gate = Arc::new(Gate::new(settings.in_flight_max, settings.waiting_max, settings.wait_max));
        let redis = Redis::connect(settings, gate, metrics).await.unwrap();
        let killer = Killer::new(interviews.clone(), redis, app.keys());
        app.clock.freeze();
        Self { app, interviews, killer, requests: Cell::new(0), steps: Cell::new(0), total_max }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.app.clock.now_us() / 1_000).unwrap()
    }

    /// The clock of the stories is ahead of the one that links are made by.
    fn link_life(&self) -> Duration {
        let ahead =
            self.app.clock.now_us() - i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap();
        LINK_LIFE + Duration::from_micros(u64::try_from(ahead).unwrap_or(0))
    }

    fn model_of(&self, created: &Issued) -> Link {
        Link::new(u64::try_from(created.interview.expires.unix_timestamp()).unwrap() * 1_000, self.total_max)
    }

    async fn send(&self, link: &Issued, endpoint: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let n = self.requests.replace(self.requests.get() + 1) / REQUESTS_PER_ADDRESS;
        let address = format!("198.18.{}.{}", n / 256, n % 256);
        let method = if endpoint == "info" { Method::GET } else { Method::POST };
        let url = format!("http://{}/candidate-access/{}/{endpoint}", self.app.nodes[0].public, *link.link.expose());
        let headers = [&[("x-forwarded-for", address.as_str())], headers].concat();
        self.app.http.send(method, &url, &headers, body).await
    }

    async fn verify(&self, link: &Issued, typed: &str) -> Answer {
        let body = json!({ "otp": typed }).to_string();
        self.send(link, "verify-otp", &[("content-type", "application/json")], &body).await
    }

    async fn tell(&self, number: usize, steps: &[Step]) -> Result<(), TestCaseError> {
        let email = format!("story{number}@example.com");
        let interview = NewInterview {
            candidate_name: "Ada Lovelace".to_owned(),
            candidate_email: email.clone(),
            position: "Analyst".to_owned(),
            duration_minutes: MINUTES,
        };
        let created = self.interviews.create(interview, LinkToken::fresh(), None, self.link_life()).await.unwrap();
        let link = self.model_of(&created);
        let mut story = Story { stage: self, email, created, link, codes: Vec::new(), session_token: None };
        for (nth, step) in steps.iter().enumerate() {
            let told = async {
                story.take(step).await?;
                story.look().await
            };
            told.await.map_err(|why| TestCaseError::fail(format!("step {nth}, {step:?}: {why}")))?;
        }
        self.steps.set(self.steps.get() + steps.len());
        forget(&self.app);
        Ok(())
    }
}

impl Story<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let now = self.stage.now();
        match *step {
            Step::Request => self.request(now).await,
            Step::Verify(guess) => self.verify(now, guess).await,
            Step::Start => self.start(now).await,
            Step::Reissue => self.reissue().await,
            Step::Pass(ms) => {
                self.stage.app.pass(ms);
                Ok(())
            }
            Step::PassTo(edge, past) => {
                let target = self.link.edge(edge, now).and_then(|at| at.checked_add_signed(past));
                self.stage.app.pass(target.map_or(0, |at| at.saturating_sub(now)));
                Ok(())
            }
        }
    }

    /// After every step: what `info` shows, and whether every key will go away.
    async fn look(&self) -> Result<(), String> {
        let answer = self.stage.send(&self.created, "info", &[], "").await;
        agree(&self.link.info(self.stage.now()), &seen(&answer, &[]))?;
        let eternal = self.stage.app.resp().keys_without_ttl();
        if eternal.is_empty() { Ok(()) } else { Err(format!("keys without a TTL: {eternal:?}")) }
    }

    async fn request(&mut self, now: u64) -> Result<(), String> {
        let answer = self.stage.send(&self.created, "request-otp", &[], "").await;
        agree(&self.link.request(now), &seen(&answer, &["ref"]))?;
        if answer.status == 202 {
            let (app, nth) = (&self.stage.app, self.codes.len() + 1);
            let code = app.nth_code(&self.email, nth).await;
            let mark = answer.text_of("ref");
            let subject = app.mails(&self.email).await[0]["subject"].as_str().unwrap().to_owned();
            if !subject.contains(&mark) {
                return Err(format!("the mail {subject:?} has not the mark {mark}"));
            }
            // The worker has still to strike the job off: the next step finds Redis at rest.
            until("the job to be done", || async {
                let keys = app.resp().keys();
                (!keys.iter().any(|key| key.contains(":job:{") && key.contains("}:code-"))).then_some(())
            })
            .await;
            self.codes.push(code.clone());
            self.link.mailed(now, code, mark);
        }
        Ok(())
    }

    async fn verify(&mut self, now: u64, guess: Guess) -> Result<(), String> {
        let wrong = ["000000", "111111", "222222"].into_iter().find(|text| !self.link.knows(text)).unwrap();
        let from_the_end = |nth| self.codes.iter().rev().nth(nth).map_or(wrong, String::as_str);
        let typed = match guess {
            Guess::Newest => from_the_end(0),
            Guess::Older(nth) => from_the_end(nth),
            Guess::Wrong => wrong,
            Guess::Malformed(text) => text,
        };
        let answer = self.stage.verify(&self.created, typed).await;
        agree(&self.link.verify(now, typed), &seen(&answer, &["sessionToken", "expiresAt"]))?;
        if answer.status == 200 {
            self.session_token = Some(answer.text_of("sessionToken"));
        }
        Ok(())
    }

    async fn start(&mut self, now: u64) -> Result<(), String> {
        let headers: Vec<_> = self.session_token.iter().map(|token| ("x-session-token", token.as_str())).collect();
        let answer = self.stage.send(&self.created, "start", &headers, "").await;
        let session = match &self.session_token {
            None => Session::None,
            Some(_) if self.link.ever_verified() => Session::OfThisLink,
            Some(_) => Session::OfAnother,
        };
        let id = answer.json()["sessionId"].as_str().unwrap_or_default().to_owned();
        agree(&self.link.start(now, session, &id), &seen(&answer, &["expiresAt", "wsUrl"]))
    }

    /// The old link is dead at once, whatever is asked of it.
    async fn reissue(&mut self) -> Result<(), String> {
        let stage = self.stage;
        let fresh =
            stage.interviews.reissue(Reach::All, self.created.interview.id, stage.link_life()).await.unwrap().unwrap();
        stage.killer.kill_noted().await.unwrap();
        let old = std::mem::replace(&mut self.created, fresh);
        let was_verified = std::mem::replace(&mut self.link, stage.model_of(&self.created)).ever_verified();

        let newest = self.codes.last().map_or("000000", String::as_str);
        let gone = (404, json!({ "slug": "link-not-found" }));
        agree(&gone, &seen(&stage.send(&old, "info", &[], "").await, &[]))?;
        agree(&gone, &seen(&stage.send(&old, "request-otp", &[], "").await, &[]))?;
        agree(&gone, &seen(&stage.verify(&old, newest).await, &[]))?;
        if let Some(token) = self.session_token.as_ref().filter(|_| was_verified) {
            agree(&gone, &seen(&stage.send(&old, "start", &[("x-session-token", token)], "").await, &[]))?;
        }
        Ok(())
    }
}

/// An answer without what the model cannot know; a problem without the words for people, and by its slug.
fn seen(answer: &Answer, unknowable: &[&str]) -> (u16, Value) {
    let mut body = answer.json();
    let members = body.as_object_mut().unwrap();
    let unwanted = if answer.status >= 400 { &["title", "detail", "status", "errors"] } else { unknowable };
    for member in unwanted {
        members.remove(*member);
    }
    if let Some(Value::String(urn)) = members.remove("type") {
        members.insert("slug".to_owned(), urn.rsplit(':').next().into());
    }
    (answer.status, body)
}

fn agree(expected: &(u16, Value), seen: &(u16, Value)) -> Result<(), String> {
    if expected == seen { Ok(()) } else { Err(format!("the model says {expected:?}, the product {seen:?}")) }
}

fn tell_stories(cases: u32, total_max: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::build(total_max));
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() };
    let rng = dice(SEED);
    let (number, began) = (Cell::new(0), Instant::now());
    let outcome = TestRunner::new_with_rng(config, rng).run(&proptest::collection::vec(scene(), 1..=14), |scenes| {
        let steps = scenes.concat();
        number.set(number.get() + 1);
        runtime.block_on(stage.tell(number.get(), &steps))
    });
    println!("{} steps of {cases} stories took {:?}", stage.steps.get(), began.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, scenes)) => panic!("{why}\nin the story {:?}", scenes.concat()),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn every_story_goes_as_the_contract_says() {
    tell_stories(72, 100);
}

#[test]
fn every_story_goes_as_the_contract_says_also_near_the_end_of_a_link() {
    tell_stories(24, 7);
}
