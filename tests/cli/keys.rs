//! `vestibule keygen`, `vestibule keys link`, and the scripts for redis-cli that the last names.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::TestApp;
use crate::support::app::{Link, Setup, vestibule};
use crate::support::child::path;

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
    let said = stdout(&app.run(&["keys", "link", &link.token]).await);
    said.lines().filter(|line| line.starts_with("redis-cli ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_printed_lines_work() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.code(&link).await;
    let lines = printed(&app, &link).await;
    assert_eq!(lines.len(), 10, "{lines:#?}");
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
