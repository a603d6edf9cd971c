//! Round trips, counted by those who answer them: Redis' own count of scripts, and the node's of queries.

use vestibule::link::LinkToken;

use super::not;
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::trips::{Trips, ask, idle, trips};
use crate::support::until::until;

const NOTHING: Trips = trips(0, 0);
const CACHED: Trips = trips(2, 0);
/// The record is missed, loaded from Postgres, added, and the decision is asked for again.
const COLD: Trips = trips(4, 1);
/// A job is claimed and done.
const A_MAIL: Trips = trips(2, 0);
/// The same, and its work is a query.
const A_START: Trips = trips(2, 1);

fn forget(app: &TestApp, link: &Link) {
    app.resp().call(&["DEL", app.keys().link(&link.id()).name()]);
}

#[tokio::test]
async fn a_cached_link_costs_two_scripts_and_no_query() {
    let app = idle(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);

    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "info");
    let (answer, asked) = ask(&app, 1, app.request(&link)).await;
    assert_eq!((answer.status, asked), (202, CACHED.and_later(A_MAIL)), "request-otp");
    let code = app.marked_code(&link, &answer.text_of("ref")).await;
    let (answer, asked) = ask(&app, 0, app.request(&link)).await;
    assert_eq!((answer.status, asked), (429, CACHED), "request-otp, refused");
    let (answer, asked) = ask(&app, 0, app.verify(&link, &not(&code))).await;
    assert_eq!((answer.status, asked), (401, CACHED), "verify-otp, wrong");
    let (answer, asked) = ask(&app, 0, app.verify(&link, &code)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "verify-otp");
    let token = answer.text_of("sessionToken");
    let (answer, asked) = ask(&app, 1, app.begin(&link, &token)).await;
    assert_eq!((answer.status, asked), (201, CACHED.and_later(A_START)), "start");
    let (answer, asked) = ask(&app, 0, app.begin(&link, &token)).await;
    assert_eq!((answer.status, asked), (200, CACHED), "start, again");

    app.revoke(&link).await;
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, CACHED), "a dead link");
}

#[tokio::test]
async fn the_first_use_of_a_link_costs_four_scripts_and_one_query() {
    let app = idle(Setup::new()).await;
    let link = app.invite("ada@example.com").await;

    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (200, COLD), "info");
    forget(&app, &link);
    let (answer, asked) = ask(&app, 1, app.request(&link)).await;
    assert_eq!((answer.status, asked), (202, COLD.and_later(A_MAIL)), "request-otp");
    let code = app.marked_code(&link, &answer.text_of("ref")).await;
    forget(&app, &link);
    let (answer, asked) = ask(&app, 0, app.verify(&link, &code)).await;
    assert_eq!((answer.status, asked), (200, COLD), "verify-otp");
    forget(&app, &link);
    let (answer, asked) = ask(&app, 1, app.begin(&link, &answer.text_of("sessionToken"))).await;
    assert_eq!((answer.status, asked), (201, COLD.and_later(A_START)), "start");
}

#[tokio::test]
async fn what_is_refused_early_costs_little() {
    let app = idle(Setup::new()).await;
    let mut link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);

    let (answer, asked) = ask(&app, 0, app.verify(&link, "no code")).await;
    assert_eq!((answer.status, asked), (422, trips(1, 0)), "no code");
    let (answer, asked) = ask(&app, 0, app.begin(&link, "no token")).await;
    assert_eq!((answer.status, asked), (401, trips(1, 0)), "no session token");
    link.token = LinkToken::fresh().expose().to_string();
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, trips(2, 1)), "a guess");
    link.token = "short".to_owned();
    let (answer, asked) = ask(&app, 0, app.info(&link)).await;
    assert_eq!((answer.status, asked), (404, NOTHING), "no token at all");

    let (client, one) = (app.invite("bob@example.com").await, app.http.clone());
    until("the client to be refused", || async {
        (one.get(&app.url(&client, "info")).await.status == 429).then_some(())
    })
    .await;
    let (answer, asked) = ask(&app, 0, app.info(&client)).await;
    assert_eq!((answer.status, asked), (429, trips(1, 0)), "a client past its limit");
}
