//! Who keeps interviews, and whose.

use hyper::Method;
use serde_json::{Value, json};

use super::{count, ids};
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::{form, link_of};
use crate::support::until::until;

async fn list(app: &TestApp, who: &Member) -> Vec<String> {
    ids(&app.call(Method::GET, "/interviews", &who.access, &Value::Null).await.assert_status(200).json())
}

async fn reissue(app: &TestApp, who: &Member, id: &str) -> Answer {
    app.call(Method::POST, &format!("/interviews/{id}/reissue"), &who.access, &Value::Null).await
}

async fn revoke(app: &TestApp, who: &Member, id: &str) -> Answer {
    app.call(Method::DELETE, &format!("/interviews/{id}"), &who.access, &Value::Null).await
}

async fn give(app: &TestApp, username: &str, role: &str) {
    let output = app.run(&["user", "role", username, role]).await;
    assert!(output.status.success(), "{output:?}");
}

/// Every interview, and every link that is dead, as Postgres has them.
async fn rows(app: &TestApp) -> Vec<String> {
    let tables =
        "SELECT to_jsonb(i)::text FROM interviews i UNION SELECT to_jsonb(d)::text FROM dead_links d ORDER BY 1";
    query(&app.database, tables).await.iter().map(|row| row.get(0)).collect()
}

fn is_started(row: &str) -> bool {
    !row.contains("\"started_at\": null")
}

