//! Requests for a reset that are worked on twice, late, or in another order.

use vestibule::jobs::Queue;

use super::{NEW, at_rest, change_password, forgot, frozen_and_sweeping, reset_mails, stored};
use crate::support::TestApp;
use crate::support::held::Held;
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;

/// The request that waits, as Redis has it.
struct Request {
    key: String,
    fields: Vec<(String, String)>,
}

/// Asks for a reset, notes what is queued, and lets the worker go about it; the token.
async fn noted(app: &TestApp, member: &Member, n: usize) -> (Request, String) {
    let held = Held::users(&app.database).await;
    forgot(app, &member.email).await.assert_status(202);
    let request = until("a request that was taken", || async {
        let mut resp = app.resp();
        let key = resp.keys().into_iter().find(|key| key.contains(":job:") && key.contains("forgot-"))?;
        let fields = resp.hash(&key);
        fields.iter().any(|(field, _)| field == "claim").then_some(Request { key, fields })
    })
    .await;
    held.release().await;
    let token = app.reset_token(&member.email, n).await;
    at_rest(app).await;
    (request, token)
}

/// The request is there again, as where a worker died after its work; waits until it is done once more.
async fn deliver_again(app: &TestApp, request: &Request) {
    let keys = app.keys();
    let id = request.key.rsplit(':').next().unwrap();
    let subject = vestibule::id::Id::parse(id.strip_prefix("forgot-").unwrap()).unwrap();
    let queue = keys.queue(Queue::Resets, keys.partition(&subject));
    let mut resp = app.resp();
    for (field, value) in request.fields.iter().filter(|(field, _)| field != "claim") {
        resp.call(&["HSET", &request.key, field, value]);
    }
    resp.call(&["PEXPIRE", &request.key, "900000"]);
    resp.call(&["ZADD", queue.name(), &(app.clock.now_us() / 1_000).to_string(), id]);
    resp.call(&["PEXPIRE", queue.name(), "900000"]);
    at_rest(app).await;
}

#[tokio::test]
async fn a_request_that_is_delivered_twice_mails_one_token_that_works() {
    let app = frozen_and_sweeping().await;
    let ada = app.member("ada").await;
    let (request, token) = noted(&app, &ada, 1).await;
    let known = stored(&app, &ada);
    deliver_again(&app, &request).await;
    assert_eq!((stored(&app, &ada), reset_mails(&app, &ada.email).await), (known, 1));
    app.reset(&token, NEW).await.assert_status(204);
}

#[tokio::test]
async fn a_request_that_is_delivered_again_after_its_token_was_used_mails_none() {
    let app = frozen_and_sweeping().await;
    let ada = app.member("ada").await;
    let (request, token) = noted(&app, &ada, 1).await;
    app.reset(&token, NEW).await.assert_status(204);
    deliver_again(&app, &request).await;
    assert_eq!(reset_mails(&app, &ada.email).await, 1);
    app.reset(&token, PASSWORD).await.assert_problem(401, "reset-token-invalid");
    app.log_in("ada", NEW).await.assert_status(200);
    // Whoever asks anew is served.
    let (_, token) = noted(&app, &ada, 2).await;
    app.reset(&token, PASSWORD).await.assert_status(204);
}

#[tokio::test]
async fn a_request_that_is_delivered_again_after_a_change_of_password_mails_none() {
    let app = frozen_and_sweeping().await;
    let ada = app.member("ada").await;
    let (request, token) = noted(&app, &ada, 1).await;
    change_password(&app, &ada, NEW).await.assert_status(204);
    deliver_again(&app, &request).await;
    assert_eq!(reset_mails(&app, &ada.email).await, 1);
    app.reset(&token, PASSWORD).await.assert_problem(401, "reset-token-invalid");
}

#[tokio::test]
async fn an_older_request_that_is_worked_on_later_leaves_the_newer_token_alone() {
    let app = frozen_and_sweeping().await;
    let ada = app.member("ada").await;
    let (older, first) = noted(&app, &ada, 1).await;
    app.pass(1_000);
    let (_, second) = noted(&app, &ada, 2).await;
    deliver_again(&app, &older).await;
    assert_eq!(reset_mails(&app, &ada.email).await, 2);
    app.reset(&first, NEW).await.assert_problem(401, "reset-token-invalid");
    app.reset(&second, NEW).await.assert_status(204);
    // Nor does it come back once the newer one was used.
    deliver_again(&app, &older).await;
    assert_eq!(reset_mails(&app, &ada.email).await, 2);
}
