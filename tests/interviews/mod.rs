//! Recruiters: what they make, what they are told, and what they can take away.

mod audit;
mod concurrency;
mod flow;
mod limits;
mod list;
mod lost_reply;
mod mails;
mod model;
mod outage;
mod progress;
mod refusals;
mod roles;
mod trips;

use hyper::Method;
use serde_json::Value;
use vestibule::http::rfc3339;

use crate::support::TestApp;
use crate::support::app::{Link, Node};
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;

/// Interviews in Postgres, whoever's.
async fn count(app: &TestApp) -> i64 {
    query(&app.database, "SELECT count(*) FROM interviews").await[0].get(0)
}

/// Which interviews a page holds, as it is ordered.
#[track_caller]
fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("no items: {page}"));
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// What the recruiter is told of the interview.
async fn told(app: &TestApp, recruiter: &Member, link: &Link) -> Value {
    app.told(recruiter, &link.interview).await.assert_status(200).json()
}

async fn list(app: &TestApp, recruiter: &Member, query: &str) -> Vec<Value> {
    let page = app.call(Method::GET, &format!("/interviews{query}"), &recruiter.access, &Value::Null).await;
    page.assert_status(200).json()["items"].as_array().unwrap().clone()
}

async fn reissue_on(app: &TestApp, node: &Node, recruiter: &Member, link: &Link) -> Answer {
    let path = format!("/interviews/{}/reissue", link.interview);
    node.call(app, Method::POST, &path, &recruiter.access, &Value::Null).await
}

async fn revoke_on(app: &TestApp, node: &Node, recruiter: &Member, link: &Link) -> Answer {
    let path = format!("/interviews/{}", link.interview);
    node.call(app, Method::DELETE, &path, &recruiter.access, &Value::Null).await
}

/// Redis' time, so many ms from now, as the API writes it.
fn in_ms(app: &TestApp, ms: u64) -> String {
    rfc3339(u64::try_from(app.clock.now_us() / 1_000).unwrap() + ms)
}

fn now(app: &TestApp) -> String {
    in_ms(app, 0)
}

/// Six digits that are not these.
fn not(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}
