//! Why a candidate is kept out, and until when.

use tokio::task::yield_now;

use super::{ask, assert_says, inspect, lock, noon, not, otp, shell};
use crate::support::app::Setup;
use crate::support::smtp::{Behaviour, SmtpSink};
use crate::support::until::until;

#[tokio::test]
async fn a_link_is_told_from_its_first_use_to_its_lock_and_its_unlocking() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    let (id, key) = (link.id(), otp(&app, &link));
    assert_says(&inspect(&app, &key), &[&format!("link {id}"), "UNKNOWN HERE: nobody has used it..."]);

    app.info(&link).await.assert_status(200);
    let said = inspect(&app, &key);
    assert_says(
        &said,
        &[
            &format!("link {id}, interview {}, a***@e***.com", link.interview),
            "LIVE: it ends in ...",
            "3 of 3 attempts left.",
            "0 wrong codes in all; at 100 the link is dead until it is reissued.",
            "No code is outstanding: none was asked for lately.",
        ],
    );
    assert!(!said.join("\n").contains("Lovelace"), "{said:#?}");

    let code = app.code(&link).await;
    app.verify(&link, &not(&code)).await.assert_status(401);
    app.pass(20_000);
    until("the code's job to be done", async || {
        let said = inspect(&app, &key);
        said.contains(&"Code mail: the relay took it 20 s ago, at 12:00:00 UTC.".to_owned()).then_some(())
    })
    .await;
    let mark = app.info(&link).await.text_of("ref");
    assert_says(
        &inspect(&app, &key),
        &[
            "LIVE: it ends in ...",
            "2 of 3 attempts left.",
            "1 wrong code in all; at 100 ...",
            "TOO SOON for another code: the last one was asked for 20 s ago, at 12:00:00 UTC. The next one may be asked for \
             in 40 s, at 12:01:00 UTC.",
            &format!(
                "A code is outstanding: mark {mark}, made 20 s ago, at 12:00:00 UTC. It ends in 9 min 40 s, at 12:10:00 UTC."
            ),
        ],
    );

    for status in [401, 429] {
        app.verify(&link, &not(&code)).await.assert_status(status);
    }
    let locked = [
        "LOCKED after 3 wrong codes (1st time). Ends in 10 min, at 12:10:20 UTC. What helps: wait, or lua/ops/unlock.lua.",
        "3 wrong codes in all; at 100 the link is dead until it is reissued.",
        "No code is outstanding: the lock took it.",
    ];
    let said = inspect(&app, &key);
    assert_says(&said, &locked);
    println!("{}", said.join("\n"));
    // Any key of the link will do.
    for kind in ["link", "seat", "mailed"] {
        assert_eq!(inspect(&app, &key.replace(":otp:", &format!(":{kind}:"))), said);
    }
    assert_eq!(inspect(&app, &key.replace(":otp:", ":job:").replace(&id.to_string(), &format!("code-{id}"))), said);

    app.pass(585_000);
    assert_says(&inspect(&app, &key), &["LOCKED after 3 wrong codes (1st time). Ends in 15 s, at 12:10:20 UTC. ..."]);
    let unlocked = "UNLOCKED: the cooldown is over, and 3 attempts are back; a fresh code must be asked for, and may be \
                    at once. 3 wrong codes in all stay.";
    assert_eq!(ask(&app, "unlock", &key, ""), [unlocked]);
    assert_says(&ask(&app, "unlock", &key, ""), &["NOT LOCKED: nothing is changed...."]);
    let info = app.info(&link).await.json();
    assert_eq!((&info["cooldown"], &info["attemptsRemaining"]), (&0.into(), &3.into()), "{info}");
    assert_says(&inspect(&app, &key), &["3 of 3 attempts left. It was locked 9 min 45 s ago, at 12:00:20 UTC."]);

    lock(&app, &link).await;
    let again = "LOCKED after 3 wrong codes (2nd time). Ends in 20 min, at 12:30:05 UTC. ...";
    assert_says(&inspect(&app, &key), &[again, "6 wrong codes in all; ..."]);
}

