//! `vestibule keygen`, `vestibule keys`, and the scripts for redis-cli that the last names.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use hyper::Method;
use serde_json::json;

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::TestApp;
use crate::support::app::{Link, Setup, vestibule};
use crate::support::child::path;
use crate::support::members::PASSWORD;

#[tokio::test]
async fn keygen_prints_an_environment_that_differs_each_time() {
    let (one, two) = (vestibule(&["keygen"], &[]).await, vestibule(&["keygen"], &[]).await);
    assert_code(&one, 0);
    assert_ne!(stdout(&one), stdout(&two));
    let lines = stdout(&one);
    let environment: Vec<(&str, &str)> = lines.lines().map(|line| line.split_once('=').unwrap()).collect();
    let names: Vec<_> = environment.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["VESTIBULE_SECRETS__ROOT_KEYS", "VESTIBULE_SECRETS__JWT_KEYS", "VESTIBULE_SECRETS__PEPPER_KEYS"]
    );
    let output = vestibule(&["keys", "link", "--id", &"0".repeat(32)], &environment).await;
    assert_code(&output, 0);
}

async fn with_standard_input(app: &TestApp, text: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["keys", "link"]).env_clear().envs(app.environment());
    command.env("VESTIBULE_MAIL__URL", "smtp://127.0.0.1:1?tls=none");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn the_keys_of_a_link_are_found_by_whatever_one_was_given() {
    let app = Setup::new().nodes(0).start().await;
    let link = app.invite("ada@example.com").await;
    let url = format!("https://interviews.example.com/interview/join/{}?from=mail#top", link.token);
    let by_token = app.run(&["keys", "link", &link.token]).await;
    assert_code(&by_token, 0);
    let expected = stdout(&by_token);
    assert!(expected.starts_with(&format!("link {}\n", link.id())), "{expected}");
    assert!(!expected.contains(&link.token), "{expected}");
    let id = link.id().to_string();
    for output in [
        app.run(&["keys", "link", &url]).await,
        app.run(&["keys", "link", "--id", &id]).await,
        with_standard_input(&app, &format!("{}\n", link.token)).await,
        with_standard_input(&app, &format!("  {url}\n")).await,
    ] {
        assert_eq!(stdout(&output), expected, "{}", stderr(&output));
    }
    for arguments in [&["keys", "link", "nonsense"][..], &["keys", "link", "--id", "12"]] {
        assert_refused(&app.run(arguments).await, 64, &["link"]);
    }
    assert_refused(&with_standard_input(&app, "").await, 64, &["no link of ours"]);
}

/// Runs a line that was printed, where the repository is.
fn shell(line: &str) -> String {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", line]).env_clear().env("PATH", path()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = output.output().unwrap();
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    let said = stdout(&output);
    assert!(!said.contains("ERR") && !said.contains("WRONGTYPE"), "{line}: {said}");
    said
}

/// The printed lines that are to be copied.
async fn printed(app: &TestApp, link: &Link) -> Vec<String> {
    lines_of(app, &["keys", "link", &link.token]).await
}

async fn lines_of(app: &TestApp, arguments: &[&str]) -> Vec<String> {
    let output = app.run(arguments).await;
    assert_code(&output, 0);
    let said = stdout(&output);
    said.lines().filter(|line| line.starts_with("redis-cli ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_printed_lines_work() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.code(&link).await;
    let lines = printed(&app, &link).await;
    assert_eq!(lines.len(), 11, "{lines:#?}");
    let answers: Vec<_> = lines.iter().map(|line| shell(line)).collect();
    assert!(answers[0].contains("Ada Lovelace"), "{}: {}", lines[0], answers[0]);
    assert!(answers[1].contains("asked"), "{}: {}", lines[1], answers[1]);
    for answer in answers {
        assert!(!answer.contains(&link.token) && !answer.contains(&link.email), "{answer}");
    }
}

#[tokio::test]
async fn a_locked_candidate_is_unlocked_from_the_shell() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        app.verify(&link, wrong).await;
    }
    assert_eq!(app.info(&link).await.json()["cooldown"], 600);
    let unlock = printed(&app, &link).await.pop().unwrap();
    assert!(unlock.contains("lua/ops/unlock.lua"), "{unlock}");

    let said = shell(&unlock);
    assert!(said.contains("unlocked") && said.contains('3'), "{said}");
    let info = app.info(&link).await.json();
    assert_eq!((&info["cooldown"], &info["attemptsRemaining"]), (&0.into(), &3.into()), "{info}");
    app.pass(60_000);
    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);

    let nothing = unlock.replace(&link.id().to_string(), &"0".repeat(32));
    assert!(shell(&nothing).contains("absent"));
}

#[tokio::test]
async fn a_queue_is_shown_and_not_changed() {
    let app = Setup::new().nodes(0).start().await;
    let link = app.invite_with("ada@example.com", &["--mail"]).await;
    let lines = printed(&app, &link).await;
    let range = lines.iter().find(|line| line.contains("ZRANGE 'vb:mail:")).unwrap();
    let waiting = shell(range);
    assert!(waiting.contains(&link.id().to_string()), "{waiting}");
    let (cli, rest) = range.split_once(" ZRANGE ").unwrap();
    let said = shell(&format!("{cli} --eval lua/ops/queue.lua {}", rest.split(' ').next().unwrap()));
    assert!(said.contains("1 waiting") && said.contains(" due in "), "{said}");
    assert_eq!(shell(range), waiting);
}

