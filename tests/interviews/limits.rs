//! How many invitations one recruiter can have mailed.

use hyper::Method;
use serde_json::Value;

use crate::support::app::Setup;
use crate::support::recruiters::form;

#[tokio::test]
async fn a_recruiter_has_so_many_invitations_an_hour_on_all_nodes_together() {
    let app = Setup::new().nodes(2).set("limits.invite_user.max", &3).start().await;
    app.clock.freeze();
    let rita = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    let reissue = format!("/interviews/{}/reissue", link.interview);
    let send = async |node: usize, path: &str| {
        app.nodes[node].call(&app, Method::POST, path, &rita.access, &form("ada@example.com")).await
    };
    // A form that is wrong invites nobody.
    app.call(Method::POST, "/interviews", &rita.access, &Value::Object([].into_iter().collect()))
        .await
        .assert_problem(422, "validation-failed");
    let second = send(1, &reissue).await.assert_status(200);
    assert!(second.header("ratelimit").unwrap().starts_with("\"invite_user\";r=1;t=3"), "{:?}", second.headers);
    let last = send(0, "/interviews").await.assert_status(201);
    assert_eq!(last.header("ratelimit-policy"), Some("\"invite_user\";q=3;w=3600"));
    for (node, path) in [(0, "/interviews"), (1, "/interviews"), (1, &reissue)] {
        send(node, path).await.assert_problem(429, "rate-limited");
    }
    // Somebody else's invitations are their own; looking and revoking are not limited.
    let ruth = app.member_with("ruth", "recruiter").await;
    app.interview(&ruth, "bob@example.com").await;
    let path = format!("/interviews/{}", link.interview);
    app.call(Method::GET, &path, &rita.access, &Value::Null).await.assert_status(200);
    app.call(Method::DELETE, &path, &rita.access, &Value::Null).await.assert_status(204);
    // What was counted is forgotten by whole sub-windows of 5 minutes.
    app.pass(65 * 60_000);
    send(1, "/interviews").await.assert_status(201);
}
