//! Letters to a relay: real SMTP conversations, also with relays that refuse, stall and lie.

use crate::support::smtp::{Behaviour, Flavour, PASSWORD, SmtpSink, USER};
use lettre::message::Mailbox;
use mailparse::MailHeaderMap as _;
use std::time::Duration;
use vestibule::config::MailUrl;
use vestibule::mail::compose::{CodeMail, Letter, code};
use vestibule::mail::smtp::{Relay, RelayOptions, Sent};

const ID: &str = "0192f0c1@vestibule.example";

fn letter_to(to: &str) -> Letter {
    code(&CodeMail {
        organisation: "Acme & Söhne",
        to,
        name: "Zoë 👩🏽‍💻",
        position: "Engineer",
        code: "012345",
        reference: "K7Q",
        minutes_valid: 10,
    })
}

fn sender() -> Mailbox {
    "Acme Interviews <interviews@acme.example>".parse().expect("a mailbox")
}

fn relay(url: &str) -> Relay {
    relay_with(url, Duration::from_secs(20), None)
}

fn relay_with(url: &str, timeout: Duration, trusted: Option<&str>) -> Relay {
    let Ok(MailUrl::Relay(url)) = MailUrl::parse(url) else { panic!("{url} names no relay") };
    let extra_roots_pem = trusted.map(str::to_owned);
    Relay::new(&url, &RelayOptions { timeout, extra_roots_pem }).expect("a relay")
}

async fn send(relay: &Relay, to: &str) -> Sent {
    relay.send(&letter_to(to), &sender(), ID).await
}

#[track_caller]
fn assert_deferred(sent: &Sent, words: &str) {
    match sent {
        Sent::Deferred(reason) if reason.contains(words) => {}
        other => panic!("expected Deferred with {words:?}, got {other:?}"),
    }
}

#[track_caller]
fn assert_refused(sent: &Sent, words: &str) {
    match sent {
        Sent::Refused(reason) if reason.contains(words) => {}
        other => panic!("expected Refused with {words:?}, got {other:?}"),
    }
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_written() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let letter = letter_to("ada@example.com");
    let sent = relay(&sink.url()).send(&letter, &sender(), ID).await;

    assert_eq!(sent, Sent::Accepted);
    let mail = sink.mail_to("ada@example.com", 1).await;
    assert_eq!(mail.from, "interviews@acme.example");
    assert_eq!(mail.subject, "012345 is your Acme & Söhne interview code (K7Q)");
    assert_eq!(mail.text.trim_end(), letter.text.trim_end());
    assert_eq!(mail.html.trim_end(), letter.html.trim_end());

    let parsed = mailparse::parse_mail(&mail.raw).unwrap();
    let header = |name: &str| parsed.headers.get_first_value(name).unwrap_or_default();
    assert_eq!(header("Message-ID"), format!("<{ID}>"));
    assert_eq!(header("From"), "\"Acme Interviews\" <interviews@acme.example>");
    assert_eq!(header("To"), "ada@example.com");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert!(mailparse::dateparse(&header("Date")).is_ok_and(|at| at > 1_700_000_000), "{}", header("Date"));
    assert_eq!(parsed.ctype.mimetype, "multipart/alternative");
    let kinds: Vec<&str> = parsed.subparts.iter().map(|part| part.ctype.mimetype.as_str()).collect();
    assert_eq!(kinds, ["text/plain", "text/html"], "the better form comes last");
    assert!(mail.raw.is_ascii(), "any relay can carry it");
}

#[tokio::test]
async fn a_deferral_and_a_refusal_of_the_recipient() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let relay = relay(&sink.url());
    assert_deferred(&send(&relay, "ada@example.com").await, "recipient: 451 4.7.1 greylisted");

    sink.behave(Behaviour::Refuse);
    let sent = send(&relay, "ada@example.com").await;
    assert_refused(&sent, "recipient: 550 5.1.1 <a***@e***.com>: recipient address rejected");
    assert!(!format!("{sent:?}").contains("ada"), "{sent:?}");

    sink.behave(Behaviour::Accept);
    assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted);
    assert_eq!(sink.seen().mails.len(), 1);
}

#[tokio::test]
async fn a_refusal_of_the_letter_repeats_none_of_its_secrets() {
    let sink = SmtpSink::start(Behaviour::RefuseContent).await;
    let sent = send(&relay(&sink.url()), "ada@example.com").await;
    assert_refused(&sent, "letter: 554 5.7.1 spam: *** is your");
    assert!(!format!("{sent:?}").contains("012345"), "{sent:?}");
}

#[tokio::test]
async fn what_we_have_to_put_right_is_no_refusal_of_the_letter() {
    let sink = SmtpSink::start(Behaviour::Barred).await;
    assert_deferred(&send(&relay(&sink.url()), "ada@example.com").await, "connect: 554 5.7.1 you are not welcome");
    sink.behave(Behaviour::RefuseSender);
    assert_deferred(&send(&relay(&sink.url()), "ada@example.com").await, "sender: 550 5.7.1 sender rejected");

    sink.behave(Behaviour::Accept);
    let with = |login: &str| sink.url().replace("//", &format!("//{login}@"));
    let sent = send(&relay(&with("vestibule:wrong")), "ada@example.com").await;
    assert_deferred(&sent, "sign-in: 535 5.7.8 bad username or password");
    let right = with(&format!("{USER}:{}", PASSWORD.replace('@', "%40").replace('/', "%2f")));
    assert_eq!(send(&relay(&right), "ada@example.com").await, Sent::Accepted);
}

