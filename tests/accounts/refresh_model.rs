//! Random stories of one user's sessions, told to the product and to a short model of the contract: they agree on
//! every answer.
//!
//! The stories come from a fixed seed, so that a run can be repeated; `VESTIBULE_TEST_SEED=<64 hex digits>` gives
//! others. A story that fails is shortened, and printed with its seed.

mod reference;

use std::cell::Cell;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};

use self::reference::{Edge, Refreshed, User};
use super::sessions::session_of;
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::PASSWORD;
use crate::support::postgres::query;
use crate::support::stories::{dice, forget};

const SEED: &str = "7265667265736820726566726573682072656672657368207265667265736820";
const STORIES: u32 = 64;

/// Sessions are counted round: there is always one to name.
#[derive(Clone, Copy, Debug)]
enum Step {
    LogIn,
    Refresh(usize, Shown),
    LogOut(usize),
    LogOutEverywhere(usize),
    /// The first one ends the second one.
    End(usize, usize),
    ChangePassword(usize),
    /// By a statement that no node has heard of.
    ChangeInPostgres,
    /// ms
    Pass(u64),
    /// To an edge of a session, and so many ms past it.
    PassTo(usize, Edge, i64),
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    /// So many exchanges before the newest.
    Old(usize),
    /// The newest with another byte there.
    Forged(usize),
    /// The newest with the MAC of this session's.
    MacOf(usize),
}

