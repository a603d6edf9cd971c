//! `vestibule explain`, `vestibule unlock` and `vestibule lua`.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use hyper::Method;
use serde_json::json;

use super::{assert_code, assert_refused, stderr, stdout};
use crate::support::TestApp;
use crate::support::app::{Setup, vestibule};
use crate::support::members::PASSWORD;
use crate::support::until::until;

fn with_standard_input(app: &TestApp, text: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("explain").env_clear().envs(app.environment());
    command.env("VESTIBULE_MAIL__URL", "smtp://127.0.0.1:1?tls=none");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What a command says that ends well.
async fn said(app: &TestApp, arguments: &[&str]) -> String {
    let output = app.run(arguments).await;
    assert_code(&output, 0);
    stdout(&output)
}

#[track_caller]
fn assert_has(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
}

#[tokio::test]
async fn a_link_is_explained_by_whatever_one_was_given() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let expected = said(&app, &["explain", &link.token]).await;
    let (otp, trail) = (app.keys().otp(&link.id()), app.keys().audit(app.keys().partition(&link.id())));
    let postgres = format!("# postgres\n  interview {}, open: this is its link\n", link.interview);
    assert_has(&expected, &[&format!("# {}\n  link {}", otp.name(), link.id()), "\n  LIVE: ", &postgres, trail.name()]);
    assert!(!expected.contains(&link.token) && !expected.contains("ada@"), "{expected}");
    let (id, url) = (link.id().to_string(), format!("https://x.example/interview/join/{}?from=mail#top", link.token));
    for output in [
        app.run(&["explain", &url]).await,
        app.run(&["explain", &id]).await,
        app.run(&["explain", &link.interview]).await,
        with_standard_input(&app, &format!("{}\n", link.token)),
        with_standard_input(&app, &format!("  {url}\n")),
    ] {
        assert_eq!(stdout(&output), expected, "{}", stderr(&output));
    }
    for output in [app.run(&["explain", "https://x.example/y"]).await, with_standard_input(&app, "")] {
        assert_refused(&output, 64, &["give a join link or its token"]);
    }

    // A link that another has replaced is told from one that never was.
    let next = app.reissue(&link).await;
    let dead = format!(
        "interview {0}, open: this link of it is dead. A new one: vestibule interview reissue {0}",
        link.interview
    );
    assert_has(&said(&app, &["explain", &id]).await, &["DEAD: revoked or reissued over", &dead]);
    assert_has(&said(&app, &["explain", &next.token]).await, &["UNKNOWN HERE", ", open: this is its link"]);
    assert_has(&said(&app, &["explain", &"0".repeat(32)]).await, &["UNKNOWN HERE", "no interview has this link"]);
}

