//! What members, recruiters and candidates do, on two hosts the first of which is the replica.

use hyper::Method;
use serde_json::{Value, json};

use super::traffic::walk_in;
use super::{Pair, Replication};
use crate::support::app::Setup;
use crate::support::members::PASSWORD;

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn accounts_and_interviews_work_where_the_second_host_takes_writes() {
    const NEW: &str = "another horse battery";
    let pair = Pair::start(Replication::Synchronous).await;
    let [second, first] = [&pair.primary, &pair.replica].map(|server| server.socket_dir().display().to_string());
    let place = |path: &str| path.replace('/', "%2F");
    // As somebody may write it who knows nothing of target_session_attrs.
    let url = format!("postgres://vestibule@{},{}/{}", place(&first), place(&second), super::DATABASE);
    let app = Setup::new().set("postgres.url", &url).start().await;

    let ada = app.member_with("ada", "recruiter").await;
    let profile = json!({"fullName": "Ada", "phone": "+41 44 668 18 00", "skills": ["Rust"]});
    app.call(Method::PATCH, "/profile", &ada.access, &profile).await.assert_status(200);
    let resume = format!("http://{}/profile/resume", app.nodes[0].public);
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str())];
    app.http.send(Method::PUT, &resume, &headers, "My life, in text.").await.assert_status(201);
    let change = json!({"currentPassword": PASSWORD, "newPassword": NEW});
    app.call(Method::POST, "/auth/change-password", &ada.access, &change).await.assert_status(204);
    app.log_in("ada", PASSWORD).await.assert_problem(401, "invalid-credentials");
    app.log_in("ada", NEW).await.assert_status(200);
    app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    let token = app.reset_token(&ada.email, 1).await;
    app.reset(&token, PASSWORD).await.assert_status(204);
    let access = app.log_in("ada", PASSWORD).await.assert_status(200).text_of("accessToken");

    let ada = crate::support::members::Member { access, ..ada };
    let (made, link) = app.interview(&ada, "bob@example.com").await;
    let id = made["id"].as_str().unwrap();
    walk_in(&app, &link).await;
    app.call(Method::POST, &format!("/interviews/{id}/reissue"), &ada.access, &Value::Null).await.assert_status(200);
    app.info(&link).await.assert_problem(404, "link-not-found");
    app.call(Method::DELETE, &format!("/interviews/{id}"), &ada.access, &Value::Null).await.assert_status(204);
    app.call(Method::GET, "/interviews", &ada.access, &Value::Null).await.assert_status(200);
}
