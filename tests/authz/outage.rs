//! While Postgres or Redis is away: the one is not needed, without the other nobody is let in.

use vestibule::users::UserId;

use super::{CANDIDATE, USER, ask, ask_candidate, ask_user, assert_out, assert_user_in, seated};
use crate::outage::{in_time, private_postgres, settle};
use crate::support::app::Setup;
use crate::support::until::until;
use crate::support::wire::Wired;

#[tokio::test]
async fn without_postgres_a_proxy_is_answered_as_ever() {
    let (mut postgres, url) = private_postgres().await;
    let app = Setup::new().set("postgres.url", &url).start().await;
    let (ada, link) = (app.member("ada").await, app.invite("candidate@example.com").await);
    let token = seated(&app, &link).await;
    settle(&url).await;
    postgres.kill().unwrap();
    assert_user_in(&in_time(ask_user(&app, &app.nodes[0], &ada.access)).await, &ada, "member");
    assert_eq!(in_time(ask_candidate(&app, &app.nodes[0], &token)).await.status, 204);
    app.me(&ada.access).await.assert_problem(503, "unavailable");
    postgres.restart().unwrap();
}

#[tokio::test]
async fn without_redis_nobody_is_let_in_and_everybody_is_told_to_come_again() {
    let Some(Wired { app, wire }) = Wired::start(Setup::new()).await else { return };
    let (ada, link) = (app.member("ada").await, app.invite("candidate@example.com").await);
    let token = seated(&app, &link).await;
    let node = &app.nodes[0];
    for away in ["refuses", "is silent"] {
        println!("redis {away}");
        match away {
            "refuses" => wire.refuse(),
            _ => wire.silence(),
        }
        let (user, candidate) =
            tokio::join!(in_time(ask_user(&app, node, &ada.access)), in_time(ask_candidate(&app, node, &token)));
        for answer in [user, candidate] {
            assert_out(answer, 503, "unavailable");
        }
        // What needs no Redis is judged as ever.
        for path in [USER, CANDIDATE] {
            assert_out(ask(&app, node, path, &[("authorization", "Bearer nonsense")]).await, 401, "unauthenticated");
        }
        wire.heal();
        until("redis", || async { (ask_user(&app, node, &ada.access).await.status == 204).then_some(()) }).await;
        assert_eq!(ask_candidate(&app, node, &token).await.status, 204);
    }
}

#[tokio::test]
async fn what_nobody_foresaw_is_not_now() {
    let app = Setup::new().start().await;
    let (ada, link) = (app.member("ada").await, app.invite("candidate@example.com").await);
    let token = seated(&app, &link).await;
    let (user, keys) = (UserId::parse(&ada.id).unwrap().id(), app.keys());
    let mut resp = app.resp();
    // A role that this version does not know; no header that there could be; no hash at all.
    resp.call(&["HSET", keys.account(&user).name(), "role", "owner"]);
    assert_out(ask_user(&app, &app.nodes[0], &ada.access).await, 503, "unavailable");
    resp.call(&["HSET", keys.seat(&link.id()).name(), "session", "a\nb"]);
    assert_out(ask_candidate(&app, &app.nodes[0], &token).await, 503, "unavailable");
    resp.call(&["DEL", keys.seat(&link.id()).name()]);
    resp.call(&["SET", keys.seat(&link.id()).name(), "x", "EX", "60"]);
    assert_out(ask_candidate(&app, &app.nodes[0], &token).await, 503, "unavailable");
}
