//! Why a member or a client is kept out, and until when.

use serde_json::json;

use super::{ask, assert_says, inspect, noon};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::members::PASSWORD;
use crate::support::until::until;

/// The key of this kind, of which there is one.
#[track_caller]
fn key_of(app: &TestApp, kind: &str) -> String {
    let mut keys = app.resp().keys().into_iter().filter(|key| key.starts_with(&format!("vb:{kind}:")));
    let key = keys.next().unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!(keys.next(), None);
    key
}

#[tokio::test]
async fn a_name_that_waits_is_told_and_unlocked() {
    let app = noon(Setup::new()).await;
    app.member("ada").await;
    let wrong = async |times| {
        for _ in 0..times {
            app.log_in("ada", "wrong").await.assert_problem(401, "invalid-credentials");
        }
    };
    wrong(3).await;
    let key = key_of(&app, "login_account");
    let forgotten = "Forgotten in 15 min, at 12:15:00 UTC, unless there is another.";
    let free = ["login_account of a***", "FREE: 3 wrong tries; the 5th starts a wait.", forgotten];
    assert_eq!(inspect(&app, &key), free);
    wrong(1).await;
    assert_says(&inspect(&app, &key), &["FREE for one try: 4 wrong tries; one more starts a wait of 1 min."]);
    wrong(1).await;
    app.log_in("ada", PASSWORD).await.assert_problem(429, "too-many-attempts");
    let waits = "WAITS after 5 wrong tries. Ends in 1 min, at 12:01:00 UTC. What helps: wait, a reset of the password, or \
                 lua/ops/unlock.lua.";
    assert_says(&inspect(&app, &key), &["login_account of a***", waits]);
    app.pass(60_000);
    assert_says(&inspect(&app, &key), &["FREE for one try: 5 wrong tries; one more starts a wait of 2 min."]);
    wrong(1).await;
    assert_says(&inspect(&app, &key), &["WAITS after 6 wrong tries. Ends in 2 min, at 12:03:00 UTC. ..."]);

    let unlocked = ["UNLOCKED: all that login_account had counted of a*** is forgotten."];
    assert_eq!(ask(&app, "unlock", &key, ""), unlocked);
    assert_eq!(ask(&app, "unlock", &key, ""), ["NOTHING counts there: nothing is changed."]);
    assert_says(&inspect(&app, &key), &["NOTHING counts: it may log in."]);
    app.log_in("ada", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_client_over_a_limit_is_told_and_unlocked() {
    let app = noon(Setup::new().set("limits.candidate_ip.max", &3)).await;
    let link = app.invite("ada@example.com").await;
    for seconds in [0, 5, 5] {
        app.pass(seconds * 1_000);
        app.info(&link).await.assert_status(200);
    }
    app.info(&link).await.assert_problem(429, "rate-limited");
    let key = key_of(&app, "candidate_ip");
    assert_eq!(inspect(&app, &key), ["candidate_ip of 127.0.0.*", "FREE: 3 of 120 in 1 min."]);
    let told = |limits: &str| ask(&app, "inspect", &key, &format!("'{limits}'"));
    let refused = "REFUSED: 3 of 3 in 1 min. The next one is taken in 55 s, at 12:01:05 UTC. What helps: wait, or \
                   lua/ops/unlock.lua.";
    assert_says(&told("candidate_ip.max=3"), &[refused]);
    let later = "REFUSED: 3 of 2 in 1 min. The next one is taken in 1 min, at 12:01:10 UTC. ...";
    assert_says(&told("candidate_ip.max=2"), &[later]);
    app.pass(54_999);
    app.info(&link).await.assert_problem(429, "rate-limited");
    app.pass(1);
    app.info(&link).await.assert_status(200);
    app.info(&link).await.assert_problem(429, "rate-limited");
    let unlocked = ["UNLOCKED: all that candidate_ip had counted of 127.0.0.* is forgotten."];
    assert_eq!(ask(&app, "unlock", &key, ""), unlocked);
    app.info(&link).await.assert_status(200);
}

#[tokio::test]
async fn an_account_its_sessions_and_its_resets_are_told() {
    let app = noon(Setup::new()).await;
    let ada = app.member("ada").await;
    app.pass(60_000);
    app.log_in("ada", PASSWORD).await.assert_status(200);
    for _ in 0..4 {
        app.post("/auth/forgot-password", &json!({"email": ada.email})).await.assert_status(202);
    }
    app.reset_token(&ada.email, 1).await;
    let (account, id) = (key_of(&app, "account"), ada.id.replace('-', ""));
    let said = until("the reset to be done", async || {
        let said = inspect(&app, &account);
        (said.iter().any(|line| line.contains("to reset")) && !said.iter().any(|line| line.starts_with("Reset mail")))
            .then_some(said)
    })
    .await;
    assert_says(
        &said,
        &[
            &format!("account {id}, role member"),
            "LOGGED IN: 2 sessions live; the password is at version 1.",
            "Session ...",
            "Session ...",
            "A link to reset the password was asked for 0 s ago, at 12:01:00 UTC: it ends in 15 min, at 12:16:00 UTC.",
        ],
    );
    assert_eq!(inspect(&app, &account.replace(":account:", ":reset:")), said);
    let (newest, oldest) = (said[2].split(' ').nth(1).unwrap(), said[3].split(' ').nth(1).unwrap());
    assert!(
        said[2].contains(": begun at 12:01:00 UTC, last log-in or refresh at 12:01:00 UTC, ends in 30 d"),
        "{said:#?}"
    );
    assert!(said[3].contains(": begun at 12:00:00 UTC"), "{said:#?}");
    assert!(!said.join(" ").contains("127.0.0.1"), "{said:#?}");

    let session = account.replace(":account:", ":session:").replace(&id, oldest.trim_end_matches(':'));
    assert_says(&inspect(&app, &session), &["session ...", "It lives, if its account lists it below.", "account ..."]);
    app.call(hyper::Method::POST, "/auth/logout", &ada.access, &serde_json::Value::Null).await.assert_status(204);
    assert_says(&inspect(&app, &session), &["OVER: it has ended or expired, or never was."]);
    let said = inspect(&app, &account);
    assert_says(&said, &["LOGGED IN: 1 session live; ..."]);
    assert!(said.iter().any(|line| line.contains(newest)), "{said:#?}");

    let quiet = "QUIET: 3 of 3 resets in 15 min. More are answered the same, and not mailed. The next mail goes in 15 min, \
                 at 12:16:00 UTC. What helps: wait, or lua/ops/unlock.lua.";
    assert_eq!(inspect(&app, &key_of(&app, "forgot_email")), ["forgot_email of a***@e***.com", quiet]);
    assert_eq!(inspect(&app, &key_of(&app, "forgot_ip")), ["forgot_ip of 127.0.0.*", "FREE: 4 of 20 in 1 h."]);
    for nonsense in ["vb:meta", "vb:mail:{00}", "ada"] {
        assert_says(&inspect(&app, nonsense), &["NO KEY of a subject: ..."]);
        assert_says(&ask(&app, "unlock", nonsense, ""), &["NO KEY that can be unlocked: ..."]);
    }
    assert_says(&ask(&app, "unlock", &account, ""), &["NO KEY that can be unlocked: ..."]);
}
