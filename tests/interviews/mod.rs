//! Recruiters: what they make, what they are told, and what they can take away.

mod audit;
mod flow;
mod limits;
mod list;
mod refusals;
mod roles;
mod trips;

use serde_json::Value;

use crate::support::TestApp;
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
