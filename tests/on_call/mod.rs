//! The engineer on call, who has nothing but redis-cli: `lua/ops` through the real one, and the words that it prints.
//!
//! Redis' clock stands at noon, so that every word is known.

mod links;
mod others;
mod outbox;
mod scripts;
mod top;
mod trail;
mod unlock;

use std::process::Command;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::child::path;

/// Noon of the day on which the test runs: a link that is made now lives then.
async fn noon(setup: Setup) -> TestApp {
    const DAY_US: i64 = 86_400_000_000;
    let app = setup.set("mail.sweep_interval", &"100ms").start().await;
    let now = app.clock.now_us();
    app.clock.freeze_at(now - now % DAY_US + DAY_US / 2);
    app
}

/// Runs a line of the shell where the repository is: what it prints.
fn shell(line: &str) -> String {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", line]).env_clear().env("PATH", path()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = output.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// redis-cli, as it reaches the server of the test.
fn redis_cli(app: &TestApp) -> String {
    format!("redis-cli {} --raw", app.redis.cli_args().join(" "))
}

/// What one of the scripts says.
#[track_caller]
fn ask(app: &TestApp, script: &str, key: &str, arguments: &str) -> Vec<String> {
    let said = shell(&format!("{} --eval lua/ops/{script}.lua '{key}' , {arguments}", redis_cli(app)));
    let failed = said.lines().any(|line| line.starts_with("ERR") || line.starts_with("WRONGTYPE"));
    assert!(!failed && !said.contains("ada@"), "{said}");
    said.lines().map(str::to_owned).collect()
}

#[track_caller]
fn inspect(app: &TestApp, key: &str) -> Vec<String> {
    ask(app, "inspect", key, "")
}

fn otp(app: &TestApp, link: &Link) -> String {
    app.keys().otp(&link.id()).name().to_owned()
}

/// These lines are among them, in this order; where one ends in `...`, its beginning is.
#[track_caller]
fn assert_says(said: &[String], lines: &[&str]) {
    let mut rest = said.iter();
    for line in lines {
        let is = |said: &&String| match line.strip_suffix("...") {
            Some(start) => said.starts_with(start),
            None => said == line,
        };
        assert!(rest.any(|said| is(&said)), "{line:?} is not, or not there, in {said:#?}");
    }
}

/// Six digits that are not these.
fn not(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

async fn lock(app: &TestApp, link: &Link) {
    let code = app.code(link).await;
    for status in [401, 401, 429] {
        app.verify(link, &not(&code)).await.assert_status(status);
    }
}
