//! Letters to users: sealed, queued and delivered as those to candidates are.

use std::sync::Arc;

use serde_json::Value;
use vestibule::config::{Config, Mode};
use vestibule::id::Id;
use vestibule::jobs::{JobId, JobKind, Jobs, NewMail};
use vestibule::keyring::Keyring;
use vestibule::mail::{NoticeJob, ResetJob};
use vestibule::metrics::Metrics;
use vestibule::redis::{Gate, Redis};

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::until::until;

const ADA: &str = "ada@example.com";
const RESET_URL: &str = "https://interviews.example.com/reset-password#token=7_ABEiM0RVZneImaq73q2-7wAAqrvM3e";

/// Queues a letter with what `seal` puts into it; the mail that comes of it.
async fn delivered(app: &TestApp, kind: JobKind, seal: impl FnOnce(&Keyring, &Id) -> String) -> Value {
    let mut settings = app.environment().into_iter();
    let config = Config::load(None, &mut settings, Mode::Development).unwrap_or_else(|error| panic!("{error}"));
    let redis = &config.redis;
    let gate = Arc::new(Gate::new(redis.in_flight_max, redis.waiting_max, redis.wait_max));
    let redis = Redis::connect(redis, gate, Arc::new(Metrics::new())).await.unwrap();
    let id = JobId { kind, subject: Id::nonce() };
    let sealed = seal(&Keyring::new(&config.secrets.root_keys), &id.subject);
    let expires = app.clock.now_us() / 1_000 + 60_000;
    let mail = NewMail { id, masked: "a***@e***.com", sealed: &sealed, expires, tell_until: expires };
    assert!(Jobs::new(redis.clone(), app.keys()).add(&mail, 1).await.unwrap());
    redis.close().await;
    until("the letter", || async { app.mails(ADA).await.pop() }).await
}

#[tokio::test]
async fn a_reset_link_is_mailed() {
    let app = Setup::new().set("mail.sweep_interval", &"100ms").start().await;
    let job = ResetJob { to: ADA.to_owned(), username: "ada_1".to_owned(), url: RESET_URL.to_owned(), minutes: 15 };
    let mail = delivered(&app, JobKind::Reset, |keyring, user| job.seal(keyring, user)).await;
    assert_eq!(mail["subject"], "Reset your Acme password");
    let text = mail["text"].as_str().unwrap();
    for said in ["Hello ada_1,", "15 minutes", RESET_URL] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
}

#[tokio::test]
async fn a_change_of_the_password_is_told() {
    let app = Setup::new().set("mail.sweep_interval", &"100ms").start().await;
    let forgot_url = "https://interviews.example.com/forgot-password".to_owned();
    let job = NoticeJob { to: ADA.to_owned(), username: "ada_1".to_owned(), changed: 1_795_341_900, forgot_url };
    let mail = delivered(&app, JobKind::Notice, |keyring, user| job.seal(keyring, user)).await;
    assert_eq!(mail["subject"], "Your Acme password was changed");
    let text = mail["text"].as_str().unwrap();
    for said in ["Hello ada_1,", "Sunday, 22 November 2026, 10:05 UTC", &job.forgot_url] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
}
