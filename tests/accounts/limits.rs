//! Limits on a client's address at their exact edges, by a clock that the test holds.

use serde_json::json;

use super::client::{Client, assert_quota, assert_refused, assert_waits, form, frozen};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::PASSWORD;

/// Lets Redis' time pass, counted from where the test began.
struct Since<'a>(&'a TestApp, u64);

impl Since<'_> {
    fn go_to(&mut self, ms: u64) {
        self.0.pass(ms - self.1);
        self.1 = ms;
    }
}

#[tokio::test]
async fn ten_accounts_in_any_hour_to_the_millisecond() {
    let app = frozen().await;
    let mut since = Since(&app, 0);
    let client = app.client("203.0.113.1");
    let name = |n: usize| format!("member_{n}");
    for (n, left) in (0..10).rev().enumerate() {
        since.go_to(n as u64 * 60_000);
        let told = |left| format!("\"signup_ip\";r={left};t={}", 3_600 - n * 60);
        // A slip in the form makes no account, and counts for none.
        let slip = client.sign_up("no name").await.assert_status(422);
        assert_quota(&slip, Some(("\"signup_ip\";q=10;w=3600", &told(left + 1))));
        let made = client.sign_up(&name(n)).await.assert_status(201);
        assert_quota(&made, Some(("\"signup_ip\";q=10;w=3600", &told(left))));
    }
    let refused = client.sign_up(&name(10)).await;
    assert_waits(&refused, "rate-limited", 3_600 - 9 * 60);
    assert_quota(&refused, Some(("\"signup_ip\";q=10;w=3600", "\"signup_ip\";r=0;t=3060")));
    since.go_to(3_599_999);
    assert_waits(&client.sign_up(&name(10)).await, "rate-limited", 1);
    since.go_to(3_600_000);
    client.sign_up(&name(10)).await.assert_status(201);
    // The place of the second is taken until a minute later.
    assert_waits(&client.sign_up(&name(11)).await, "rate-limited", 60);
    since.go_to(3_659_999);
    assert_waits(&client.sign_up(&name(11)).await, "rate-limited", 1);
    since.go_to(3_660_000);
    client.sign_up(&name(11)).await.assert_status(201);
    app.client("203.0.113.2").sign_up(&name(12)).await.assert_status(201);
}

#[tokio::test]
async fn twenty_requests_for_a_reset_in_any_hour_to_the_millisecond() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    for n in 0..20 {
        // What is no address counts as well: it cost a look.
        let email = if n == 7 { "nobody".to_owned() } else { format!("nobody{n}@example.com") };
        let answer = client.forgot(&email).await;
        assert_eq!(answer.status, if n == 7 { 422 } else { 202 }, "{}", answer.text());
        assert_eq!(answer.header("ratelimit"), Some(format!("\"forgot_ip\";r={};t=3600", 19 - n).as_str()));
    }
    assert_waits(&client.forgot("nobody@example.com").await, "rate-limited", 3_600);
    app.pass(3_599_999);
    assert_waits(&client.forgot("nobody@example.com").await, "rate-limited", 1);
    app.client("203.0.113.2").forgot("nobody@example.com").await.assert_status(202);
    app.pass(1);
    client.forgot("nobody@example.com").await.assert_status(202);
}

#[tokio::test]
async fn twenty_resets_in_any_ten_minutes_to_the_millisecond() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    let body = json!({"token": "A".repeat(64), "newPassword": PASSWORD});
    for n in 0..20 {
        let answer = client.post("/auth/reset-password", &body).await;
        assert_refused(&answer, 401, "reset-token-invalid", &json!({}));
        let told = format!("\"reset_ip\";r={};t=600", 19 - n);
        assert_quota(&answer, Some(("\"reset_ip\";q=20;w=600", &told)));
    }
    assert_waits(&client.post("/auth/reset-password", &body).await, "rate-limited", 600);
    app.pass(599_999);
    assert_waits(&client.post("/auth/reset-password", &body).await, "rate-limited", 1);
    let other = app.client("203.0.113.2").post("/auth/reset-password", &body).await;
    assert_refused(&other, 401, "reset-token-invalid", &json!({}));
    app.pass(1);
    let answer = client.post("/auth/reset-password", &body).await;
    assert_refused(&answer, 401, "reset-token-invalid", &json!({}));
}

