//! All that candidates, members and recruiters do, on each way to run Redis.

use hyper::Method;
use serde_json::{Value, json};

use super::topology::{Kind, Topology};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::members::PASSWORD;
use crate::support::until::until;

/// Two nodes on it.
pub(super) async fn nodes_on(topology: &Topology, setup: Setup) -> TestApp {
    // The test's own Redis idles: its clock cannot be moved here anyway.
    let setup = setup.nodes(2).set("redis.url", &topology.url());
    match &topology.authority {
        Some(authority) => setup.set("redis.ca_file", &authority.ca.display()).start().await,
        None => setup.start().await,
    }
}

async fn walk(topology: Topology) {
    let app = nodes_on(&topology, Setup::new()).await;
    candidate(&app).await;
    member(&app).await;
    recruiter(&app).await;
    drop(app);
    let eternal = topology.keys_without_ttl();
    assert!(eternal.is_empty(), "keys without a TTL: {eternal:?}");
}

pub(super) async fn candidate(app: &TestApp) {
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let code = app.code(&link).await;
    app.verify(&link, "000000x").await.assert_status(422);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    app.verify(&link, wrong).await.assert_problem(401, "otp-incorrect");
    let token = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    app.verify(&link, &code).await.assert_problem(401, "otp-expired");
    app.begin(&link, &token).await.assert_status(201);
    app.begin(&link, &token).await.assert_status(200);
    let url = format!("http://{}/authz/candidate", app.nodes[1].public);
    app.http.send(Method::GET, &url, &[("x-session-token", &token)], "").await.assert_status(204);
    let fresh = app.reissue(&link).await;
    app.info(&link).await.assert_problem(404, "link-not-found");
    app.info(&fresh).await.assert_status(200);
    app.revoke(&fresh).await;
    app.info(&fresh).await.assert_problem(404, "link-not-found");
}

pub(super) async fn member(app: &TestApp) {
    let ada = app.member("ada").await;
    app.me(&ada.access).await.assert_status(200);
    let second = app.log_in("ada", PASSWORD).await.assert_status(200);
    let refreshed = app.refresh(&second.text_of("refreshToken")).await.assert_status(200);
    app.me(&refreshed.text_of("accessToken")).await.assert_status(200);
    let change = json!({"currentPassword": PASSWORD, "newPassword": "another horse battery"});
    app.call(Method::POST, "/auth/change-password", &ada.access, &change).await.assert_status(204);
    app.me(&refreshed.text_of("accessToken")).await.assert_status(401);
    app.me(&ada.access).await.assert_status(200);
    app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    app.reset(&token, "a third horse battery").await.assert_status(204);
    app.reset(&token, "a fourth horse battery").await.assert_problem(401, "reset-token-invalid");
    app.me(&ada.access).await.assert_status(401);
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    let third = app.log_in("ada", "a third horse battery").await.assert_status(200).text_of("accessToken");
    app.call(Method::POST, "/auth/logout", &third, &Value::Null).await.assert_status(204);
    app.me(&third).await.assert_status(401);
}

pub(super) async fn recruiter(app: &TestApp) {
    let grace = app.member_with("grace", "recruiter").await;
    let (made, link) = app.interview(&grace, "bob@example.com").await;
    app.info(&link).await.assert_status(200);
    let id = made["id"].as_str().unwrap();
    let again = app.call(Method::POST, &format!("/interviews/{id}/reissue"), &grace.access, &Value::Null).await;
    let fresh = crate::support::recruiters::link_of(&again.assert_status(200).json());
    app.info(&link).await.assert_problem(404, "link-not-found");
    app.info(&fresh).await.assert_status(200);
    until("the invitation to be told as accepted", async || {
        let told = app.told(&grace, id).await.assert_status(200).json();
        (told["invitationMail"]["status"] == "accepted").then_some(())
    })
    .await;
    app.call(Method::DELETE, &format!("/interviews/{id}"), &grace.access, &Value::Null).await.assert_status(204);
    app.info(&fresh).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
#[ignore = "starts five servers"]
async fn everything_works_on_sentinel() {
    walk(Topology::start(Kind::Sentinel, false).await).await;
}

#[tokio::test]
#[ignore = "starts six servers"]
async fn everything_works_on_a_cluster() {
    walk(Topology::start(Kind::Cluster, false).await).await;
}