/// One thing that happens, or a few that chance alone would seldom put in a row.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    let around = || prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    let refresh = |nth, old| Step::Refresh(nth, Shown::Old(old));
    prop_oneof![
        12 => step().prop_map(|step| vec![step]),
        3 => (0..4_usize, around()).prop_map(move |(nth, ms)| {
            vec![refresh(nth, 0), Step::PassTo(nth, Edge::Grace, ms), refresh(nth, 1), refresh(nth, 0)]
        }),
        2 => (0..4_usize).prop_map(move |nth| vec![refresh(nth, 0), refresh(nth, 0), refresh(nth, 1), refresh(nth, 0)]),
        1 => (0..4_usize, around()).prop_map(move |(nth, ms)| {
            vec![refresh(nth, 0), Step::LogIn, Step::PassTo(nth, Edge::Life, ms), refresh(nth, 0)]
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let nth = || 0..4_usize;
    let shown = prop_oneof![
        8 => Just(Shown::Old(0)),
        4 => Just(Shown::Old(1)),
        2 => (2..5_usize).prop_map(Shown::Old),
        4 => (0..68_usize).prop_map(Shown::Forged),
        1 => nth().prop_map(Shown::MacOf),
    ];
    let edge = prop_oneof![3 => Just(Edge::Grace), 1 => Just(Edge::Life)];
    let around = prop_oneof![2 => Just(0_i64), 2 => Just(-1), 1 => Just(1)];
    prop_oneof![
        4 => Just(Step::LogIn),
        16 => (nth(), shown).prop_map(|(nth, shown)| Step::Refresh(nth, shown)),
        2 => nth().prop_map(Step::LogOut),
        1 => nth().prop_map(Step::LogOutEverywhere),
        2 => (nth(), nth()).prop_map(|(by, nth)| Step::End(by, nth)),
        2 => nth().prop_map(Step::ChangePassword),
        1 => Just(Step::ChangeInPostgres),
        3 => (1..12_000_u64).prop_map(Step::Pass),
        1 => (60_000..20 * 24 * 3_600_000_u64).prop_map(Step::Pass),
        4 => (nth(), edge, around).prop_map(|(nth, edge, ms)| Step::PassTo(nth, edge, ms)),
    ]
}

/// Two nodes, which are asked in turn.
struct Stage {
    app: TestApp,
    turn: Cell<usize>,
    steps: Cell<usize>,
}

/// One story under way.
struct Story<'a> {
    stage: &'a Stage,
    user: User,
    name: String,
    password: String,
    sessions: Vec<Held>,
}

/// What the holder of a session has been given.
struct Held {
    access: String,
    /// The oldest first.
    tokens: Vec<String>,
}

impl Stage {
    fn now(&self) -> u64 {
        u64::try_from(self.app.clock.now_us() / 1_000).unwrap()
    }

    async fn send(&self, method: Method, path: &str, access: &str, body: &Value) -> Answer {
        let turn = self.turn.replace(self.turn.get() + 1);
        self.app.nodes[turn % 2].call(&self.app, method, path, access, body).await
    }

    async fn tell(&self, number: usize, steps: &[Step]) -> Result<(), TestCaseError> {
        let member = self.app.member(&format!("story_{number}")).await;
        let (name, password) = (member.username.clone(), PASSWORD.to_owned());
        let mut story = Story { stage: self, user: User::default(), name, password, sessions: Vec::new() };
        story.user.log_in(self.now());
        story.sessions.push(Held { access: member.access, tokens: vec![member.refresh] });
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
        let (now, count) = (self.stage.now(), self.user.sessions());
        match *step {
            Step::LogIn => self.log_in(now).await,
            Step::Refresh(nth, shown) => self.refresh(now, nth % count, shown).await,
            Step::LogOut(nth) => {
                let expected = told(self.user.end(now, nth % count, nth % count), "401 unauthenticated");
                agree(expected, &self.ask(nth % count, Method::POST, "/auth/logout", &Value::Null).await)
            }
            Step::LogOutEverywhere(by) => {
                let expected = told(self.user.end_all(now, by % count), "401 unauthenticated");
                agree(expected, &self.ask(by % count, Method::POST, "/auth/logout-all", &Value::Null).await)
            }
            Step::End(by, nth) => {
                let (by, nth) = (by % count, nth % count);
                let refusal = if self.user.may_act(now, by) { "404 not-found" } else { "401 unauthenticated" };
                let path = format!("/auth/sessions/{}", session_of(&self.sessions[nth].access));
                let answer = self.ask(by, Method::DELETE, &path, &Value::Null).await;
                agree(told(self.user.end(now, by, nth), refusal), &answer)
            }
            Step::ChangePassword(by) => self.change_password(now, by % count).await,
            Step::ChangeInPostgres => {
                let sql = "UPDATE users SET password_version = password_version + 1 WHERE username";
                query(&self.stage.app.database, &format!("{sql} = '{}'", self.name)).await;
                self.user.changed_in_postgres();
                Ok(())
            }
            Step::Pass(ms) => {
                self.stage.app.pass(ms);
                Ok(())
            }
            Step::PassTo(nth, edge, past) => {
                let target = self.user.edge(edge, now, nth % count).and_then(|at| at.checked_add_signed(past));
                self.stage.app.pass(target.map_or(0, |at| at.saturating_sub(now)));
                Ok(())
            }
        }
    }

    async fn ask(&self, nth: usize, method: Method, path: &str, body: &Value) -> Answer {
        self.stage.send(method, path, &self.sessions[nth].access, body).await
    }

    /// After every step: who is in, what is listed, and whether every key will go away.
    async fn look(&self) -> Result<(), String> {
        let now = self.stage.now();
        for nth in 0..self.user.sessions() {
            let answer = self.ask(nth, Method::GET, "/auth/me", &Value::Null).await;
            let expected = if self.user.is_in(now, nth) { "200" } else { "401 unauthenticated" };
            agree(expected, &answer).map_err(|why| format!("session {nth}: {why}"))?;
        }
        if let Some(by) = (0..self.user.sessions()).find(|nth| self.user.may_act(now, *nth)) {
            let answer = self.ask(by, Method::GET, "/auth/sessions", &Value::Null).await;
            agree("200", &answer)?;
            let id = |held: &Held| session_of(&held.access).to_string();
            let listed = |item: &Value| item["id"].as_str().unwrap().to_owned();
            let mut seen: Vec<_> = answer.json()["items"].as_array().unwrap().iter().map(listed).collect();
            let expected = (0..self.user.sessions()).filter(|nth| self.user.is_listed(now, *nth));
            let mut expected: Vec<_> = expected.map(|nth| id(&self.sessions[nth])).collect();
            seen.sort();
            expected.sort();
            if expected != seen {
                return Err(format!("the model lists {expected:?}, the product {seen:?}"));
            }
        }
        let eternal = self.stage.app.resp().keys_without_ttl();
        if eternal.is_empty() { Ok(()) } else { Err(format!("keys without a TTL: {eternal:?}")) }
    }

    async fn log_in(&mut self, now: u64) -> Result<(), String> {
        let body = json!({"login": self.name, "password": self.password});
        let answer = self.stage.send(Method::POST, "/auth/login", "", &body).await;
        agree("200", &answer)?;
        self.user.log_in(now);
        self.sessions
            .push(Held { access: answer.text_of("accessToken"), tokens: vec![answer.text_of("refreshToken")] });
        Ok(())
    }

    async fn refresh(&mut self, now: u64, nth: usize, shown: Shown) -> Result<(), String> {
        let newest = self.sessions[nth].tokens.last().unwrap().clone();
        let (token, expected) = match shown {
            Shown::Old(old) => {
                let generation = self.user.exchanges(nth).saturating_sub(old);
                (self.sessions[nth].tokens[generation].clone(), self.user.refresh(now, nth, generation))
            }
            Shown::Forged(at) => {
                let mut bytes = URL_SAFE_NO_PAD.decode(&newest).unwrap();
                bytes[at] ^= 0x10;
                (URL_SAFE_NO_PAD.encode(bytes), Refreshed::Invalid)
            }
            Shown::MacOf(other) => {
                let other = other % self.sessions.len();
                let generation = self.user.exchanges(nth);
                let expected = if other == nth { self.user.refresh(now, nth, generation) } else { Refreshed::Invalid };
                // Of 91 characters the first 48 are the first 36 bytes, which the MAC follows.
                let mac = &self.sessions[other].tokens.last().unwrap()[48..];
                (format!("{}{mac}", &newest[..48]), expected)
            }
        };
        let answer = self.stage.send(Method::POST, "/auth/refresh", "", &json!({"refreshToken": token})).await;
        if expected == Refreshed::Invalid {
            return agree("401 refresh-invalid", &answer);
        }
        agree("200", &answer)?;
        let successor = answer.text_of("refreshToken");
        let held = &mut self.sessions[nth];
        held.access = answer.text_of("accessToken");
        let is_what_the_model_says = match expected {
            Refreshed::Newest => successor == newest,
            _ => !held.tokens.contains(&successor),
        };
        if !held.tokens.contains(&successor) {
            held.tokens.push(successor);
        }
        if is_what_the_model_says { Ok(()) } else { Err(format!("the model says {expected:?}, the product another")) }
    }

    async fn change_password(&mut self, now: u64, by: usize) -> Result<(), String> {
        let new = format!("{} once more", &self.password[..PASSWORD.len()]);
        let new = if self.password == PASSWORD { new } else { PASSWORD.to_owned() };
        let body = json!({"currentPassword": self.password, "newPassword": new});
        let answer = self.ask(by, Method::POST, "/auth/change-password", &body).await;
        let changes = self.user.change_password(now, by);
        if changes {
            self.password = new;
        }
        agree(told(changes, "401 unauthenticated"), &answer)
    }
}

fn told(worked: bool, refusal: &str) -> &str {
    if worked { "204" } else { refusal }
}

/// Status and, of a problem, its slug.
fn agree(expected: &str, answer: &Answer) -> Result<(), String> {
    let mut seen = answer.status.to_string();
    if answer.status >= 400 {
        let urn = answer.text_of("type");
        seen = format!("{seen} {}", urn.rsplit(':').next().unwrap());
    }
    if expected == seen { Ok(()) } else { Err(format!("the model says {expected}, the product {}", answer.text())) }
}

#[test]
fn every_story_of_sessions_goes_as_the_contract_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(Setup::new().nodes(2).start());
    app.clock.freeze();
    let stage = Stage { app, turn: Cell::new(0), steps: Cell::new(0) };
    let config = ProptestConfig {
        cases: STORIES,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    };
    let rng = dice(SEED);
    let (number, began) = (Cell::new(0), Instant::now());
    let outcome = TestRunner::new_with_rng(config, rng).run(&proptest::collection::vec(scene(), 1..=14), |scenes| {
        number.set(number.get() + 1);
        runtime.block_on(stage.tell(number.get(), &scenes.concat()))
    });
    println!("{} steps of {STORIES} stories took {:?}", stage.steps.get(), began.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, scenes)) => panic!("{why}\nin the story {:?}", scenes.concat()),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