/// So many wrong tries, each under a name of its own.
async fn guess(client: &Client<'_>, names: std::ops::Range<usize>) {
    for n in names {
        client.miss(&format!("nobody_{n}")).await;
    }
}

#[tokio::test]
async fn fifty_wrong_log_ins_in_any_quarter_of_an_hour_to_the_millisecond() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    client.sign_up("ada").await.assert_status(201);
    guess(&client, 0..40).await;
    app.pass(300_000);
    guess(&client, 40..49).await;
    // The fiftieth place is left, and neither who knows the password nor a slip takes it.
    for _ in 0..3 {
        let right = client.log_in("ada", PASSWORD).await.assert_status(200);
        let slip = client.post("/auth/login", &json!({"login": "ada"})).await.assert_status(422);
        for answer in [right, slip] {
            assert_quota(&answer, Some(("\"login_ip\";q=50;w=900", "\"login_ip\";r=1;t=600")));
        }
    }
    let last = client.miss("nobody_49").await;
    assert_quota(&last, Some(("\"login_ip\";q=50;w=900", "\"login_ip\";r=0;t=600")));
    for (login, password) in [("ada", PASSWORD), ("nobody_50", "wrong")] {
        let refused = client.log_in(login, password).await;
        assert_waits(&refused, "too-many-attempts", 600);
        assert_quota(&refused, Some(("\"login_ip\";q=50;w=900", "\"login_ip\";r=0;t=600")));
    }
    app.client("203.0.113.2").log_in("ada", PASSWORD).await.assert_status(200);
    app.pass(599_999);
    assert_waits(&client.log_in("ada", PASSWORD).await, "too-many-attempts", 1);
    app.pass(1);
    client.log_in("ada", PASSWORD).await.assert_status(200);
    // Forty are forgotten, ten are not.
    guess(&client, 100..140).await;
    assert_waits(&client.log_in("ada", PASSWORD).await, "too-many-attempts", 300);
}

#[tokio::test]
async fn a_try_that_its_name_refuses_does_not_count_for_the_address() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    for _ in 0..5 {
        client.miss("ada").await;
    }
    for _ in 0..60 {
        let refused = client.log_in("ada", "wrong").await;
        assert_waits(&refused, "too-many-attempts", 60);
        assert_quota(&refused, Some(("\"login_ip\";q=50;w=900", "\"login_ip\";r=45;t=900")));
    }
    guess(&client, 0..45).await;
    assert_waits(&client.log_in("nobody", "wrong").await, "too-many-attempts", 900);
}

#[tokio::test]
async fn a_try_that_its_address_refuses_does_not_count_for_the_name() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    guess(&client, 0..50).await;
    for _ in 0..10 {
        assert_waits(&client.log_in("ada", "wrong").await, "too-many-attempts", 900);
    }
    let other = app.client("203.0.113.2");
    for _ in 0..5 {
        other.miss("ada").await;
    }
    assert_waits(&other.log_in("ada", "wrong").await, "too-many-attempts", 60);
}

#[tokio::test]
async fn clients_are_counted_apart_and_an_ipv6_one_by_its_network() {
    let names = ["signup_ip", "login_ip", "forgot_ip", "reset_ip"];
    let one = |setup: Setup, name: &str| setup.set(&format!("limits.{name}.max"), &1);
    let app = names.into_iter().fold(Setup::new().behind_proxy(), one).start().await;
    app.clock.freeze();
    let ask = async |address: &str, n: usize| {
        let client = app.client(address);
        let reset = json!({"token": "nonsense", "newPassword": PASSWORD});
        let answers: [Answer; 4] = [
            client.post("/auth/signup", &form(&format!("member_{n}"))).await,
            client.log_in(&format!("nobody_{n}"), "wrong").await,
            client.forgot("nobody@example.com").await,
            client.post("/auth/reset-password", &reset).await,
        ];
        answers.map(|answer| answer.status)
    };
    for (n, address) in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"].into_iter().enumerate() {
        assert_eq!(ask(address, n).await, [201, 401, 202, 401], "{address}");
        assert_eq!(ask(address, n + 10).await, [429; 4], "{address}");
    }
    for (n, same) in
        ["2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:0db8:0000:0002::", "::ffff:192.0.2.1"].into_iter().enumerate()
    {
        assert_eq!(ask(same, n + 20).await, [429; 4], "{same}");
    }
}
