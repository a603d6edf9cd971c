//! `vestibule invite` and `vestibule interview`.

use serde_json::Value;

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::TestApp;
use crate::support::app::{Setup, vestibule};

const ADA: [&str; 7] = ["invite", "--name", "Ada Lovelace", "--email", "ada@example.com", "--position", "Analyst"];

#[tokio::test]
async fn an_invitation_is_a_link_on_standard_output_and_the_rest_beside_it() {
    let app = Setup::new().nodes(0).start().await;
    let output = app.run(&ADA).await;
    assert_code(&output, 0);
    let link = stdout(&output);
    assert!(link.starts_with("https://interviews.example.com/interview/join/"), "{link}");
    assert_eq!(link.lines().count(), 1, "{link}");
    assert!(stderr(&output).starts_with("Interview "), "{}", stderr(&output));
}

#[tokio::test]
async fn with_json_it_is_one_line_for_programs() {
    let app = TestApp::start().await;
    let output = app.run(&[&ADA[..], &["--json", "--minutes", "30", "--expires-hours", "1"]].concat()).await;
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    assert_eq!(stdout(&output).lines().count(), 1);
    let line: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let members: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["expiresAt", "id", "joinUrl", "token"]);
    let token = line["token"].as_str().unwrap();
    assert_eq!(line["joinUrl"], format!("https://interviews.example.com/interview/join/{token}"));
    let url = format!("http://{}/candidate-access/{token}/info", app.nodes[0].public);
    let info = app.http.get(&url).await.assert_status(200).json();
    assert_eq!(info["expiresAt"], line["expiresAt"]);
    assert_eq!(info["candidateName"], "Ada Lovelace");
}

#[tokio::test]
async fn what_no_invitation_can_hold_is_refused_with_what_would_be_right() {
    let long = "x".repeat(201);
    for (name, email, more, words) in [
        ("", "ada@example.com", &[][..], "1 to 200 characters"),
        (" \t", "ada@example.com", &[], "1 to 200 characters"),
        (long.as_str(), "ada@example.com", &[], "1 to 200 characters"),
        ("Ada\nLovelace", "ada@example.com", &[], "control characters"),
        ("Ada", "ada", &[], "ada@example.com"),
        ("Ada", "ada@example.com,eve@example.com", &[], "ada@example.com"),
        ("Ada", "ada@example.com\nBcc: eve@example.com", &[], "ada@example.com"),
        ("Ada", "ada@example.com", &["--minutes", "0"], "1..=1440"),
        ("Ada", "ada@example.com", &["--expires-hours", "0"], "1..=8760"),
        ("Ada", "ada@example.com", &["--expires-hours", "soon"], "--expires-hours"),
    ] {
        let arguments = [&["invite", "--name", name, "--email", email, "--position", "Analyst"], more].concat();
        assert_refused(&vestibule(&arguments, &[]).await, 64, &[words]);
    }
}

#[tokio::test]
async fn a_reissued_link_replaces_the_old_one_and_a_revoked_one_is_dead() {
    let app = TestApp::start().await;
    let old = app.invite("ada@example.com").await;
    app.info(&old).await.assert_status(200);
    let new = app.reissue(&old).await;
    assert_eq!(new.interview, old.interview);
    app.info(&old).await.assert_problem(404, "link-not-found");
    app.info(&new).await.assert_status(200);

    let output = app.run(&["interview", "revoke", &new.interview]).await;
    assert_code(&output, 0);
    assert!(stdout(&output).starts_with("Revoked"), "{}", stdout(&output));
    app.info(&new).await.assert_problem(404, "link-not-found");
}

#[tokio::test]
async fn an_interview_that_is_not_there_is_said_to_be_so() {
    let app = Setup::new().nodes(0).start().await;
    for action in ["reissue", "revoke"] {
        let output = app.run(&["interview", action, "01890000-0000-7000-8000-000000000000"]).await;
        assert_refused(&output, 64, &["there is no interview 01890000-0000-7000-8000-000000000000"]);
    }
}
