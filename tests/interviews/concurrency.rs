//! Two nodes, and everything at once: one link works, the one that Postgres has, and what was taken away stays away.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use vestibule::link::LinkToken;

use super::{reissue_on, revoke_on, told};
use crate::support::TestApp;
use crate::support::app::{Link, Node, Setup};
use crate::support::held::Held;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::link_of;
use crate::support::trips::queries;
use crate::support::until::until;
use crate::support::wire::Wired;

const CROWD: usize = 50;
/// Races of two: enough for either to win some.
const ROUNDS: usize = 8;

/// Whoever waits for a row or a connection is waited for.
fn patient() -> Setup {
    let setup = Setup::new().nodes(2).set("limits.candidate_ip.max", &100_000).set("http.handler_timeout", &"120s");
    setup.set("postgres.wait_timeout", &"60s").set("postgres.statement_timeout", &"60s")
}

async fn start() -> (TestApp, Member) {
    let app = patient().start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    (app, recruiter)
}

async fn info_on(app: &TestApp, node: &Node, link: &Link) -> Answer {
    app.http.get(&node.url(link, "info")).await
}

async fn verify_on(app: &TestApp, node: &Node, link: &Link, code: &str) -> Answer {
    app.http.post_json(&node.url(link, "verify-otp"), &json!({ "otp": code }).to_string()).await
}

async fn begin_on(app: &TestApp, node: &Node, link: &Link, token: &str) -> Answer {
    app.http.send(Method::POST, &node.url(link, "start"), &[("x-session-token", token)], "").await
}

async fn assert_works(app: &TestApp, link: &Link) {
    for node in &app.nodes {
        info_on(app, node, link).await.assert_status(200);
    }
}

/// No node knows it, and no session of it starts.
async fn assert_dead(app: &TestApp, link: &Link, token: Option<&str>) {
    for node in &app.nodes {
        info_on(app, node, link).await.assert_problem(404, "link-not-found");
        verify_on(app, node, link, "123456").await.assert_problem(404, "link-not-found");
        if let Some(token) = token {
            begin_on(app, node, link, token).await.assert_problem(404, "link-not-found");
        }
    }
    let seat = app.keys().seat(&link.id());
    assert!(app.resp().hash(seat.name()).is_empty(), "a session of a dead link is left");
}