/// A candidate who is in.
async fn seated(app: &TestApp, link: &Link) -> String {
    let session = app.verify(link, &app.code(link).await).await.assert_status(200).text_of("sessionToken");
    app.begin(link, &session).await.assert_status(201);
    session
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there_and_stays_as_it_is() {
    let app = TestApp::start().await;
    let (rita, rolf) = (app.member_with("rita", "recruiter").await, app.member_with("rolf", "recruiter").await);
    let (_, ritas) = app.interview(&rita, "ada@example.com").await;
    let operators = app.invite("bob@example.com").await;
    // One that was never made is refused in the same words.
    let never = app.told(&rolf, "01890000-0000-7000-8000-000000000000").await.assert_problem(404, "not-found").json();
    for link in [&ritas, &operators] {
        let session = seated(&app, link).await;
        let path = format!("/interviews/{}", link.interview);
        let before = until("the start to be in Postgres", || async {
            Some(rows(&app).await)
                .filter(|rows| rows.iter().any(|row| row.contains(&link.interview) && is_started(row)))
        })
        .await;
        for (method, path) in
            [(Method::GET, path.clone()), (Method::POST, format!("{path}/reissue")), (Method::DELETE, path.clone())]
        {
            let refused = app.call(method, &path, &rolf.access, &Value::Null).await.assert_problem(404, "not-found");
            assert_eq!(refused.json(), never);
        }
        app.call(Method::HEAD, &path, &rolf.access, &Value::Null).await.assert_status(404);
        assert_eq!(rows(&app).await, before);
        app.begin(link, &session).await.assert_status(200);
    }
    app.told(&rita, &operators.interview).await.assert_problem(404, "not-found");
    assert_eq!(list(&app, &rita).await, [ritas.interview.as_str()]);
    assert_eq!(list(&app, &rolf).await, [""; 0]);
    app.told(&rita, &ritas.interview).await.assert_status(200);
}

#[tokio::test]
async fn an_admin_reaches_everybodys() {
    let app = TestApp::start().await;
    let (rita, anna) = (app.member_with("rita", "recruiter").await, app.member_with("anna", "admin").await);
    let (_, ritas) = app.interview(&rita, "ada@example.com").await;
    let operators = app.invite("bob@example.com").await;
    let (_, annas) = app.interview(&anna, "eve@example.com").await;
    let all = [&annas, &operators, &ritas].map(|link| link.interview.clone());
    assert_eq!(list(&app, &anna).await, all);
    assert_eq!(list(&app, &rita).await, [ritas.interview.as_str()]);
    for link in [ritas, operators, annas] {
        app.told(&anna, &link.interview).await.assert_status(200);
        let new = link_of(&reissue(&app, &anna, &link.interview).await.assert_status(200).json());
        app.info(&link).await.assert_problem(404, "link-not-found");
        app.info(&new).await.assert_status(200);
        revoke(&app, &anna, &link.interview).await.assert_status(204);
        app.info(&new).await.assert_problem(404, "link-not-found");
    }
    // Whoever gives it a new link, it stays its owner's.
    assert_eq!(list(&app, &rita).await, [all[2].clone()]);
    assert_eq!(app.told(&rita, &all[2]).await.assert_status(200).json()["state"], "revoked");
    app.told(&rita, &all[0]).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_role_is_that_of_the_next_request_on_every_node() {
    let app = Setup::new().nodes(2).start().await;
    let ada = app.member("ada").await;
    let (_, others) = app.interview(&app.member_with("rita", "recruiter").await, "bob@example.com").await;
    let make = async |node: usize| {
        let body = form("eve@example.com");
        app.nodes[node].call(&app, Method::POST, "/interviews", &ada.access, &body).await
    };
    let listed =
        async |node: usize| app.nodes[node].call(&app, Method::GET, "/interviews", &ada.access, &Value::Null).await;
    for node in [0, 1] {
        make(node).await.assert_problem(403, "forbidden");
    }
    give(&app, "ada", "recruiter").await;
    let own = [make(1).await, make(0).await].map(|made| link_of(&made.assert_status(201).json()).interview);
    for node in [0, 1] {
        assert_eq!(ids(&listed(node).await.assert_status(200).json()), [own[1].clone(), own[0].clone()]);
    }
    give(&app, "ada", "admin").await;
    for node in [1, 0] {
        let all = [own[1].clone(), own[0].clone(), others.interview.clone()];
        assert_eq!(ids(&listed(node).await.assert_status(200).json()), all);
    }
    give(&app, "ada", "member").await;
    for node in [1, 0] {
        listed(node).await.assert_problem(403, "forbidden");
        make(node).await.assert_problem(403, "forbidden");
        for (method, path) in [
            (Method::POST, format!("/interviews/{}/reissue", own[0])),
            (Method::DELETE, format!("/interviews/{}", own[0])),
        ] {
            let answer = app.nodes[node].call(&app, method, &path, &ada.access, &Value::Null).await;
            answer.assert_problem(403, "forbidden");
        }
    }
    assert_eq!(count(&app).await, 3);
    // What was theirs waits for them.
    give(&app, "ada", "recruiter").await;
    assert_eq!(ids(&listed(1).await.assert_status(200).json()), [own[1].clone(), own[0].clone()]);
    app.told(&ada, &others.interview).await.assert_problem(404, "not-found");
    revoke(&app, &ada, &own[0]).await.assert_status(204);
}

#[tokio::test]
async fn two_recruiters_may_invite_the_same_candidate() {
    let app = TestApp::start().await;
    let (rita, rolf) = (app.member_with("rita", "recruiter").await, app.member_with("rolf", "recruiter").await);
    let (_, ritas) = app.interview(&rita, "ada@example.com").await;
    let (_, rolfs) = app.interview(&rolf, "ada@example.com").await;
    assert_ne!(ritas.token, rolfs.token);
    let sessions = [seated(&app, &ritas).await, seated(&app, &rolfs).await];
    app.begin(&ritas, &sessions[1]).await.assert_problem(403, "forbidden");

    revoke(&app, &rita, &rolfs.interview).await.assert_problem(404, "not-found");
    revoke(&app, &rita, &ritas.interview).await.assert_status(204);
    app.begin(&ritas, &sessions[0]).await.assert_problem(404, "link-not-found");
    app.begin(&rolfs, &sessions[1]).await.assert_status(200);
    let told = app.told(&rolf, &rolfs.interview).await.assert_status(200).json();
    assert_eq!((&told["state"], &told["revokedAt"]), (&json!("started"), &Value::Null));
    assert_eq!(app.told(&rita, &ritas.interview).await.json()["state"], "revoked");
    assert_eq!(list(&app, &rita).await, [ritas.interview]);
    assert_eq!(list(&app, &rolf).await, [rolfs.interview]);
}

#[tokio::test]
async fn what_a_recruiter_takes_away_is_gone_from_every_node_with_the_answer() {
    let app = Setup::new().nodes(2).start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (_, old) = app.interview(&rita, "ada@example.com").await;
    let session = seated(&app, &old).await;
    let on = async |node: usize, link: &Link, endpoint: &str| {
        let url = app.nodes[node].url(link, endpoint);
        match endpoint {
            "info" => app.http.get(&url).await,
            "start" => app.http.send(Method::POST, &url, &[("x-session-token", session.as_str())], "").await,
            _ => app.http.post(&url).await,
        }
    };
    // Both nodes have let somebody in by it.
    on(1, &old, "start").await.assert_status(200);
    let new = link_of(&reissue(&app, &rita, &old.interview).await.assert_status(200).json());
    for (node, endpoint) in [(1, "start"), (1, "info"), (1, "request-otp"), (0, "start"), (0, "info")] {
        on(node, &old, endpoint).await.assert_problem(404, "link-not-found");
    }
    on(1, &new, "start").await.assert_problem(403, "forbidden");
    // A code under way dies with its link.
    let code = app.code(&new).await;
    revoke(&app, &rita, &old.interview).await.assert_status(204);
    let url = app.nodes[1].url(&new, "verify-otp");
    app.http.post_json(&url, &json!({"otp": code}).to_string()).await.assert_problem(404, "link-not-found");
    on(1, &new, "info").await.assert_problem(404, "link-not-found");
}