/// The key that a printed line names.
fn key_of(line: &str) -> &str {
    line.split('\'').nth(1).unwrap_or_else(|| panic!("no key in {line}"))
}

/// Of each limit, in order: its name, the line that looks, and the line that lifts it.
fn pairs(lines: &[String]) -> Vec<(String, &str, &str)> {
    let pairs = lines.chunks(2).map(|pair| {
        assert!(pair[0].contains(" HGETALL ") && pair[1].contains(" DEL "), "{pair:#?}");
        assert_eq!(key_of(&pair[0]), key_of(&pair[1]));
        (key_of(&pair[0]).split(':').nth(1).unwrap().to_owned(), pair[0].as_str(), pair[1].as_str())
    });
    pairs.collect()
}

fn keys_of(app: &TestApp, limit: &str) -> Vec<String> {
    let start = format!("vb:{limit}:");
    app.resp().keys().into_iter().filter(|key| key.starts_with(&start)).collect()
}

#[tokio::test]
async fn the_keys_of_a_name_show_its_wrong_tries_and_lift_them() {
    let app = TestApp::start().await;
    app.member("ada").await;
    app.log_in("eve", PASSWORD).await.assert_problem(401, "invalid-credentials");
    for _ in 0..5 {
        app.log_in("Ada", "wrong").await.assert_problem(401, "invalid-credentials");
    }
    app.log_in("ada", PASSWORD).await.assert_problem(429, "too-many-attempts");

    let lines = lines_of(&app, &["keys", "login", " ADA "]).await;
    let pairs = pairs(&lines);
    assert_eq!(pairs.iter().map(|pair| &*pair.0).collect::<Vec<_>>(), ["login_account", "forgot_email"]);
    let (_, look, lift) = &pairs[0];
    assert!(keys_of(&app, "login_account").contains(&key_of(look).to_owned()), "{look}: {:?}", app.resp().keys());
    let shown = shell(look);
    let shown: Vec<_> = shown.lines().collect();
    for pair in [["wrong", "5"], ["who", "a***"]] {
        assert!(shown.windows(2).any(|shown| shown == pair), "{pair:?} is not in {shown:?}");
    }
    assert!(shown.contains(&"until"), "{shown:?}");
    assert_eq!(shell(lift).trim(), "1");
    app.log_in("ada", PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn the_keys_of_an_address_show_the_resets_that_were_asked_for() {
    let app = TestApp::start().await;
    app.member("ada").await;
    for _ in 0..4 {
        app.post("/auth/forgot-password", &json!({"email": "Ada@Example.com"})).await.assert_status(202);
    }
    let lines = lines_of(&app, &["keys", "login", "ada@example.com"]).await;
    let (_, look, lift) = pairs(&lines)[1];
    assert_eq!(keys_of(&app, "forgot_email"), [key_of(look)]);
    let shown = shell(look);
    assert!(shown.contains("log") && shown.contains("A***@E***.com") && !shown.contains("da@"), "{shown}");
    assert_eq!(shell(lift).trim(), "1");
    assert_eq!(keys_of(&app, "forgot_email"), [""; 0]);
}

#[tokio::test]
async fn the_keys_of_a_client_show_what_it_did_wrong_and_lift_it() {
    let app = Setup::new().behind_proxy().set("limits.login_ip.max", &1).start().await;
    let try_from = async |client: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", client)];
        let url = format!("http://{}/auth/login", app.nodes[0].public);
        app.http.send(Method::POST, &url, &headers, r#"{"login":"ada","password":"wrong"}"#).await
    };
    for (client, written, masked) in [
        ("203.0.113.9", "203.0.113.9", "203.0.113.*"),
        ("198.51.100.7", "::ffff:198.51.100.7", "198.51.100.*"),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::1", "2001:db8:1::/48"),
    ] {
        app.pass(900_000);
        let before = keys_of(&app, "login_ip");
        try_from(client).await.assert_problem(401, "invalid-credentials");
        try_from(client).await.assert_problem(429, "too-many-attempts");
        let lines = lines_of(&app, &["keys", "client", written]).await;
        let pairs = pairs(&lines);
        let limits = ["candidate_ip", "login_ip", "signup_ip", "forgot_ip", "reset_ip"];
        assert_eq!(pairs.iter().map(|pair| &*pair.0).collect::<Vec<_>>(), limits);
        let (_, look, lift) = &pairs[1];
        let new: Vec<_> = keys_of(&app, "login_ip").into_iter().filter(|key| !before.contains(key)).collect();
        assert_eq!(new, [key_of(look)], "{client}");
        let shown = shell(look);
        assert!(shown.contains(masked) && !shown.contains(client), "{shown}");
        assert_eq!(shell(lift).trim(), "1");
        try_from(client).await.assert_problem(401, "invalid-credentials");
    }
}

#[tokio::test]
async fn the_printed_keys_of_a_client_are_those_of_every_limit() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    app.member("ada").await;
    app.log_in("ada", "wrong").await.assert_problem(401, "invalid-credentials");
    app.post("/auth/forgot-password", &json!({"email": "eve@example.com"})).await.assert_status(202);
    app.reset(&"A".repeat(64), PASSWORD).await.assert_problem(401, "reset-token-invalid");
    let lines = lines_of(&app, &["keys", "client", "127.0.0.1"]).await;
    for (limit, look, _) in pairs(&lines) {
        assert_eq!(keys_of(&app, &limit), [key_of(look)]);
        assert!(shell(look).contains("127.0.0.*"), "{look}: {}", shell(look));
    }
}
