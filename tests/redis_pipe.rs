//! The pipe that decisions go through: it is used, and whatever becomes of it, nobody notices.

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::readers::Readers;
use crate::support::resp::Resp;
use crate::support::until::until;
use crate::support::wire::Wired;

/// The connections of Redis' clients whose line in CLIENT LIST has this.
fn clients(resp: &mut Resp, word: &str) -> Vec<String> {
    let list = resp.call(&["CLIENT", "LIST"]);
    list.text().lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

const PIPE: &str = " name=vestibule-pipe ";

#[tokio::test]
async fn decisions_go_through_the_pipes_alone() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    for _ in 0..3 {
        app.info(&link).await.assert_status(200);
    }
    let mut resp = app.resp();
    let asked = clients(&mut resp, " cmd=evalsha ");
    assert!(!asked.is_empty() && asked.iter().all(|client| client.contains(PIPE)), "{asked:?}");
    // Of the one worker, and of the back.
    assert_eq!(clients(&mut resp, PIPE).len(), 2);
}

#[tokio::test]
async fn a_pipe_that_is_lost_costs_nobody_a_request() {
    const CROWD: usize = 16;
    const LOSSES: usize = 20;
    let app = Setup::new().set("limits.candidate_ip.max", &1_000_000).start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    let readers = Readers::start(&app, &link, CROWD);
    let mut resp = app.resp();
    for _ in 0..LOSSES {
        readers.go_on().await;
        let pipes =
            until("the pipes", async || Some(clients(&mut app.resp(), PIPE)).filter(|pipes| !pipes.is_empty())).await;
        for pipe in pipes {
            let id = pipe.split(' ').next().unwrap().strip_prefix("id=").unwrap();
            resp.call(&["CLIENT", "KILL", "ID", id]);
        }
    }
    readers.end().await;
}

#[tokio::test]
async fn scripts_that_redis_forgets_are_brought_along_once() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    app.resp().call(&["SCRIPT", "FLUSH"]);
    for _ in 0..3 {
        app.info(&link).await.assert_status(200);
    }
    let mut resp = app.resp();
    let pipes = clients(&mut resp, PIPE);
    assert_eq!(pipes.len(), 2, "the pipes stay: {pipes:?}");
    let scrape = app.scrape().await;
    assert_eq!(scrape.value("vestibule_redis_retries_total"), 0.0);
}

/// An answer that comes too late is for who has gone, not for who came next and waits for its own.
#[tokio::test]
async fn a_late_answer_is_not_given_to_the_next_caller() {
    let setup = Setup::new().set("redis.command_timeout", &"500ms").set("mail.sweep_interval", &"60s");
    let Some(wired) = Wired::start(setup).await else { return };
    let (app, wire) = (&wired.app, &wired.wire);
    let (early, next) = (app.invite("early@a.example").await, app.invite("next@b.example").await);
    let told = app.info(&next).await.assert_status(200).text_of("maskedEmail");
    assert_ne!(app.info(&early).await.assert_status(200).text_of("maskedEmail"), told);

    until("an answer after late ones, on the same connection", async || {
        let before = app.scrape().await.value("vestibule_redis_reconnects_total");
        wire.silence();
        app.info(&early).await.assert_problem(503, "unavailable");
        let (http, url) = (app.http.clone(), app.url(&next, "info"));
        let asked = tokio::spawn(async move { http.get(&url).await });
        until("it to be asked", async || {
            let in_flight = app.scrape().await.value("vestibule_redis_in_flight");
            (in_flight > 0.0 || asked.is_finished()).then_some(())
        })
        .await;
        wire.heal();
        let answer = asked.await.unwrap();
        let is_same = app.scrape().await.value("vestibule_redis_reconnects_total") == before;
        // On a slow machine it may have been given up as well.
        (is_same && answer.status == 200).then(|| assert_eq!(answer.text_of("maskedEmail"), told))
    })
    .await;
}
