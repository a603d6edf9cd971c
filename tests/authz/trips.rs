//! What a question costs: one round trip to Redis, none to Postgres.

use serde_json::Value;

use super::{CANDIDATE, USER, ask, ask_candidate, ask_user, seated};
use crate::support::app::Setup;
use crate::support::jwt::{SECRET, forge, now, parts, with};
use crate::support::trips::{self, idle, trips};

#[tokio::test]
async fn a_question_costs_one_script_and_no_query() {
    let app = idle(Setup::new()).await;
    let ada = app.member("ada").await;
    let link = app.invite("candidate@example.com").await;
    let token = seated(&app, &link).await;
    let node = &app.nodes[0];
    let bearer = format!("Bearer {}", ada.access);
    let recruiter = "/authz/recruiter".to_owned();
    let user = || ask_user(&app, node, &ada.access);
    let candidate = || ask_candidate(&app, node, &token);

    let (answer, asked) = trips::ask(&app, 0, user()).await;
    assert_eq!((answer.status, asked), (204, trips(1, 0)), "a member");
    let (answer, asked) = trips::ask(&app, 0, ask(&app, node, &recruiter, &[("authorization", &bearer)])).await;
    assert_eq!((answer.status, asked), (403, trips(1, 0)), "a role that is too small");
    let (answer, asked) = trips::ask(&app, 0, candidate()).await;
    assert_eq!((answer.status, asked), (204, trips(1, 0)), "a candidate");

    app.call(hyper::Method::POST, "/auth/logout", &ada.access, &Value::Null).await.assert_status(204);
    app.revoke(&link).await;
    let (answer, asked) = trips::ask(&app, 0, user()).await;
    assert_eq!((answer.status, asked), (401, trips(1, 0)), "a member who has left");
    let (answer, asked) = trips::ask(&app, 0, candidate()).await;
    assert_eq!((answer.status, asked), (401, trips(1, 0)), "a candidate whose link is dead");
}

#[tokio::test]
async fn a_token_that_is_not_ours_costs_nothing() {
    let app = idle(Setup::new()).await;
    let ada = app.member("ada").await;
    let (header, claims) = parts(&ada.access);
    let expired = forge(&header, &with(&claims, "exp", &(now() - 31).into()), &SECRET);
    let forged = forge(&header, &claims, &[b'x'; 32]);
    for token in ["nonsense", &expired, &forged] {
        let bearer = format!("Bearer {token}");
        for path in [USER, CANDIDATE] {
            for headers in [&[][..], &[("authorization", bearer.as_str())], &[("x-session-token", token)]] {
                let (answer, asked) = trips::ask(&app, 0, ask(&app, &app.nodes[0], path, headers)).await;
                assert_eq!((answer.status, asked), (401, trips(0, 0)), "{path} {headers:?}");
            }
        }
    }
}
