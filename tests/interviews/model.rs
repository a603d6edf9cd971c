//! Random stories of one interview, told to the product and to a short model: what is read after each step agrees.
//!
//! What the candidate is told is another model's business: this one takes it from the product.

use std::time::Instant;

use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use vestibule::http::rfc3339;

use super::{not, reissue_on, revoke_on};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::members::{Member, PASSWORD};
use crate::support::recruiters::link_of;
use crate::support::stories::{dice, forget};
use crate::support::until::until;

const SEED: &str = "696e74657276696577732020696e74657276696577732020696e746572766965";
const STORIES: u32 = 32;
const DAY: u64 = 24 * 3_600_000;
const COOLDOWN: u64 = 600_000;
const ATTEMPTS: u64 = 3;
const TOTAL_MAX: u64 = 7;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Wrong,
    Right,
    Start,
    Reissue,
    Revoke,
    /// ms
    Pass(u64),
}

/// One step, or a few that chance alone would seldom put in a row.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        8 => step().prop_map(|step| vec![step]),
        2 => Just(vec![Step::Ask, Step::Right, Step::Start]),
        1 => Just(vec![Step::Ask, Step::Wrong, Step::Wrong, Step::Wrong]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // A session of the recruiter outlives 14 times the longest of them.
    let pass = [1_500, 60_000, COOLDOWN - 1, COOLDOWN, 2 * COOLDOWN, DAY, 2 * DAY].map(|ms| Just(Step::Pass(ms)));
    prop_oneof![
        5 => Just(Step::Ask),
        6 => Just(Step::Wrong),
        3 => Just(Step::Right),
        3 => Just(Step::Start),
        2 => Just(Step::Reissue),
        1 => Just(Step::Revoke),
        6 => proptest::strategy::Union::new(pass),
    ]
}

/// An interview with its newest link; times are unix ms.
#[derive(Default)]
struct Model {
    expires: u64,
    invited: bool,
    asked: Option<u64>,
    coded: bool,
    verified: Option<u64>,
    locked: Option<u64>,
    locked_until: Option<u64>,
    started: Option<u64>,
    revoked: bool,
    wrong: u64,
    wrong_in_all: u64,
    locks: u32,
}

impl Model {
    fn new(link: &Link, now: u64) -> Self {
        let expires = OffsetDateTime::parse(&link.expires_at, &Rfc3339).unwrap().unix_timestamp() * 1_000;
        let expires = u64::try_from(expires).unwrap();
        Self { expires, invited: now < expires, ..Self::default() }
    }

    fn miss(&mut self, now: u64) {
        self.wrong += 1;
        self.wrong_in_all += 1;
        if self.wrong == ATTEMPTS {
            self.locked_until = Some(now + COOLDOWN * 2_u64.pow(self.locks));
            (self.locked, self.wrong, self.locks) = (Some(now), 0, self.locks + 1);
        }
    }

    fn works(&self, now: u64) -> bool {
        now < self.expires && !self.revoked && self.wrong_in_all < TOTAL_MAX
    }

    fn read(&self, now: u64) -> Value {
        // Redis' own knowledge ends a day after the link; a link taken away loses its codes, not its mails.
        let known = now <= self.expires + DAY;
        let alive = known && !self.revoked;
        let at = |time: Option<u64>| time.filter(|_| alive).map(rfc3339);
        let state = match () {
            () if self.revoked => "revoked",
            () if self.started.is_some() => "started",
            () if self.expires <= now => "expired",
            () => "open",
        };
        json!({
            "state": state,
            "invitationMail": (known && self.invited).then_some("accepted"),
            "codeSentAt": at(self.asked),
            "codeMail": (known && self.coded).then_some("accepted"),
            "verifiedAt": at(self.verified),
            "lockedAt": at(self.locked),
            "lockedUntil": at(self.locked_until.filter(|until| now < *until)),
            "wornOut": alive && self.wrong_in_all >= TOTAL_MAX,
            "startedAt": self.started.map(rfc3339),
        })
    }
}

/// One story under way.
struct Story<'a> {
    app: &'a TestApp,
    recruiter: Member,
    link: Link,
    model: Model,
    code: Option<String>,
    session: Option<String>,
}