#[tokio::test]
async fn a_link_is_told_to_its_end() {
    let app = noon(Setup::new()).await;
    let (link, short) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    // At its end by Redis' clock, which stands at noon, whenever it was made.
    app.info(&short).await.assert_status(200);
    let (key, record) = (otp(&app, &link), app.keys().link(&short.id()).name().to_owned());
    for nth in 1..=5 {
        app.request(&link).await.assert_status(202);
        app.pass(if nth == 5 { 1_000 } else { 60_000 });
    }
    assert_says(
        &inspect(&app, &key),
        &["TOO MANY CODES: 5 asked for in 10 min. The next one may be asked for in 5 min 59 s, at 12:10:00 UTC. \
           What helps: wait, or lua/ops/unlock.lua."],
    );
    app.pass(359_000);
    let code = app.code(&link).await;
    let session = app.verify(&link, &code).await.assert_status(200).text_of("sessionToken");
    assert_says(
        &inspect(&app, &key),
        &[
            "No code is outstanding: the last one was used.",
            "A code was right 0 s ago, at 12:10:00 UTC.",
            "A session of the candidate lives, begun at 12:10:00 UTC. It ends in 1 h 15 min, at 13:25:00 UTC.",
        ],
    );
    app.begin(&link, &session).await.assert_status(201);
    app.pass(4_500_001);
    let over = ["STARTED 1 h 15 min ago, at 12:10:00 UTC: ...", "No session of the candidate lives: they have to ..."];
    assert_says(&inspect(&app, &key), &over);

    app.resp().call(&["HSET", &key, "total", "100"]);
    let worn = format!(
        "WORN OUT: 100 wrong codes in all, of 100 that end a link. What helps: vestibule interview reissue {}.",
        link.interview
    );
    assert_says(&inspect(&app, &key), &[&worn]);
    // Limits that are not the default ones are told to it.
    assert_says(&ask(&app, "inspect", &key, "'otp_attempt.total_max=101'"), &["LIVE: ..."]);

    app.revoke(&link).await;
    let dead = "DEAD: revoked or reissued over 0 s ago, at 13:25:00 UTC. What helps: ...";
    assert_says(&inspect(&app, &key), &[dead]);
    let expired = (app.clock.now_us() / 1_000 - 7_200_000).to_string();
    app.resp().call(&["HSET", &record, "expires", &expired]);
    let expired =
        format!("EXPIRED 2 h ago, at 11:25:00 UTC. What helps: vestibule interview reissue {}.", short.interview);
    assert_says(&inspect(&app, &record), &[&expired]);
}

#[tokio::test]
async fn a_mail_that_does_not_come_is_told_with_the_words_of_the_relay() {
    let sink = SmtpSink::start(Behaviour::Defer).await;
    let app = noon(Setup::new().relay(&sink.url())).await;
    let link = app.invite("ada@example.com").await;
    app.request(&link).await.assert_status(202);
    let key = otp(&app, &link);
    let says = async |words: &str| {
        until(words, async || {
            // To ask blocks this thread, on which the relay runs too.
            yield_now().await;
            inspect(&app, &key).into_iter().find(|line| line.starts_with(words))
        })
        .await
    };
    let waits = says("Code mail: WAITS after 1 try; the next try is in 1 s, at 12:00:").await;
    let why = "The last one failed 0 s ago, at 12:00:00 UTC: recipient: 451 4.7.1 greylisted, try again later";
    assert!(waits.contains(why), "{waits}");

    sink.behave(Behaviour::Refuse);
    app.pass(28_000);
    let refused = says("Code mail: the relay REFUSED it 0 s ago, at 12:00:28 UTC: recipient: ").await;
    assert!(refused.contains("550 5.1.1") && !refused.contains("ada@"), "{refused}");
}

#[tokio::test]
async fn the_way_from_a_token_to_its_key_needs_no_binary() {
    let app = Setup::new().nodes(0).start().await;
    let link = app.invite("ada@example.com").await;
    let mut header = include_str!("../../lua/ops/inspect.lua").lines();
    let line = header.find_map(|line| line.strip_prefix("--   read -rs TOKEN; ")).unwrap();
    let found = shell(&format!("TOKEN={}; {line}", link.token));
    assert_eq!(found.trim(), link.id().to_string());
    assert_eq!(otp(&app, &link), format!("vb:otp:{{0{}}}:{}", &found.trim()[31..], found.trim()));
}
