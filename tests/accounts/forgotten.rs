//! Requests for a reset: how often an address is written to, which nobody is told.

use super::client::{Client, assert_done, frozen};
use crate::support::TestApp;
use crate::support::http::Answer;
use crate::support::until::until;

/// How often anything was queued so far. Scripts are counted, too; a claim queues anew, so this is asked at rest.
async fn queued(app: &TestApp) -> u64 {
    let at_rest = || async { app.resp().keys().iter().all(|key| !key.contains(":job:")).then_some(()) };
    until("all jobs to be done", at_rest).await;
    app.resp().calls_of("zadd")
}

/// Asks, and gets this many mails in all.
async fn ask(app: &TestApp, client: &Client<'_>, email: &str, mails: usize) -> Answer {
    let answer = client.forgot(email).await;
    assert_done(&answer, 202);
    app.reset_token("ada@example.com", mails).await;
    answer
}

/// Asks, and gets the answer alone.
async fn ask_in_vain(app: &TestApp, client: &Client<'_>, email: &str, mails: usize, as_ever: &Answer) {
    let before = queued(app).await;
    let answer = client.forgot(email).await;
    assert_done(&answer, 202);
    assert_eq!(answer.body, as_ever.body);
    assert_eq!(queued(app).await, before, "something was queued");
    // A mail that was asked for later is there, and none to this address.
    let others = app.mails("bob@example.com").await.len();
    client.forgot("bob@example.com").await.assert_status(202);
    app.reset_token("bob@example.com", others + 1).await;
    assert_eq!(app.mails("ada@example.com").await.len(), mails);
}

#[tokio::test]
async fn three_mails_in_any_quarter_of_an_hour_to_the_millisecond() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    for name in ["ada", "bob"] {
        client.sign_up(name).await.assert_status(201);
    }
    let first = ask(&app, &client, "ada@example.com", 1).await;
    app.pass(1_000);
    ask(&app, &client, " ADA@example.com", 2).await;
    app.pass(1_000);
    ask(&app, &client, "Ada@Example.com", 3).await;
    // From whichever client, and however the address is written.
    ask_in_vain(&app, &client, "ada@example.com", 3, &first).await;
    app.pass(897_999);
    ask_in_vain(&app, &app.client("203.0.113.2"), "ADA@EXAMPLE.COM", 3, &first).await;
    app.pass(1);
    ask(&app, &client, "ada@example.com", 4).await;
    // The place of the second is taken for another second.
    app.pass(999);
    ask_in_vain(&app, &client, "ada@example.com", 4, &first).await;
    app.pass(1);
    ask(&app, &client, "ada@example.com", 5).await;
}

#[tokio::test]
async fn an_address_that_nobody_has_is_counted_alike_and_never_written_to() {
    let app = frozen().await;
    let client = app.client("203.0.113.1");
    client.sign_up("ada").await.assert_status(201);
    for n in 0..6 {
        let before = queued(&app).await;
        let answer = client.forgot("nobody@example.com").await;
        assert_done(&answer, 202);
        assert_eq!(queued(&app).await > before, n < 3, "the {n}th");
    }
    app.pass(900_000);
    let before = queued(&app).await;
    client.forgot("nobody@example.com").await.assert_status(202);
    assert!(queued(&app).await > before);
    ask(&app, &client, "ada@example.com", 1).await;
    assert!(app.mails("nobody@example.com").await.is_empty());
}
