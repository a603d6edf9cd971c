//! What an operator can end, what not, and that it never goes unnoted.

use super::{ask, assert_says, inspect, lock, noon, otp, redis_cli, shell};
use crate::support::app::Setup;

#[tokio::test]
async fn codes_that_were_asked_for_too_often_may_be_asked_for_again() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    for _ in 0..5 {
        app.request(&link).await.assert_status(202);
        app.pass(60_000);
    }
    app.request(&link).await.assert_problem(429, "otp-request-limit");
    let key = otp(&app, &link);
    assert_says(&inspect(&app, &key), &["TOO MANY CODES: ..."]);
    // A job of the link is a key of it too.
    let job = key.replace(":otp:", ":job:").replace(&link.id().to_string(), &format!("code-{}", link.id()));
    let unlocked = "UNLOCKED: a fresh code may be asked for at once. 0 wrong codes in all stay.";
    assert_eq!(ask(&app, "unlock", &job, ""), [unlocked]);
    assert_says(&ask(&app, "unlock", &job, ""), &["NOT LOCKED: ..."]);
    app.request(&link).await.assert_status(202);
}

#[tokio::test]
async fn a_link_that_no_unlocking_opens_is_not_said_to_be_open() {
    let app = noon(Setup::new()).await;
    let (link, other) = (app.invite("ada@example.com").await, app.invite("bob@example.com").await);
    lock(&app, &link).await;
    lock(&app, &other).await;
    let key = otp(&app, &link);
    let says = |word: &str| {
        let help = format!("What helps: vestibule interview reissue {}.", link.interview);
        format!("{word}: nothing is changed, for no unlocking helps. {help}")
    };
    app.resp().call(&["HSET", &key, "total", "100"]);
    assert_eq!(ask(&app, "unlock", &key, ""), [says("WORN OUT")]);
    let expires = app.resp().call(&["HGET", &key.replace(":otp:", ":link:"), "expires"]);
    app.resp().call(&["HSET", &key.replace(":otp:", ":link:"), "expires", "1"]);
    assert_eq!(ask(&app, "unlock", &key, ""), [says("EXPIRED")]);
    app.resp().call(&["HSET", &key.replace(":otp:", ":link:"), "expires", expires.text()]);
    app.revoke(&link).await;
    assert_says(&ask(&app, "unlock", &key, ""), &["DEAD: nothing is changed, for no unlocking helps. ..."]);
    // As many attempts as are configured, and as many as wear it out.
    let told = ask(&app, "unlock", &otp(&app, &other), "'' 'otp_attempt.max=4 otp_attempt.total_max=3'");
    assert_says(&told, &["WORN OUT: ..."]);
    let told = ask(&app, "unlock", &otp(&app, &other), "'' 'otp_attempt.max=4'");
    assert_says(&told, &["UNLOCKED: the cooldown is over, and 4 attempts are back; ..."]);
}

#[tokio::test]
async fn nothing_is_unlocked_that_the_trail_cannot_note() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    lock(&app, &link).await;
    let (key, keys) = (otp(&app, &link), app.keys());
    let trail = keys.audit(keys.partition(&link.id())).name().to_owned();
    app.resp().call(&["DEL", &trail]);
    app.resp().call(&["SET", &trail, "", "EX", "60"]);
    let unlock = format!("{} --eval lua/ops/unlock.lua '{key}' 2>&1 || true", redis_cli(&app));
    assert!(shell(&unlock).contains("WRONGTYPE"));
    assert_says(&inspect(&app, &key), &["LOCKED after 3 wrong codes ..."]);

    // Whose reply is lost asks again: it is told the same, and it is noted once, with who did it.
    app.resp().call(&["DEL", &trail]);
    let arguments = "'jo$hn doe@edge-1' '' 0123456789abcdef0123456789abcdef";
    let first = ask(&app, "unlock", &key, arguments);
    assert_says(&first, &["UNLOCKED: ..."]);
    assert_eq!(ask(&app, "unlock", &key, arguments), first);
    assert_eq!(app.resp().call(&["XLEN", &trail]).integer(), 1);
    let told = format!("0 s ago: unlocked, {0}, by jo?hn?doe@edge-1", link.id());
    assert_eq!(ask(&app, "trail", &trail, &link.id().to_string()), [told]);
    assert_says(&ask(&app, "trail", &trail, &"0".repeat(32)), &["NOTHING of it ..."]);
}

#[tokio::test]
async fn a_key_in_a_partition_that_is_not_its_own_is_told_from_one_that_is_not_there() {
    let app = Setup::new().nodes(0).start().await;
    let id = "0123456789abcdef0123456789abcdef";
    for kind in ["otp", "account"] {
        let told = inspect(&app, &format!("vb:{kind}:{{03}}:{id}"));
        assert_says(&told, &["WRONG PARTITION, where redis.partitions is 16: it is {0f} then, not {03}."]);
        assert_says(&inspect(&app, &format!("vb:{kind}:{{0f}}:{id}")), &["UNKNOWN HERE: ..."]);
    }
}
