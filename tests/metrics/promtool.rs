//! Prometheus' own tool on what is shipped for it, and on a node.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::TestApp;

/// Runs it in `config/`; what it says, where it is well.
async fn promtool(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).kill_on_drop(true);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is not installed: run `make setup`");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    said
}

#[tokio::test]
async fn alerts_fire_when_they_should_and_not_else() {
    let said = promtool(&["test", "rules", "alerts_test.yml"], "").await;
    assert!(said.contains("SUCCESS"), "{said}");
}

#[tokio::test]
async fn prometheus_takes_its_configuration_with_the_alerts() {
    let said = promtool(&["check", "config", "prometheus.yml"], "").await;
    assert!(said.contains("rules found"), "{said}");
}

#[tokio::test]
async fn nothing_is_wrong_with_a_scrape() {
    let app = TestApp::start().await;
    app.code(&app.invite("ada@example.com").await).await;
    app.member("grace").await;
    // It says nothing where it finds nothing.
    assert_eq!(promtool(&["check", "metrics"], &app.scrape().await.classic()).await, "");
}
