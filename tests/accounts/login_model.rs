//! Random stories of log-ins, told to the product and to a short model of the contract: they agree on every answer.
//!
//! The stories come from a fixed seed, so that a run can be repeated; `VESTIBULE_TEST_SEED=<64 hex digits>` gives
//! others. A story that fails is shortened, and printed with its seed.

mod reference;

use std::cell::{Cell, RefCell};
use std::time::Instant;

use hyper::Method;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};

use self::reference::{Edge, Name, Told, problem};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::{Member, PASSWORD};
use crate::support::postgres::query;
use crate::support::stories::{dice, forget};
use crate::support::until::until;

const SEED: &str = "6c6f67696e7c6c6f67696e7c6c6f67696e7c6c6f67696e7c6c6f67696e7c6c6f";

/// Names that may be typed: two of one member, and one of nobody.
const NAMES: [&str; 3] = ["ada", "ada@example.com", "nobody"];
/// Index of the name that nobody has.
const NOBODY: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Logs in under a name, as it may be typed.
    LogIn(usize, Typed, Password),
    /// The member gives a wrong password as the current one: it counts under the username.
    WrongCurrent,
    /// Logs in under a name while nobody can be looked up.
    Unjudged(usize),
    /// The member resets the password.
    Reset,
    /// ms
    Pass(u64),
    /// To an edge of a name, and so many ms past it.
    PassTo(usize, Edge, i64),
}

#[derive(Clone, Copy, Debug)]
enum Typed {
    AsIs,
    Large,
    Spaced,
}

#[derive(Clone, Copy, Debug)]
enum Password {
    Right,
    Wrong,
}

/// One thing that happens, or a few that chance alone would seldom put in a row.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    let around = || prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    let wrong = |name| Step::LogIn(name, Typed::AsIs, Password::Wrong);
    let edge = || prop_oneof![3 => Just(Edge::Wait), 2 => Just(Edge::Forgotten)];
    prop_oneof![
        10 => step().prop_map(|step| vec![step]),
        4 => (name(), edge(), around()).prop_map(move |(name, edge, ms)| {
            [vec![wrong(name); 5], vec![Step::PassTo(name, edge, ms)]].concat()
        }),
        1 => (name(), 1..8_usize, around()).prop_map(move |(name, times, ms)| {
            let doubled = [Step::PassTo(name, Edge::Wait, 0), wrong(name)].repeat(times);
            [vec![wrong(name); 5], doubled, vec![Step::PassTo(name, Edge::Wait, ms)]].concat()
        }),
        // What could not be judged does not count.
        2 => (name(), 1..6_usize, 1..800_000_u64, around()).prop_map(move |(name, times, ms, past)| {
            let unjudged = [Step::PassTo(name, Edge::Wait, 0), Step::Pass(ms), Step::Unjudged(name)];
            [&vec![wrong(name); times][..], &unjudged, &[Step::PassTo(name, Edge::Forgotten, past)], &[wrong(name); 5]].concat()
        }),
    ]
}

fn name() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn step() -> impl Strategy<Value = Step> {
    let typed = prop_oneof![4 => Just(Typed::AsIs), 1 => Just(Typed::Large), 1 => Just(Typed::Spaced)];
    let password = prop_oneof![1 => Just(Password::Right), 4 => Just(Password::Wrong)];
    let edge = prop_oneof![2 => Just(Edge::Wait), 1 => Just(Edge::Forgotten)];
    let around = prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    prop_oneof![
        12 => (name(), typed, password).prop_map(|(name, typed, password)| Step::LogIn(name, typed, password)),
        2 => Just(Step::WrongCurrent),
        3 => name().prop_map(Step::Unjudged),
        1 => Just(Step::Reset),
        1 => (1..2_000_u64).prop_map(Step::Pass),
        1 => (30_000..5_000_000_u64).prop_map(Step::Pass),
        5 => (name(), edge, around).prop_map(|(name, edge, ms)| Step::PassTo(name, edge, ms)),
    ]
}

/// The member of the stories, in front of one node.
struct Stage {
    app: TestApp,
    member: RefCell<Member>,
    requests: Cell<usize>,
    resets: Cell<usize>,
    steps: Cell<usize>,
}

/// One story under way.
struct Story<'a> {
    stage: &'a Stage,
    names: [Name; NAMES.len()],
    access: String,
}

impl Stage {
    async fn build() -> Self {
        let app = Setup::new().behind_proxy().set("mail.sweep_interval", &"100ms").start().await;
        let member = RefCell::new(app.member(NAMES[0]).await);
        app.clock.freeze();
        Self { app, member, requests: Cell::new(0), resets: Cell::new(0), steps: Cell::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.app.clock.now_us() / 1_000).unwrap()
    }

    /// Every request is another client's: only names are limited here.
    async fn send(&self, path: &str, access: &str, body: &Value) -> Answer {
        let n = self.requests.replace(self.requests.get() + 1);
        let address = format!("198.{}.{}.{}", 18 + n / 65_536, n / 256 % 256, n % 256);
        let bearer = format!("Bearer {access}");
        let headers =
            [("x-forwarded-for", address.as_str()), ("content-type", "application/json"), ("authorization", &bearer)];
        let url = format!("http://{}{path}", self.app.nodes[0].public);
        self.app.http.send(Method::POST, &url, &headers, &body.to_string()).await
    }

    async fn log_in(&self, login: &str, password: &str) -> Answer {
        self.send("/auth/login", "", &json!({"login": login, "password": password})).await
    }

