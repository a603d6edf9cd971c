//! The main road: a recruiter invites, watches the candidate come in, and takes the link away.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::recruiters::{form, link_of};
use crate::support::until::until;

#[tokio::test]
async fn a_recruiter_follows_an_interview_from_its_making_to_its_start() {
    let app = TestApp::start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    let answer = app.call(Method::POST, "/interviews", &recruiter.access, &form("ada@example.com")).await;
    let made = answer.assert_status(201).json();
    let link = link_of(&made);
    assert_eq!(made["state"], "open");
    assert_eq!(made["invitationMail"]["status"], "queued");

    // The mail holds the same link as the answer.
    let mail = until("the invitation", || async { app.mails("ada@example.com").await.pop() }).await;
    assert!(mail["text"].as_str().unwrap().contains(made["joinUrl"].as_str().unwrap()), "{mail}");
    let told = until("the relay to be known to have it", || async {
        let told = app.told(&recruiter, &link.interview).await.assert_status(200).json();
        (told["invitationMail"]["status"] == "accepted").then_some(told)
    });
    let told = told.await;
    for (member, value) in [
        ("id", json!(link.interview)),
        ("candidateName", json!("Ada Lovelace")),
        ("candidateEmail", json!("ada@example.com")),
        ("position", json!("Analyst")),
        ("durationMinutes", json!(60)),
        ("state", json!("open")),
        ("codeSentAt", Value::Null),
        ("codeMail", Value::Null),
        ("verifiedAt", Value::Null),
        ("lockedUntil", Value::Null),
        ("startedAt", Value::Null),
        ("revokedAt", Value::Null),
    ] {
        assert_eq!(told[member], value, "{told}");
    }
    assert_eq!(told["createdAt"], made["createdAt"]);
    assert!(!told.to_string().contains(&link.token), "{told}");

    let code = app.code(&link).await;
    let told = app.told(&recruiter, &link.interview).await.json();
    assert!(told["codeSentAt"].is_string() && told["verifiedAt"].is_null(), "{told}");
    let session = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    let told = app.told(&recruiter, &link.interview).await.json();
    assert!(told["verifiedAt"].is_string() && told["startedAt"].is_null(), "{told}");
    let started = app.begin(&link, &session).await.assert_status(201).json();
    let told = app.told(&recruiter, &link.interview).await.json();
    assert_eq!((&told["state"], &told["startedAt"]), (&json!("started"), &started["startedAt"]));
}

#[tokio::test]
async fn a_new_link_is_told_once_and_the_old_one_is_dead_with_all_that_hung_on_it() {
    let app = TestApp::start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (made, old) = app.interview(&recruiter, "ada@example.com").await;
    let session = app.verify(&old, &app.code(&old).await).await.assert_status(200).text_of("sessionToken");
    app.begin(&old, &session).await.assert_status(201);

    let path = format!("/interviews/{}/reissue", old.interview);
    let again = app.call(Method::POST, &path, &recruiter.access, &Value::Null).await.assert_status(200).json();
    let new = link_of(&again);
    assert_eq!((&again["id"], &again["state"]), (&made["id"], &json!("open")));
    assert_ne!(again["joinUrl"], made["joinUrl"]);
    app.info(&old).await.assert_problem(404, "link-not-found");
    app.begin(&old, &session).await.assert_problem(404, "link-not-found");
    app.begin(&new, &session).await.assert_problem(403, "forbidden");

    let told = app.told(&recruiter, &old.interview).await.json();
    assert_eq!((&told["state"], &told["codeSentAt"], &told["startedAt"]), (&json!("open"), &Value::Null, &Value::Null));
    let session = app.verify(&new, &app.code(&new).await).await.assert_status(200).text_of("sessionToken");
    app.begin(&new, &session).await.assert_status(201);
}

#[tokio::test]
async fn a_revoked_link_is_dead_and_the_interview_says_so() {
    let app = TestApp::start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&recruiter, "ada@example.com").await;
    let path = format!("/interviews/{}", link.interview);
    // A second time changes nothing.
    for _ in 0..2 {
        app.call(Method::DELETE, &path, &recruiter.access, &Value::Null).await.assert_status(204);
    }
    app.info(&link).await.assert_problem(404, "link-not-found");
    let told = app.told(&recruiter, &link.interview).await.assert_status(200).json();
    assert!(told["state"] == "revoked" && told["revokedAt"].is_string(), "{told}");
}

#[tokio::test]
async fn a_list_goes_from_the_newest_to_the_oldest_page_by_page() {
    let app = TestApp::start().await;
    let recruiter = app.member_with("rita", "recruiter").await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(app.interview(&recruiter, &format!("ada{n}@example.com")).await.1.interview);
    }
    let list = async |query: &str| {
        let path = format!("/interviews{query}");
        app.call(Method::GET, &path, &recruiter.access, &Value::Null).await.assert_status(200).json()
    };
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut found, mut page) = (Vec::new(), list("?limit=2").await);
    while let Some(cursor) = page["nextCursor"].as_str() {
        assert_eq!(ids(&page).len(), 2);
        found.extend(ids(&page));
        page = list(&format!("?limit=2&cursor={cursor}")).await;
    }
    found.extend(ids(&page));
    made.reverse();
    assert_eq!(found, made);
    assert_eq!(ids(&list("").await), made);

    app.call(Method::DELETE, &format!("/interviews/{}", made[2]), &recruiter.access, &Value::Null)
        .await
        .assert_status(204);
    assert_eq!(ids(&list("?state=revoked").await), [made[2].clone()]);
    assert_eq!(ids(&list("?state=open&limit=3").await), [made[0].clone(), made[1].clone(), made[3].clone()]);
    assert_eq!(ids(&list("?state=started").await), [""; 0]);
}