fn digest(link: &Link) -> String {
    LinkToken::parse(&link.token).unwrap().digest().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn of_fifty_new_links_at_once_one_works_and_it_is_the_one_that_postgres_has() {
    let (app, recruiter) = start().await;
    let mut admins = Vec::new();
    for name in ["adam", "bess", "carl", "dora", "emil"] {
        admins.push(app.member_with(name, "admin").await);
    }
    let (_, first) = app.interview(&recruiter, "ada@example.com").await;
    let code = app.code(&first).await;
    let token = app.verify(&first, &code).await.assert_status(200).text_of("sessionToken");
    app.begin(&first, &token).await.assert_status(201);

    let mut crowd = JoinSet::new();
    for n in 0..CROWD {
        let (http, node) = (app.http.clone(), app.nodes[n % 2].public);
        let bearer = format!("Bearer {}", admins[n % admins.len()].access);
        let url = format!("http://{node}/interviews/{}/reissue", first.interview);
        crowd.spawn(async move {
            let answer = http.send(Method::POST, &url, &[("authorization", bearer.as_str())], "").await;
            let link = link_of(&answer.assert_status(200).json());
            // A candidate who is as quick as that brings its record to Redis, where it has to be found.
            let info = http.get(&link.url(node, "info")).await;
            assert!(matches!(info.status, 200 | 404), "{}", info.text());
            link
        });
    }
    let links = crowd.join_all().await;
    assert_eq!(links.iter().map(|link| &link.token).collect::<BTreeSet<_>>().len(), CROWD);

    let sql = format!("SELECT encode(link_digest, 'hex') FROM interviews WHERE id = '{}'", first.interview);
    let kept: String = query(&app.database, &sql).await[0].get(0);
    let (alive, dead): (Vec<_>, Vec<_>) = links.iter().partition(|link| digest(link) == kept);
    assert_eq!((alive.len(), dead.len()), (1, CROWD - 1));
    assert_works(&app, alive[0]).await;
    for link in dead.into_iter().chain([&first]) {
        assert_dead(&app, link, None).await;
        let key = app.keys().link(&link.id());
        assert_eq!(app.resp().field(key.name(), "state").as_deref(), Some("dead"), "Redis was not told");
    }
    assert_dead(&app, &first, Some(&token)).await;
    let told = query(&app.database, "SELECT count(*) FROM dead_links WHERE told_at IS NOT NULL").await;
    assert_eq!(told[0].get::<_, i64>(0), i64::try_from(CROWD).unwrap());
}

#[tokio::test]
async fn a_candidate_between_code_and_start_is_turned_away_by_the_very_next_request() {
    let (app, recruiter) = start().await;
    let [here, there] = [&app.nodes[0], &app.nodes[1]];
    let (_, old) = app.interview(&recruiter, "ada@example.com").await;
    let code = app.code(&old).await;
    let token = verify_on(&app, there, &old, &code).await.assert_status(200).text_of("sessionToken");
    let new = link_of(&reissue_on(&app, here, &recruiter, &old).await.assert_status(200).json());
    begin_on(&app, there, &old, &token).await.assert_problem(404, "link-not-found");
    assert_dead(&app, &old, Some(&token)).await;
    for node in &app.nodes {
        begin_on(&app, node, &new, &token).await.assert_problem(403, "forbidden");
    }

    let code = app.code(&new).await;
    let token = verify_on(&app, there, &new, &code).await.assert_status(200).text_of("sessionToken");
    revoke_on(&app, here, &recruiter, &new).await.assert_status(204);
    begin_on(&app, there, &new, &token).await.assert_problem(404, "link-not-found");
    assert_dead(&app, &new, Some(&token)).await;
}

#[tokio::test]
async fn a_code_typed_while_the_link_is_replaced_opens_nothing_that_lasts() {
    let (app, recruiter) = start().await;
    for round in 0..ROUNDS {
        let (_, old) = app.interview(&recruiter, &format!("ada{round}@example.com")).await;
        let code = app.code(&old).await;
        let there = &app.nodes[round % 2];
        let walk_in = async {
            let verified = verify_on(&app, there, &old, &code).await;
            if verified.status != 200 {
                verified.assert_problem(404, "link-not-found");
                return None;
            }
            let token = verified.text_of("sessionToken");
            let begun = begin_on(&app, there, &old, &token).await;
            assert!(matches!(begun.status, 201 | 404), "{}", begun.text());
            Some(token)
        };
        let (token, reissued) = tokio::join!(walk_in, reissue_on(&app, &app.nodes[(round + 1) % 2], &recruiter, &old));
        let new = link_of(&reissued.assert_status(200).json());
        assert_dead(&app, &old, token.as_deref()).await;
        assert_works(&app, &new).await;
        for (node, token) in app.nodes.iter().zip(token.iter().cycle()) {
            begin_on(&app, node, &new, token).await.assert_problem(403, "forbidden");
        }
        let found = told(&app, &recruiter, &new).await;
        assert_eq!((&found["state"], &found["startedAt"]), (&json!("open"), &Value::Null), "{found}");
    }
}

#[tokio::test]
async fn a_start_while_the_link_is_taken_away_is_over_at_once() {
    let (app, recruiter) = start().await;
    for round in 0..ROUNDS {
        let (_, link) = app.interview(&recruiter, &format!("ada{round}@example.com")).await;
        let code = app.code(&link).await;
        let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
        let (begun, revoked) = tokio::join!(
            begin_on(&app, &app.nodes[round % 2], &link, &token),
            revoke_on(&app, &app.nodes[(round + 1) % 2], &recruiter, &link),
        );
        assert!(matches!(begun.status, 201 | 404), "{}", begun.text());
        revoked.assert_status(204);
        assert_dead(&app, &link, Some(&token)).await;
        assert_eq!(told(&app, &recruiter, &link).await["state"], "revoked");
    }
}

#[tokio::test]
async fn a_link_replaced_and_taken_away_at_once_is_as_the_interview_says() {
    let (app, recruiter) = start().await;
    for round in 0..ROUNDS {
        let (_, old) = app.interview(&recruiter, &format!("ada{round}@example.com")).await;
        assert_works(&app, &old).await;
        let (here, there) = (&app.nodes[round % 2], &app.nodes[(round + 1) % 2]);
        let (reissued, revoked) =
            tokio::join!(reissue_on(&app, here, &recruiter, &old), revoke_on(&app, there, &recruiter, &old));
        let new = link_of(&reissued.assert_status(200).json());
        revoked.assert_status(204);
        assert_dead(&app, &old, None).await;
        match told(&app, &recruiter, &new).await["state"].as_str().unwrap() {
            "open" => assert_works(&app, &new).await,
            "revoked" => assert_dead(&app, &new, None).await,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_node_that_had_read_the_old_row_cannot_bring_the_link_back() {
    let setup = patient().set("redis.command_timeout", &"10s");
    let Some(mut wired) = Wired::start(setup).await else { return };
    // Beside the one whose way to Redis is a wire.
    wired.app.add_node().await;
    let (app, wire) = (&wired.app, &wired.wire);
    let recruiter = app.member_with("rita", "recruiter").await;
    for email in ["reissued@example.com", "revoked@example.com"] {
        let (_, link) = app.interview(&recruiter, email).await;
        let (loaded, held) = (queries(app, "link_load").await, Held::all_of_interviews(&app.database).await);
        let reader = tokio::spawn({
            let (http, url) = (app.http.clone(), app.nodes[0].url(&link, "info"));
            async move { http.get(&url).await }
        });
        held.has(1).await;
        wire.silence();
        held.release().await;
        until("the row to be read", || async { (queries(app, "link_load").await > loaded).then_some(()) }).await;

        if email.starts_with("reissued") {
            reissue_on(app, &app.nodes[1], &recruiter, &link).await.assert_status(200);
        } else {
            revoke_on(app, &app.nodes[1], &recruiter, &link).await.assert_status(204);
        }
        wire.heal();
        reader.await.unwrap().assert_problem(404, "link-not-found");
        assert_dead(app, &link, None).await;
    }
}

#[tokio::test]
async fn a_link_that_is_dead_before_its_invitation_is_queued_is_not_mailed() {
    let (app, recruiter) = start().await;
    let (_, first) = app.interview(&recruiter, "ada@example.com").await;
    until("the invitation", || async { (app.mails(&first.email).await.len() == 1).then_some(()) }).await;
    // The first link is dead, and the mail of the second one is yet to be queued.
    let held = Held::notes_of_the_dead(&app.database).await;
    let (reissued, ()) = tokio::join!(reissue_on(&app, &app.nodes[0], &recruiter, &first), async {
        held.has(1).await;
        let (revoked, ()) = tokio::join!(revoke_on(&app, &app.nodes[1], &recruiter, &first), async {
            held.has(2).await;
            held.release().await;
        });
        revoked.assert_status(204);
    });
    let second = link_of(&reissued.assert_status(200).json());
    assert_dead(&app, &second, None).await;

    let waiting = app.resp().keys().into_iter().find(|key| key.contains(":job:"));
    assert_eq!((waiting, app.mails(&first.email).await.len()), (None, 1));
    assert_eq!(told(&app, &recruiter, &second).await["invitationMail"], Value::Null);
}