impl Story<'_> {
    fn now(&self) -> u64 {
        u64::try_from(self.app.clock.now_us() / 1_000).unwrap()
    }

    async fn take(&mut self, step: Step) {
        let (app, now) = (self.app, self.now());
        match step {
            Step::Ask => self.ask(now).await,
            Step::Wrong => self.miss(now).await,
            Step::Right => {
                let Some(code) = &self.code else { return };
                let answer = app.verify(&self.link, code).await;
                if answer.status == 200 {
                    self.session = Some(answer.text_of("sessionToken"));
                    self.model.verified = Some(now);
                    (self.model.wrong, self.model.locks, self.model.locked_until) = (0, 0, None);
                }
            }
            Step::Start => {
                let Some(token) = &self.session else { return };
                if app.begin(&self.link, token).await.status == 201 {
                    self.model.started = Some(now);
                }
            }
            Step::Reissue => {
                let answer = reissue_on(app, &app.nodes[0], &self.recruiter, &self.link).await.assert_status(200);
                self.link = link_of(&answer.json());
                (self.model, self.code, self.session) = (Model::new(&self.link, now), None, None);
            }
            Step::Revoke => {
                revoke_on(app, &app.nodes[0], &self.recruiter, &self.link).await.assert_status(204);
                self.model.revoked = true;
            }
            Step::Pass(ms) => app.pass(ms),
        }
        // Mails are sent, and Postgres has heard of a start, before the next step.
        until("the jobs to be done", || async {
            (!app.resp().keys().iter().any(|key| key.contains(":job:"))).then_some(())
        })
        .await;
    }

    async fn ask(&mut self, now: u64) {
        let answer = self.app.request(&self.link).await;
        if answer.status == 202 {
            self.code = Some(self.app.marked_code(&self.link, &answer.text_of("ref")).await);
            (self.model.asked, self.model.coded) = (Some(now), true);
        }
    }

    async fn miss(&mut self, now: u64) {
        let worked = self.model.works(now);
        let typed = self.code.as_deref().map_or_else(|| "000000".to_owned(), not);
        let answer = self.app.verify(&self.link, &typed).await;
        let problem = answer.json();
        let compared = match answer.status {
            401 => problem["type"] == "urn:vestibule:problem:otp-incorrect",
            429 => !problem["attemptsRemaining"].is_null(),
            // The one that wore the link out.
            404 => worked,
            other => panic!("{other}: {problem}"),
        };
        if compared {
            self.model.miss(now);
        }
    }

    async fn look(&self) -> Result<(), String> {
        let read = self.app.told(&self.recruiter, &self.link.interview).await.assert_status(200).json();
        let expected = self.model.read(self.now());
        for (member, expected) in expected.as_object().unwrap() {
            let found = if member.ends_with("Mail") { &read[member]["status"] } else { &read[member] };
            if found != expected {
                return Err(format!("{member}: the model says {expected}, the product {found}"));
            }
        }
        Ok(())
    }
}

async fn tell(app: &TestApp, number: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    // Links are made by the real time: each story begins at it.
    app.clock.freeze_at(i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap());
    let recruiter = Member::of(&app.log_in("rita", PASSWORD).await.assert_status(200).json(), PASSWORD);
    let (_, link) = app.interview(&recruiter, &format!("story{number}@example.com")).await;
    let mut story = Story { app, recruiter, link, model: Model::default(), code: None, session: None };
    story.model = Model::new(&story.link, story.now());
    story.take(Step::Pass(0)).await;
    for (nth, step) in steps.iter().enumerate() {
        story.take(*step).await;
        story.look().await.map_err(|why| TestCaseError::fail(format!("step {nth}, {step:?}: {why}")))?;
    }
    forget(app);
    Ok(())
}

#[test]
fn every_read_says_what_has_happened() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(async {
        let setup = Setup::new().set("limits.candidate_ip.max", &100_000);
        let app = setup.set("limits.otp_attempt.total_max", &TOTAL_MAX).start().await;
        app.member_with("rita", "recruiter").await;
        app
    });
    let config = ProptestConfig {
        cases: STORIES,
        failure_persistence: None,
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    };
    let (number, began) = (std::cell::Cell::new(0), Instant::now());
    let stories = proptest::collection::vec(scene(), 1..=14);
    let outcome = TestRunner::new_with_rng(config, dice(SEED)).run(&stories, |scenes| {
        number.set(number.get() + 1);
        runtime.block_on(tell(&app, number.get(), &scenes.concat()))
    });
    println!("{STORIES} stories took {:?}", began.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, scenes)) => panic!("{why}\nin the story {:?}", scenes.concat()),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
