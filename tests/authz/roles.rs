//! The role: told as it is now, and asked for.

use super::{ask, ask_candidate, ask_user, assert_nobody, assert_out, assert_user_in, seated};
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;

async fn give(app: &TestApp, role: &str) {
    let output = app.run(&["user", "role", "ada", role]).await;
    assert!(output.status.success(), "{output:?}");
}

async fn ask_as(app: &TestApp, node: &Node, ada: &Member, role: &str) -> Answer {
    ask(app, node, &format!("/authz/{role}"), &[("authorization", &format!("Bearer {}", ada.access))]).await
}

#[tokio::test]
async fn a_role_is_told_and_asked_for_as_it_is_now() {
    const ORDER: [&str; 3] = ["member", "recruiter", "admin"];
    const DEMANDS: [&str; 3] = ["user", "recruiter", "admin"];
    let app = Setup::new().nodes(2).start().await;
    let ada = app.member("ada").await;
    for (has, role) in ["member", "recruiter", "admin", "recruiter", "member"].into_iter().enumerate() {
        if has > 0 {
            give(&app, role).await;
        }
        let rank = ORDER.iter().position(|name| *name == role).unwrap();
        for node in &app.nodes {
            assert_user_in(&ask_user(&app, node, &ada.access).await, &ada, role);
            for (least, demand) in DEMANDS.iter().enumerate() {
                let answer = ask_as(&app, node, &ada, demand).await;
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
async fn a_query_neither_asks_for_a_role_nor_takes_a_demand_away() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let node = &app.nodes[0];
    // Some proxies pass on what stands in the client's.
    for query in ["", "role=admin", "x=y&x=z", "%ff"] {
        assert_user_in(&ask_as(&app, node, &ada, &format!("user?{query}")).await, &ada, "member");
        for behind in ["", "/", "/rooms/7"] {
            let asked = ask_as(&app, node, &ada, &format!("recruiter{behind}?{query}")).await;
            assert_out(asked, 403, "forbidden");
        }
    }
    // Who it is comes first: a refresh helps against 401.
    assert_nobody(ask(&app, node, "/authz/admin", &[]).await, "nothing");
    // A candidate is no user, whatever the role.
    let token = seated(&app, &app.invite("candidate@example.com").await).await;
    for path in ["/authz/user", "/authz/recruiter"] {
        assert_nobody(ask(&app, node, path, &[("authorization", &format!("Bearer {token}"))]).await, "");
    }
    assert_eq!(ask_candidate(&app, node, &token).await.status, 204);
}