#[tokio::test]
async fn what_is_no_address_never_reaches_the_relay() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let relay = relay(&sink.url());
    for to in ["", "ada", "ada@example.com\r\nRCPT TO:<eve@example.com>", "Ada <ada@example.com>"] {
        assert_refused(&send(&relay, to).await, "not one that mail can be sent to");
    }
    assert_eq!(sink.seen().conversations, 0);
}

#[tokio::test]
async fn a_silent_relay_is_given_up() {
    for (behaviour, stage) in [
        (Behaviour::Silent, "connect"),
        (Behaviour::SilentAfterBanner, "connect"),
        (Behaviour::SilentAfterData, "letter"),
    ] {
        let sink = SmtpSink::start(behaviour).await;
        let relay = relay_with(&sink.url(), Duration::from_millis(500), None);
        let sent = tokio::time::timeout(Duration::from_secs(10), send(&relay, "ada@example.com"));
        assert_eq!(
            sent.await.expect("it is cut"),
            Sent::Deferred(format!("{stage}: timed out after 0.5 s")),
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_came_too_late_is_not_taken_for_the_next_letters() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let relay = relay_with(&sink.url(), Duration::from_millis(500), None);
    assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted);

    sink.behave(Behaviour::SilentAfterData);
    assert_deferred(&send(&relay, "bob@example.com").await, "letter: timed out");
    sink.behave(Behaviour::Accept);
    assert_eq!(send(&relay, "cyd@example.com").await, Sent::Accepted);

    let seen = sink.seen();
    assert_eq!(seen.conversations, 2, "the second letter used the first one's connection, the third did not");
    assert_eq!(seen.mails.len(), 3);
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_died_is_not() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let relay = relay(&sink.url());
    for _ in 0..3 {
        assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted);
    }
    assert_eq!(sink.seen().conversations, 1);
    sink.hang_up();
    assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted);
    assert_eq!(sink.seen().conversations, 2);

    sink.behave(Behaviour::CutAfterData);
    assert_deferred(&send(&relay, "ada@example.com").await, "letter: ");
    let cut = sink.mail_to("ada@example.com", 5).await;
    assert!(!cut.acknowledged);

    sink.behave(Behaviour::Accept);
    assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted);
    assert_eq!(sink.seen().conversations, 3);
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let sent = send(&relay(&format!("smtp://127.0.0.1:{port}?tls=none")), "ada@example.com").await;
    assert_deferred(&sent, "refused");
}

#[tokio::test]
async fn both_kinds_of_tls_with_a_trusted_certificate() {
    for flavour in [Flavour::Implicit, Flavour::StartTls] {
        let sink = SmtpSink::start_as(Behaviour::Accept, flavour).await;
        let relay = relay_with(&sink.url(), Duration::from_secs(20), Some(sink.certificate_pem()));
        assert_eq!(send(&relay, "ada@example.com").await, Sent::Accepted, "{flavour:?}");
        assert_eq!(sink.seen().mails.len(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_gets_nothing() {
    for flavour in [Flavour::Implicit, Flavour::StartTls] {
        let sink = SmtpSink::start_as(Behaviour::Accept, flavour).await;
        assert_deferred(&send(&relay(&sink.url()), "ada@example.com").await, "certificate");

        // Trusted, but made out to another name.
        let other_name = sink.url().replace("localhost", "127.0.0.1");
        let relay = relay_with(&other_name, Duration::from_secs(20), Some(sink.certificate_pem()));
        assert_deferred(&send(&relay, "ada@example.com").await, "certificate");
        assert_eq!(sink.seen().attempts, 0, "{flavour:?}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    let url = format!("smtp://{USER}:secret@localhost:{}?tls=required", sink.port());
    let relay = relay(&url);
    assert_deferred(&send(&relay, "ada@example.com").await, "STARTTLS is not supported");
    assert!(relay.check().await.is_err());
    assert_eq!(sink.seen().attempts, 0);
}

#[tokio::test]
async fn check_says_what_it_verified() {
    let sink = SmtpSink::start_as(Behaviour::Accept, Flavour::StartTls).await;
    let login = format!("//{USER}:{}@", PASSWORD.replace('@', "%40").replace('/', "%2F"));
    let url = sink.url().replace("//", &login);
    let trusting = relay_with(&url, Duration::from_secs(20), Some(sink.certificate_pem()));
    let address = format!("localhost:{}", sink.port());
    assert_eq!(
        trusting.check().await,
        Ok(format!("{address} answers: encrypted by STARTTLS, certificate trusted, signed in"))
    );

    let wrong = relay_with(&sink.url().replace("//", "//a:b@"), Duration::from_secs(20), Some(sink.certificate_pem()));
    assert_eq!(wrong.check().await, Err(format!("{address}, sign-in: 535 5.7.8 bad username or password")));

    sink.behave(Behaviour::Silent);
    let hasty = relay_with(&sink.url(), Duration::from_millis(200), None);
    assert_eq!(hasty.check().await, Err(format!("{address}, connect: timed out after 0.2 s")));
    assert_eq!(sink.seen().attempts, 0);
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_relay_that_can() {
    let sink = SmtpSink::start(Behaviour::Accept).await;
    assert_eq!(send(&relay(&sink.url()), "élodie@example.com").await, Sent::Accepted);
    assert_eq!(sink.mail_to("élodie@example.com", 1).await.subject, letter_to("").subject);
}
