//! Series against what is written of them: the README's table, the alerts, the dashboard.

use std::collections::BTreeSet;

use serde_json::Value;
use vestibule::http::route::Endpoint;
use vestibule::metrics::{Metrics, Series};

use super::markdown::section;
use super::tree::Tree;
use super::{assert_seen, assert_tidy};

const README: &str = "README.md";
const ALERTS: &str = "config/alerts.yml";
const CASES: &str = "config/alerts_test.yml";
const DASHBOARD: &str = "config/dashboard.json";
/// One entry for each alert, under its name.
const RUNBOOK: &str = "config/runbook.md";
/// The dashboard's, from top to bottom.
const ROWS: [&str; 8] =
    ["Golden signals", "Candidates", "Members", "Redis", "Postgres", "Mail and jobs", "Argon2", "Fleet"];

fn check(tree: &Tree) -> Vec<String> {
    let series = Metrics::new().series().to_vec();
    let mut complaints = Vec::new();
    readme(tree, &series, &mut complaints);
    for path in [ALERTS, CASES, DASHBOARD] {
        names(path, tree.text(path), &series, &mut complaints);
        values(path, tree, &mut complaints);
    }
    alerts(tree, &mut complaints);
    dashboard(tree, &mut complaints);
    complaints
}

/// A row for each, with the very words of its help.
fn readme(tree: &Tree, series: &[Series], complaints: &mut Vec<String>) {
    let text = section(tree.text(README), "## Metrics").unwrap_or_default();
    let rows: BTreeSet<&str> =
        text.lines().filter(|line| line.starts_with("| `vestibule_") || line.starts_with("| `process_")).collect();
    let so: BTreeSet<String> = series.iter().map(row).collect();
    for row in rows.iter().filter(|row| !so.contains(**row)) {
        complaints.push(format!("{README}: is not so: {row}"));
    }
    for row in so.iter().filter(|row| !rows.contains(row.as_str())) {
        complaints.push(format!("{README}: is not written: {row}"));
    }
}

fn row(series: &Series) -> String {
    let labels = series.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    format!("| `{}` | {labels} | {} |", series.name, series.help)
}

/// What looks like a series is one. In an expression a histogram has an ending.
fn names(path: &str, text: &str, series: &[Series], complaints: &mut Vec<String>) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for prefix in ["vestibule_", "process_"] {
        for (at, _) in text.match_indices(prefix).filter(|(at, _)| !text[..*at].ends_with(is_part)) {
            let rest = &text[at..];
            let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
            let (name, queried) = (&rest[..end], rest[end..].starts_with(['{', '[', ')']));
            let known = series.iter().any(|series| match name.strip_prefix(series.name.as_str()) {
                Some("") => !series.histogram || !queried,
                Some(ending) => series.histogram && ["_bucket", "_sum", "_count"].contains(&ending),
                None => false,
            });
            if !known {
                complaints.push(format!("{path}: {name} is no series"));
            }
        }
    }
}

/// Routes and verdicts that are selected are ones that there are.
fn values(path: &str, tree: &Tree, complaints: &mut Vec<String>) {
    // In the dashboard's JSON, quotes are escaped.
    let text = tree.text(path).replace("\\\"", "\"");
    let routes: BTreeSet<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.label()).chain(["none"]).collect();
    for route in selected(&text, "route").filter(|route| !routes.contains(route)) {
        complaints.push(format!("{path}: {route} is no route"));
    }
    for selector in text.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let (Some(script), Some(verdict)) = (selected(selector, "script").next(), selected(selector, "verdict").next())
        else {
            continue;
        };
        let header = tree.text(&format!("lua/{script}.lua"));
        if verdict != "fault" && !header.contains(&format!("--   {{\"{verdict}\"")) {
            complaints.push(format!("{path}: {script} never answers {verdict}"));
        }
    }
}

/// What a label is compared with, by whichever operator.
fn selected<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let starts = ["=\"", "=~\"", "!=\"", "!~\""].map(|operator| format!("{label}{operator}"));
    let mut values = Vec::new();
    for start in starts {
        let found = text.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next());
        values.extend(found.flat_map(|value| value.split('|')));
    }
    values.into_iter().filter(|value| !value.contains(['$', '.', '*']))
}

