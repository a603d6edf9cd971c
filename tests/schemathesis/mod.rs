//! The live service against its own document: Schemathesis reads it, and tries to break what it says.
//!
//! `make test-all` installs the program and runs this; it takes a minute and a half.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::members::PASSWORD;

/// Seconds that it may go on finding new requests.
const BUDGET: u64 = 90;
/// It ends by itself; a bug of it must not hold the others up.
const PATIENCE: Duration = Duration::from_secs(4 * 60);

/// Limits that a single client does not meet within the budget, and short waits where it does.
async fn unhurried() -> TestApp {
    let wide = ["candidate_ip", "invite_user"];
    let exact = ["login_ip", "signup_ip", "forgot_ip", "reset_ip", "forgot_email"];
    let limit = |setup: Setup, name: &str, max: u32| setup.set(&format!("limits.{name}.max"), &max);
    let setup = wide.into_iter().fold(Setup::new(), |setup, name| limit(setup, name, 1_000_000));
    let setup = exact
        .into_iter()
        .fold(setup, |setup, name| limit(setup, name, 200).set(&format!("limits.{name}.window"), &"1s"));
    setup
        .set("limits.login_account.max", &100)
        .set("limits.login_account.wait", &"1s")
        .set("limits.login_account.wait_max", &"1s")
        .set("limits.otp_request.max", &20)
        .set("limits.otp_request.window", &"1s")
        .set("limits.otp_request.apart", &"0s")
        .set("limits.otp_attempt.cooldown", &"1s")
        .set("limits.otp_attempt.cooldown_max", &"1s")
        .set("limits.otp_attempt.total_max", &10_000)
        .start()
        .await
}

/// Who asks what. Whoever ends sessions ends those of somebody else.
async fn configuration(app: &TestApp) -> String {
    let admin = app.member_with("ada_1", "admin").await;
    let (_, link) = app.interview(&admin, "bob@example.com").await;
    let (_, other) = app.interview(&admin, "eve@example.com").await;
    let session = app.verify(&link, &app.code(&link).await).await.assert_status(200).text_of("sessionToken");
    let url = format!("http://{}/profile/resume", app.nodes[0].public);
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str())];
    app.http.send(Method::PUT, &url, &headers, "Ten years of Rust.").await.assert_status(201);
    let mut leavers = String::new();
    for path in ["/auth/logout", "/auth/logout-all", "/auth/change-password", "/auth/sessions/{id}"] {
        leavers.push_str(&leaver(app, path).await);
    }
    format!(
        r#"
        base-url = "http://{public}"
        request-timeout = 20
        headers = {{ Authorization = "{bearer}" }}

        # What is right by the schema may be refused by a rule that no schema can write: a password that everybody has,
        # a file that is none.
        [checks]
        positive_data_acceptance.enabled = false
        # An interview that was revoked goes on being told of.
        use_after_free.enabled = false

        [[operations]]
        include-path-regex = "^/candidate-access/"
        parameters = {{ "path.token" = "{token}" }}

        [[operations]]
        include-path-regex = "^/(candidate-access/.*/start|authz/candidate)$"
        parameters = {{ "path.token" = "{token}" }}
        headers = {{ x-session-token = "{session}" }}

        [[operations]]
        include-path-regex = "^/interviews/"
        parameters = {{ "path.id" = "{interview}" }}

        {leavers}
        # These take any method, which OpenAPI cannot say.
        [[operations]]
        include-path-regex = "^/authz/"
        checks.unsupported_method.enabled = false
        "#,
        public = app.nodes[0].public,
        token = link.token,
        interview = other.interview,
    )
}

/// Somebody who asks this path alone, which ends a session of theirs.
async fn leaver(app: &TestApp, path: &str) -> String {
    let name: String = format!("bye{path}").chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    let member = app.member(&name).await;
    let ended = app.log_in(&name, PASSWORD).await.assert_status(200).text_of("accessToken");
    let sessions = app.call(Method::GET, "/auth/sessions", &ended, &Value::Null).await.json();
    let item = sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == true).unwrap();
    format!(
        r#"
        [[operations]]
        include-path = "{path}"
        parameters = {{ "path.id" = {id} }}
        headers = {{ Authorization = "Bearer {access}" }}
        "#,
        id = item["id"],
        access = member.access,
    )
}

#[tokio::test]
#[ignore = "takes a minute and a half, and a program from PyPI: make test-all"]
async fn the_service_does_what_its_document_says() {
    let app = unhurried().await;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("schemathesis-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("schemathesis.toml"), configuration(&app).await).unwrap();

    let mut environment = std::env::vars();
    let (_, programs) = environment
        .find(|(name, _)| name == "VESTIBULE_TEST_SCHEMATHESIS")
        .expect("the folder of `st`: make test-all sets it");
    let run = Command::new(format!("{programs}/st"))
        .args(["--config-file", "schemathesis.toml", "run", "--max-time", &BUDGET.to_string()])
        .args(["--workers", "1", "--continue-on-failure", "--no-shrink"])
        .arg(format!("http://{}/openapi.json", app.nodes[0].public))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await.expect("it ends within its budget").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // Its requests are in there; they are of use where something was found.
    let shown = if output.status.success() { said.split("= WARNINGS =").last().unwrap_or(&said) } else { &said };
    println!("{shown}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(folder).unwrap();
}
