//! What each endpoint of interviews asks of Redis and of Postgres. With `--nocapture --test-threads 1` the tests print
//! it as tables.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::recruiters::{form, link_of};
use crate::support::trips::{Row, Trips, hold, idle, stage, trips};

const NOTHING: Trips = trips(0, 0);
/// Whether the session lives, and what its user may.
const WHO: Trips = trips(1, 0);
/// A job is claimed and done.
const A_MAIL: Trips = trips(2, 0);

async fn call(app: &TestApp, method: Method, path: &str, who: &Member, body: &Value) -> Answer {
    app.call(method, path, &who.access, body).await
}

#[tokio::test]
async fn interviews_cost_what_the_table_says() {
    let app = stage().await;
    let rita = app.member_with("rita", "recruiter").await;
    let none = Value::Null;
    let list = async || call(&app, Method::GET, "/interviews", &rita, &none).await;
    hold(&app, Row("list, of none", 200, trips(1, 1)), list()).await;
    // Who asks, how often, and the mail into its queue.
    let made = Row("create", 201, trips(3, 1).and_later(A_MAIL));
    let body = form("ada@example.com");
    let made = hold(&app, made, call(&app, Method::POST, "/interviews", &rita, &body)).await;
    let link = link_of(&made.json());
    hold(&app, Row("read", 200, trips(2, 1)), app.told(&rita, &link.interview)).await;
    let head = call(&app, Method::HEAD, "/interviews", &rita, &none);
    hold(&app, Row("list, of one, its head", 200, trips(2, 1)), head).await;
    for _ in 0..2 {
        let made = Row("create", 201, trips(3, 1).and_later(A_MAIL));
        hold(&app, made, call(&app, Method::POST, "/interviews", &rita, &body)).await;
    }
    hold(&app, Row("list, of three", 200, trips(4, 1)), list()).await;
    let two = call(&app, Method::GET, "/interviews?limit=2", &rita, &none);
    hold(&app, Row("list, of two of three", 200, trips(3, 1)), two).await;

    let path = format!("/interviews/{}", link.interview);
    let again = format!("{path}/reissue");
    // The old link is made dead in Redis besides, and noted as such.
    let reissued = Row("reissue", 200, trips(4, 3).and_later(A_MAIL));
    let link = link_of(&hold(&app, reissued, call(&app, Method::POST, &again, &rita, &none)).await.json());
    app.info(&link).await.assert_status(200);
    hold(&app, Row("read, of a link in use", 200, trips(2, 1)), app.told(&rita, &link.interview)).await;
    for what in ["revoke", "revoke, again"] {
        hold(&app, Row(what, 204, trips(2, 3)), call(&app, Method::DELETE, &path, &rita, &none)).await;
    }
}

#[tokio::test]
async fn what_a_recruiter_is_refused_early_costs_little() {
    let app = stage().await;
    let (rita, eve) = (app.member_with("rita", "recruiter").await, app.member("eve").await);
    let (none, body) = (Value::Null, form("ada@example.com"));
    let nobodys = "/interviews/01890000-0000-7000-8000-000000000000";
    let (again, list) = (format!("{nobodys}/reissue"), "/interviews?state=nonsense");
    for (what, status, cost, method, path, who, body) in [
        ("create, a slip", 422, WHO, Method::POST, "/interviews", &rita, &json!({})),
        ("list, a slip", 422, WHO, Method::GET, list, &rita, &none),
        ("create, of a member", 403, WHO, Method::POST, "/interviews", &eve, &body),
        ("list, of a member", 403, WHO, Method::GET, "/interviews", &eve, &none),
        ("reissue, of a member", 403, WHO, Method::POST, &again, &eve, &none),
        ("read, of nobody's", 404, trips(1, 1), Method::GET, nobodys, &rita, &none),
        ("reissue, of nobody's", 404, trips(2, 1), Method::POST, &again, &rita, &none),
        ("revoke, of nobody's", 404, trips(1, 1), Method::DELETE, nobodys, &rita, &none),
        ("read, no id at all", 404, NOTHING, Method::GET, "/interviews/nonsense", &rita, &none),
        ("another method", 405, NOTHING, Method::PATCH, nobodys, &rita, &body),
    ] {
        hold(&app, Row(what, status, cost), call(&app, method, path, who, body)).await;
    }
    let forged = Member { access: format!("{}x", rita.access), ..rita };
    hold(&app, Row("list, forged", 401, NOTHING), call(&app, Method::GET, "/interviews", &forged, &none)).await;
}

#[tokio::test]
async fn a_recruiter_past_the_limit_costs_two_scripts_and_no_query() {
    let app = idle(Setup::new().set("limits.invite_user.max", &1)).await;
    let rita = app.member_with("rita", "recruiter").await;
    let body = form("ada@example.com");
    let first = call(&app, Method::POST, "/interviews", &rita, &body);
    let first = hold(&app, Row("create", 201, trips(3, 1).and_later(A_MAIL)), first).await;
    let again = format!("/interviews/{}/reissue", first.text_of("id"));
    for path in ["/interviews", &again] {
        let refused = Row("an invitation past the limit", 429, trips(2, 0));
        hold(&app, refused, call(&app, Method::POST, path, &rita, &body)).await;
    }
}