/// Each alert says what to do, and where more is written; and a case of the tests sees it fire.
fn alerts(tree: &Tree, complaints: &mut Vec<String>) {
    let (text, runbook) = (tree.text(ALERTS), tree.text(RUNBOOK));
    for rule in text.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap_or_default();
        let wanted = [
            "labels: {severity: ",
            "summary: ",
            "description: ",
            &format!("runbook_url: {RUNBOOK}#{}\n", name.to_lowercase()),
        ];
        for word in wanted.iter().filter(|word| !rule.contains(**word)) {
            complaints.push(format!("{ALERTS}: {name} has no {word}"));
        }
        if !tree.text(CASES).contains(&format!("{{labels: '{{alertname=\"{name}\"}}'")) {
            complaints.push(format!("{CASES}: {name} never fires"));
        }
        if tree.has(RUNBOOK) && !runbook.lines().any(|line| line.trim_start_matches('#').trim() == name) {
            complaints.push(format!("{RUNBOOK}: has no entry {name}"));
        }
    }
}

/// As Grafana wants it: rows in order, panels beside and not above each other, every query on the chosen source.
fn dashboard(tree: &Tree, complaints: &mut Vec<String>) {
    let mut complain = |what: String| complaints.push(format!("{DASHBOARD}: {what}"));
    let Ok(board) = serde_json::from_str::<Value>(tree.text(DASHBOARD)) else {
        return complain("is not JSON".to_owned());
    };
    let panels = board["panels"].as_array().cloned().unwrap_or_default();
    let rows: Vec<&str> =
        panels.iter().filter(|panel| panel["type"] == "row").filter_map(|row| row["title"].as_str()).collect();
    if rows != ROWS {
        complain(format!("has the rows {rows:?}"));
    }
    if board["templating"]["list"][0]["type"] != "datasource" {
        complain("lets nobody choose the data source".to_owned());
    }
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in &panels {
        let title = panel["title"].as_str().unwrap_or_default();
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(24));
        let free = x + w <= 24 && (y..y + h).all(|y| (x..x + w).all(|x| taken.insert((x, y))));
        let whole = !title.is_empty() && ids.insert(panel["id"].as_u64());
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let asks = |target: &Value| {
            let text = |member: &str| target[member].as_str().is_some_and(|text| !text.is_empty());
            text("expr") && text("refId") && target["datasource"]["uid"] == "${datasource}"
        };
        let asked = panel["type"] == "row" || (!targets.is_empty() && targets.iter().all(asks));
        if !free || !whole || !asked {
            complain(format!(
                "{title:?} is no panel: its place {free}, its name and number {whole}, its queries {asked}"
            ));
        }
    }
}

#[test]
fn what_is_written_of_metrics_is_so() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn metrics_that_drift_are_seen() {
    assert_seen(
        check,
        &[
            (README, "| `vestibule_http_connections` |", "| `vestibule_connections` |", "is not written"),
            (README, "| `route`, `status`, `slug` |", "| `route`, `status` |", "is not so"),
            (ALERTS, "max by (queue) (vestibule_queue_overdue_seconds)", "max(vestibule_queue_age)", "is no series"),
            (ALERTS, "_http_request_seconds_bucket{", "_http_request_seconds{", "is no series"),
            (ALERTS, "candidate_info|request_otp", "candidate_info|request_code", "request_code is no route"),
            (ALERTS, "verdict=\"locked\"", "verdict=\"lock\"", "never answers lock"),
            (ALERTS, "config/runbook.md#vestibuleredisdown", "config/runbook.md#redis", "VestibuleRedisDown has no"),
            (CASES, "{alertname=\"VestibuleRedisFull\"}", "{}", "VestibuleRedisFull never fires"),
            (DASHBOARD, "\"title\": \"Redis\"", "\"title\": \"Valkey\"", "has the rows"),
            (DASHBOARD, "\"type\": \"datasource\"", "\"type\": \"query\"", "choose"),
            (DASHBOARD, "\"x\": 12", "\"x\": 6", "is no panel"),
            (DASHBOARD, "\"refId\": \"B\"", "\"ref\": \"B\"", "is no panel"),
            (DASHBOARD, "\"id\": 2,", "\"id\": 1,", "is no panel"),
        ],
    );
}
