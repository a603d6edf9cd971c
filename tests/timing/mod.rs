//! Whether the time of an answer tells who has an account. Minutes long: `make test-all` runs it.
//!
//! Requests for names that there are and names that there are not, alike in all but that, are
//! sent one at a time in an order of dice, so that whatever else this machine does hits both
//! alike. [`stats`] says how their times are compared. A delay that is added to one kind
//! afterwards, on paper, must be seen: then the sample is large enough for this machine.

mod stats;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::stats::{THRESHOLD, Times};
use crate::support::app::{Setup, TestApp};
use crate::support::members::PASSWORD;
use crate::support::postgres::query;
use crate::support::program::Program;
use crate::support::raw::{Raw, RawAnswer};
use crate::support::smtp::{Behaviour, SmtpSink};

/// Times before that are of caches that are empty, and connections that are made.
const WARM_UP: usize = 200;
const MEASURED_MIN: usize = 2_000;
/// Measured before it is looked whether they are enough.
const BATCH: usize = 500;

/// What is asked, and how fine it is looked at.
struct Road {
    path: &'static str,
    body: fn(&str) -> Value,
    status: u16,
    /// Of the mean: a delay that must be seen.
    delay: f64,
    /// Enough on a machine that is busy with other things.
    measured_max: usize,
}

const LOG_IN: Road = Road {
    path: "/auth/login",
    body: |name| json!({"login": name, "password": "wrong horse battery"}),
    status: 401,
    delay: 0.01,
    measured_max: 12_000,
};

/// There is no hash: a tenth of its time is less than one look into Postgres takes.
const FORGOT: Road = Road {
    path: "/auth/forgot-password",
    body: |name| json!({"email": address(name)}),
    status: 202,
    delay: 0.1,
    measured_max: 30_000,
};

#[tokio::test]
#[ignore = "minutes long: make test-all runs it"]
async fn a_log_in_takes_as_long_whether_there_is_such_a_user_or_not() {
    compare(&LOG_IN).await;
}

#[tokio::test]
#[ignore = "minutes long: make test-all runs it"]
async fn a_request_for_a_reset_takes_as_long_whether_there_is_such_an_address_or_not() {
    compare(&FORGOT).await;
}

async fn compare(road: &Road) {
    let relay = SmtpSink::start(Behaviour::Accept).await;
    let app = Setup::new().nodes(0).start().await;
    let changes = [("trusted_proxies", "127.0.0.0/8"), ("mail.url", &relay.url()), ("log.level", "info")];
    let mut environment = app.environment_with(&changes);
    // What a hash costs by default, not in tests.
    environment.retain(|(name, _)| !name.contains("__HASH_"));
    let program = Program::serve(&environment);
    let mut connection = Raw::connect(program.ready().await.public).await;

    let mut dice = Dice(7);
    let names: Vec<(bool, String)> = (0..WARM_UP + road.measured_max).map(|n| (n % 2 == 0, dice.name())).collect();
    let known: Vec<&str> = names.iter().filter(|(known, _)| *known).map(|(_, name)| name.as_str()).collect();
    make_users(&app, &mut connection, &known).await;

    let mut times = Times::default();
    let mut sent = 0;
    let (warm_up, measured) = names.split_at(WARM_UP);
    for batch in std::iter::once(warm_up).chain(measured.chunks(BATCH)) {
        let measures = sent >= WARM_UP;
        let mut batch = batch.to_vec();
        dice.shuffle(&mut batch);
        for (known, name) in batch {
            let (took, answer) = ask(&mut connection, road.path, &(road.body)(&name), sent).await;
            answer.assert_status(road.status);
            sent += 1;
            if measures {
                times.add(known, took);
            }
        }
        if times.len() >= MEASURED_MIN && times.resolution(road.delay) >= 2.0 * THRESHOLD {
            break;
        }
    }
    judge(road, &times);
}

fn judge(road: &Road, times: &Times) {
    let (t, slower, faster) = (times.t(), times.delayed(road.delay).t(), times.delayed(-road.delay).t());
    println!("{}: {times}; t {t:.2}, with {:.0} % more {slower:.2}, less {faster:.2}", road.path, 100.0 * road.delay);
    assert!(t.abs() <= THRESHOLD, "the time tells whether there is such an account: t {t:.2}; {times}");
    assert!(slower > THRESHOLD && faster < -THRESHOLD, "too much else goes on here to tell: {times}");
}

/// Users of these names, each with the password of a first one.
async fn make_users(app: &TestApp, connection: &mut Raw, names: &[&str]) {
    let first = json!({"username": "first", "email": address("first"), "password": PASSWORD});
    ask(connection, "/auth/signup", &first, 0).await.1.assert_status(201);
    let names = names.join("','");
    let insert = format!(
        "INSERT INTO users (id, username, username_key, email, email_key, password_hash) \
        SELECT gen_random_uuid(), name, name, address, address, (SELECT password_hash FROM users) \
        FROM unnest(ARRAY['{names}']) AS name, concat(name, '@example.com') AS address"
    );
    query(&app.database, &insert).await;
    // Not in the middle of it, by itself.
    query(&app.database, "VACUUM ANALYZE users").await;
}

/// A request of the `n`th client, who comes once: no limit is near.
async fn ask(connection: &mut Raw, path: &str, body: &Value, n: usize) -> (Duration, RawAnswer) {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 10.{}.{}.{}\r\n\
        content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        n >> 16,
        (n >> 8) & 255,
        n & 255,
        body.len()
    );
    let begun = Instant::now();
    connection.send(request).await;
    let answer = connection.answer().await;
    (begun.elapsed(), answer)
}

fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// The same throws at each run: SplitMix64.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// All are of one shape and length.
    fn name(&mut self) -> String {
        format!("m{:012x}", self.throw() >> 16)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.throw() % (last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap());
        }
    }
}