    async fn tell(&self, steps: &[Step]) -> Result<(), TestCaseError> {
        // What the story before it has left.
        forget(&self.app);
        let password = self.member.borrow().password.clone();
        let access = self.log_in(NAMES[0], &password).await.assert_status(200).text_of("accessToken");
        let mut story = Story { stage: self, names: [Name::default(); NAMES.len()], access };
        for (nth, step) in steps.iter().enumerate() {
            story.take(step).await.map_err(|why| TestCaseError::fail(format!("step {nth}, {step:?}: {why}")))?;
        }
        self.steps.set(self.steps.get() + steps.len());
        Ok(())
    }
}

impl Story<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let (stage, now) = (self.stage, self.stage.now());
        match *step {
            Step::LogIn(name, typed, password) => self.log_in(now, name, typed, password).await,
            Step::WrongCurrent => self.wrong_current(now).await,
            Step::Unjudged(name) => self.unjudged(now, name).await,
            Step::Reset => self.reset().await,
            Step::Pass(ms) => {
                stage.app.pass(ms);
                Ok(())
            }
            Step::PassTo(name, edge, past) => {
                let target = self.names[name].edge(edge, now).and_then(|at| at.checked_add_signed(past));
                stage.app.pass(target.map_or(0, |at| at.saturating_sub(now)));
                Ok(())
            }
        }
    }

    async fn log_in(&mut self, now: u64, name: usize, typed: Typed, password: Password) -> Result<(), String> {
        let login = match typed {
            Typed::AsIs => NAMES[name].to_owned(),
            Typed::Large => NAMES[name].to_uppercase(),
            Typed::Spaced => format!(" {} ", NAMES[name]),
        };
        let right = self.stage.member.borrow().password.clone();
        let (password, expected) = match password {
            Password::Right if name == NOBODY => (right.as_str(), self.names[name].wrong(now)),
            Password::Right => (right.as_str(), self.names[name].right(now)),
            Password::Wrong => ("wrong", self.names[name].wrong(now)),
        };
        let answer = self.stage.log_in(&login, password).await;
        if answer.status == 200 {
            self.access = answer.text_of("accessToken");
        }
        agree(&expected, &answer)
    }

    async fn wrong_current(&mut self, now: u64) -> Result<(), String> {
        let lives = self.stage.app.call(Method::GET, "/auth/sessions", &self.access, &Value::Null).await.status == 200;
        let body = json!({"currentPassword": "wrong", "newPassword": "yet another battery"});
        let answer = self.stage.send("/auth/change-password", &self.access, &body).await;
        let expected = if lives { self.names[0].wrong(now) } else { problem(401, "unauthenticated", None) };
        agree(&expected, &answer)
    }

    async fn unjudged(&mut self, now: u64, name: usize) -> Result<(), String> {
        let database = &self.stage.app.database;
        query(database, "ALTER TABLE users RENAME TO members").await;
        let answer = self.stage.log_in(NAMES[name], "wrong").await;
        query(database, "ALTER TABLE members RENAME TO users").await;
        agree(&self.names[name].unjudged(now), &answer)
    }

    async fn reset(&mut self) -> Result<(), String> {
        let (stage, app) = (self.stage, &self.stage.app);
        let n = stage.resets.replace(stage.resets.get() + 1);
        // Asked for more often than an address may be: that is another limit.
        let mut resp = app.resp();
        for key in resp.keys().iter().filter(|key| key.contains(":forgot_email:")) {
            resp.call(&["DEL", key]);
        }
        let email = stage.member.borrow().email.clone();
        stage.send("/auth/forgot-password", "", &json!({ "email": email })).await.assert_status(202);
        let token = app.reset_token(&email, n + 1).await;
        let password = format!("{PASSWORD} {n}");
        let body = json!({"token": token, "newPassword": password});
        stage.send("/auth/reset-password", "", &body).await.assert_status(204);
        stage.member.borrow_mut().password = password;
        until("the jobs to be done", || async {
            // A notice so soon after another one waits for a quarter of an hour.
            let waits = |key: &String| key.contains(":job:") && !key.contains("notice");
            (!app.resp().keys().iter().any(waits)).then_some(())
        })
        .await;
        self.names[0].clear();
        self.names[1].clear();
        Ok(())
    }
}

fn agree(expected: &Told, answer: &Answer) -> Result<(), String> {
    let slug = if answer.status < 400 { String::new() } else { answer.text_of("type") };
    let slug = slug.rsplit(':').next().unwrap().to_owned();
    let seen = (answer.status, slug, answer.header("retry-after").map(|seconds| seconds.parse().unwrap()));
    if *expected == seen { Ok(()) } else { Err(format!("the model says {expected:?}, the product {seen:?}")) }
}

#[test]
fn every_story_of_log_ins_goes_as_the_contract_says() {
    const CASES: u32 = 64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::build());
    let config =
        ProptestConfig { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let rng = dice(SEED);
    let began = Instant::now();
    let stories = proptest::collection::vec(scene(), 1..=12);
    let outcome =
        TestRunner::new_with_rng(config, rng).run(&stories, |scenes| runtime.block_on(stage.tell(&scenes.concat())));
    println!("{} steps of {CASES} stories took {:?}", stage.steps.get(), began.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, scenes)) => panic!("{why}\nin the story {:?}", scenes.concat()),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
    let versions = runtime.block_on(query(&stage.app.database, "SELECT password_version FROM users"));
    assert_eq!(versions[0].get::<_, i64>(0), i64::try_from(stage.resets.get()).unwrap() + 1);
}