#[tokio::test]
async fn a_login_that_waits_is_explained_and_unlocked_under_both_names() {
    // It answers without Postgres where that is slow, which a loaded machine makes it.
    let patience = [("redis.command_timeout", "3s"), ("postgres.connect_timeout", "10s")];
    let mut app = patience.iter().fold(Setup::new(), |setup, (key, value)| setup.set(key, value)).start().await;
    app.clock.freeze();
    let ada = app.member("ada").await;
    for login in ["ada", "ADA@example.com"] {
        for _ in 0..5 {
            app.log_in(login, "wrong").await.assert_problem(401, "invalid-credentials");
        }
    }
    // Events reach Redis a moment after their answers.
    let told = until("the trail", async || {
        Some(said(&app, &["explain", " Ada "]).await)
            .filter(|told| told.contains("ago: log_in_failed, a***, from 127."))
    })
    .await;
    println!("{told}");
    let user = format!("user {}, a***, member, since 20", ada.id);
    assert_has(
        &told,
        &["login_account of a***\n  WAITS after 5 wrong tries. Ends in 1 min, ", &user, "1 session live"],
    );
    assert_has(
        &told,
        &["Their other name, a***@e***.com:", "login_account of a***@e***.com\n  WAITS", "ago: log_in_failed, a***"],
    );
    assert!(!told.contains("ada"), "{told}");
    assert_has(&said(&app, &["explain", "eve"]).await, &["NOTHING counts: it may log in.", "nobody has signed up so"]);
    let by_id = said(&app, &["explain", &ada.id]).await;
    assert_has(
        &by_id,
        &[
            "no interview has this id",
            &user,
            "LOGGED IN: 1 session live",
            "login_account of a***\n  WAITS",
            "login_account of a***@e***.com\n  WAITS",
            "ago: sign_up, a***",
        ],
    );

    app.set("log.level", "warn,vestibule::audit=info");
    let output = app.run(&["unlock", "ada@example.com"]).await;
    assert_code(&output, 0);
    assert_eq!(stdout(&output).matches("UNLOCKED: all that login_account").count(), 2, "{}", stdout(&output));
    let trail = stderr(&output);
    assert_eq!(trail.matches(r#""event":"unlocked""#).count(), 2, "{trail}");
    assert!(trail.contains(r#""who":"a***@e***.com""#) && !trail.contains("ada"), "{trail}");
    for login in ["ada", "ada@example.com"] {
        app.log_in(login, PASSWORD).await.assert_status(200);
    }
    // Redis' part of the answer does not hang on Postgres, nor does it hide that Postgres is away.
    app.set("postgres.url", "host=/nowhere user=nobody");
    assert_has(
        &said(&app, &["explain", "ada"]).await,
        &["NOTHING counts", "# postgres\n  cannot be asked: postgres: "],
    );
    assert_code(&app.run(&["unlock", "ada"]).await, 0);
    app.set("redis.url", "redis+unix:///nowhere");
    assert_refused(&app.run(&["explain", "ada"]).await, 69, &["redis"]);
}

#[tokio::test]
async fn a_client_is_explained_with_the_configured_limits_and_unlocked() {
    let app = Setup::new().behind_proxy().set("limits.login_ip.max", &1).start().await;
    app.clock.freeze();
    let try_from = async |client: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", client)];
        let url = format!("http://{}/auth/login", app.nodes[0].public);
        app.http.send(Method::POST, &url, &headers, &json!({"login": "ada", "password": "wrong"}).to_string()).await
    };
    for (client, written, masked) in [
        ("203.0.113.9", "203.0.113.9", "203.0.113.*"),
        ("198.51.100.7", "::ffff:198.51.100.7", "198.51.100.*"),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::1", "2001:db8:1::/48"),
    ] {
        app.pass(900_000);
        try_from(client).await.assert_problem(401, "invalid-credentials");
        try_from(client).await.assert_problem(429, "too-many-attempts");
        let told = said(&app, &["explain", written]).await;
        let refused = format!("login_ip of {masked}\n  REFUSED: 1 of 1 in 15 min. The next one is taken in 15 min, ");
        assert_has(&told, &[&format!("client {masked}\n"), &refused]);
        assert_eq!(told.matches("\n  NOTHING counts: it is not limited.").count(), 4, "{told}");
        assert!(!told.contains(client), "{told}");
        assert_has(
            &said(&app, &["unlock", written]).await,
            &[&format!("login_ip had counted of {masked} is forgotten")],
        );
        try_from(client).await.assert_problem(401, "invalid-credentials");
    }
}

#[tokio::test]
async fn a_locked_candidate_is_unlocked() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        app.verify(&link, wrong).await;
    }
    assert_has(&said(&app, &["explain", &link.token]).await, &["LOCKED after 3 wrong codes (1st time)"]);
    assert_has(
        &said(&app, &["unlock", &link.token]).await,
        &["UNLOCKED: the cooldown is over", "3 wrong codes in all stay"],
    );
    assert_has(&said(&app, &["unlock", &link.interview]).await, &["NOT LOCKED"]);
    let code = app.code(&link).await;
    app.verify(&link, &code).await.assert_status(200);
    assert_refused(&app.run(&["unlock", "outbox"]).await, 64, &["explain outbox"]);
}

#[tokio::test]
async fn scripts_are_listed_by_the_digests_that_redis_shows() {
    let app = TestApp::start().await;
    let listed = stdout(&vestibule(&["lua"], &[]).await);
    let names: Vec<&str> = listed.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"otp_verify") && names.contains(&"ops/inspect"), "{listed}");
    for line in listed.lines().filter(|line| !line.contains("  ops/")) {
        let sha = line.split(' ').next().unwrap();
        assert_eq!(app.resp().call(&["SCRIPT", "EXISTS", sha]).array()[0].integer(), 1, "{line}");
    }
    for name in names {
        let source = std::fs::read_to_string(format!("{}/lua/{name}.lua", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(stdout(&vestibule(&["lua", "--source", name], &[]).await), source, "{name}");
    }
    assert_refused(&vestibule(&["lua", "--source", "otp"], &[]).await, 64, &["no script \"otp\"", "vestibule lua"]);
}
