//! The role: told as it is now, and asked for.

use super::{USER, ask, ask_candidate, ask_user, assert_nobody, assert_out, assert_user_in, seated};
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;

async fn give(app: &TestApp, role: &str) {
    let output = app.run(&["user", "role", "ada", role]).await;
    assert!(output.status.success(), "{output:?}");
}

async fn ask_for(app: &TestApp, node: &Node, ada: &Member, query: &str) -> Answer {
    ask(app, node, &format!("{USER}?{query}"), &[("authorization", &format!("Bearer {}", ada.access))]).await
}

#[tokio::test]
async fn a_role_is_told_and_asked_for_as_it_is_now() {
    const ORDER: [&str; 3] = ["member", "recruiter", "admin"];
    let app = Setup::new().nodes(2).start().await;
    let ada = app.member("ada").await;
    for (has, role) in ["member", "recruiter", "admin", "recruiter", "member"].into_iter().enumerate() {
        if has > 0 {
            give(&app, role).await;
        }
        let rank = ORDER.iter().position(|name| *name == role).unwrap();
        for node in &app.nodes {
            assert_user_in(&ask_user(&app, node, &ada.access).await, &ada, role);
            for (least, name) in ORDER.iter().enumerate() {
                let answer = ask_for(&app, node, &ada, &format!("role={name}")).await;
                if least <= rank {
                    assert_user_in(&answer, &ada, role);
                } else {
                    assert_out(answer, 403, "forbidden");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_requirement_that_is_misspelt_is_met_by_nobody() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    give(&app, "admin").await;
    let node = &app.nodes[0];
    for query in ["", "role", "role=", "role=owner", "role=Admin", "roles=admin", "role=admin&role=member", "x=y"]
        .into_iter()
        .chain(["role=admin/rooms/7", "role=candidate", "role=admin&x=y", "role=%61dmin"])
    {
        assert_out(ask_for(&app, node, &ada, query).await, 403, "forbidden");
    }
    // Who it is comes first: a refresh helps against 401.
    assert_nobody(ask(&app, node, &format!("{USER}?role=admin"), &[]).await, "nothing");

    // A candidate has no role that could be asked for.
    let token = seated(&app, &app.invite("candidate@example.com").await).await;
    for query in ["role=member", "role=candidate", "role=", "x=y"] {
        let path = format!("{}?{query}", super::CANDIDATE);
        assert_out(ask(&app, node, &path, &[("x-session-token", &token)]).await, 403, "forbidden");
    }
    assert_eq!(ask_candidate(&app, node, &token).await.status, 204);
}
