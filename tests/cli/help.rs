//! What it says about itself, and to somebody who typed something else.

use std::process::{Command, Stdio};

use super::{assert_code, assert_refused, stdout};
use crate::support::app::vestibule;

#[tokio::test]
async fn every_command_explains_itself() {
    for (command, words) in [
        (
            "",
            &[
                "serve",
                "dev",
                "migrate",
                "invite",
                "interview",
                "user",
                "keygen",
                "hash",
                "check",
                "explain",
                "unlock",
                "top",
                "lua",
                "VESTIBULE_REDIS__URL",
                "64",
            ][..],
        ),
        ("serve", &["SIGTERM", "--config"]),
        ("dev", &[".vestibule/", "--nodes", "--proxy", "haproxy, nginx, none", "--platform"]),
        ("migrate", &["schema of Postgres"]),
        (
            "invite",
            &["--name", "--email", "--position", "--minutes", "[default: 60]", "--expires-hours", "--json", "--mail"],
        ),
        ("interview", &["reissue", "revoke"]),
        ("interview reissue", &["<ID>", "--json", "--mail", "dead at once"]),
        ("interview revoke", &["<ID>", "dead at once"]),
        ("keygen", &["environment variables"]),
        ("hash", &["--calibrate", "needs no Redis"]),
        ("check", &["Redis", "Postgres", "relay"]),
        ("user", &["role"]),
        ("user role", &["<LOGIN>", "<ROLE>", "member, recruiter or admin", "next request"]),
        ("explain", &["standard input", "[SUBJECT]", "outbox"]),
        ("unlock", &["[SUBJECT]", "cooldown"]),
        ("top", &["--who <MASKED>", "busiest"]),
        ("lua", &["--source <NAME>", "SLOWLOG"]),
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let output = vestibule(&arguments, &[]).await;
        assert_code(&output, 0);
        let help = stdout(&output);
        for words in words {
            assert!(help.contains(words), "{words:?} is not in\n{help}");
        }
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{widest} columns:\n{help}");
    }
    let version = vestibule(&["--version"], &[]).await;
    assert_code(&version, 0);
    assert_eq!(stdout(&version), format!("vestibule {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn the_words_below_the_help_fill_their_lines() {
    let help = stdout(&vestibule(&["--help"], &[]).await);
    let below = &help[help.find("Every key").unwrap()..];
    for paragraph in below.split("\n\n") {
        let lines: Vec<_> = paragraph.trim_end().lines().collect();
        for pair in lines.windows(2) {
            let next_word = pair[1].split(' ').next().unwrap();
            assert!(pair[0].len() + 1 + next_word.len() > 100, "broken early:\n{below}");
        }
    }
}

#[tokio::test]
async fn a_mistake_is_answered_with_what_to_do() {
    for (arguments, words) in [
        (&[][..], "Usage: vestibule"),
        (&["sreve"], "'serve'"),
        (&["serve", "--port", "80"], "--port"),
        (&["invite"], "--name"),
        (&["interview"], "reissue"),
        (&["interview", "revoke", "12"], "<ID>"),
        (&["user"], "role"),
        (&["explain", "x", "y"], "'y'"),
        (&["explain", "https://x.example/"], "give a join link"),
    ] {
        assert_refused(&vestibule(arguments, &[]).await, 64, &[words]);
    }
}

#[tokio::test]
async fn all_that_is_wrong_in_the_configuration_is_told_at_once() {
    let changes = [
        ("VESTIBULE_HTTP__LISTEN", "localhost"),
        ("VESTIBULE_HTTP__WROKERS", "2"),
        ("VESTIBULE_PUBLIC_URL", "not a url"),
        ("VESTIBULE_SECRETS__JWT_KEYS", "j1:c2hvcnQtYnV0LXNlY3JldA=="),
        ("VESTIBULE_MAIL__URL", "capture:"),
    ];
    for command in ["serve", "check"] {
        let output = vestibule(&[command], &changes).await;
        let keys = ["http.listen: ", "http.wrokers", "public_url: ", "secrets.jwt_keys: ", "mail.url: "];
        assert_refused(&output, 64, &keys);
        assert_refused(&output, 64, &["32", "VESTIBULE_HTTP__LISTEN"]);
        assert!(!super::stderr(&output).contains("c2hvcnQ"), "{output:?}");
    }
    let output = vestibule(&["serve", "--config", "/nowhere.toml"], &[]).await;
    assert_refused(&output, 64, &["/nowhere.toml"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_bug() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut keygen = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    let output = keygen.arg("keygen").env_clear().stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_code(&output, 0);
}
