//! `vestibule check`: one line for each part, whatever fails.

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::app::{Setup, vestibule};
use crate::support::postgres::empty_database;
use crate::support::smtp::{Behaviour, SmtpSink};

#[tokio::test]
async fn it_says_what_it_verified() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let app = Setup::new().nodes(0).relay(&sink.url()).start().await;
    let output = app.run(&["check"]).await;
    assert_code(&output, 0);
    let said = stdout(&output);
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 4, "{said}");
    for words in ["https://interviews.example.com", "noeviction", "16 partitions", "schema at version", "127.0.0.1"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
}

#[tokio::test]
async fn it_looks_at_everything_even_if_all_of_it_fails_and_tells_no_secret() {
    let output = vestibule(
        &["check"],
        &[
            ("VESTIBULE_REDIS__URL", "redis://someone:hunter2@127.0.0.1:1"),
            ("VESTIBULE_POSTGRES__URL", "postgres://someone:hunter2@127.0.0.1:1/nothing"),
            ("VESTIBULE_MAIL__URL", "smtps://someone:hunter2@127.0.0.1:1"),
        ],
    )
    .await;
    assert_refused(&output, 69, &["3 of 4 checks failed"]);
    let said = stdout(&output);
    for part in ["redis", "postgres", "relay"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("FAIL  {part}"))), "{said}");
    }
    assert!(said.starts_with("ok    configuration"), "{said}");
    let all = said + &stderr(&output);
    for secret in ["hunter2", "cnJycn", "ampqam"] {
        assert!(!all.contains(secret), "{secret} is in\n{all}");
    }
}

#[tokio::test]
async fn a_part_that_answers_and_is_wrong_is_told_with_what_to_do() {
    let sink = SmtpSink::start(Behaviour::Barred).await;
    let app = Setup::new().nodes(0).relay(&sink.url()).set("postgres.url", &empty_database().await).start().await;
    app.resp().call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let output = app.run(&["check"]).await;
    assert_refused(&output, 69, &["3 of 4"]);
    let said = stdout(&output);
    for words in ["noeviction", "vestibule migrate", "FAIL  relay"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
}
