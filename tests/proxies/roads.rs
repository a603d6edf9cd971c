//! What else goes through: uploads, WebSockets, addresses of clients, connections that are kept; and what is logged.

use hyper::Method;

use super::edge::Edge;
use super::platform::Platform;
use super::{Stage, assert_out, get, seated, send};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Http;
use crate::support::raw::Raw;
use crate::support::until::until;

#[tokio::test]
async fn limits_count_the_client_and_not_the_proxy() {
    for nth in 0..2 {
        let stage = Stage::with(Setup::new().set("limits.candidate_ip.max", &2)).await;
        let (app, edge) = (&stage.app, &stage.edges[nth]);
        let path = format!("/candidate-access/{}/info", app.invite("ada@example.com").await.token);
        let (one, other) = (Http::from_address([127, 9, 0, 1]), Http::from_address([127, 9, 0, 2]));
        // What a client says of itself stands left of what the proxy says, and does not count.
        for (lie, status) in [("203.0.113.1", 200), ("203.0.113.2", 200), ("203.0.113.3", 429)] {
            let answer = send(&one, edge, Method::GET, &path, &[("x-forwarded-for", lie)], "").await;
            assert_eq!(answer.status, status, "{}: {}", edge.name, answer.text());
        }
        let answer = send(&other, edge, Method::GET, &path, &[], "").await;
        assert_eq!(answer.status, 200, "{}: {}", edge.name, answer.text());
    }
}

#[tokio::test]
async fn what_a_page_loads_comes_from_the_release_that_wrote_it() {
    let (app, platform) = (TestApp::start().await, Platform::start().await);
    let older = Some(platform.address);
    let node = &app.nodes[0];
    let node = node.addresses();
    let (nginx, haproxy) = tokio::join!(Edge::nginx(node, older, &platform), Edge::haproxy(node, older, &platform));
    let html = app.http.get(&format!("http://{}/login", node.public)).await.text();
    let style = html.split('"').find(|path| path.ends_with("/style.css")).unwrap();
    for edge in [&nginx, &haproxy] {
        let before = platform.connections();
        for _ in 0..8 {
            let answer = get(&app, edge, style, &[]).await.assert_status(200);
            assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"), "{}", edge.name);
        }
        assert!(platform.connections() > before, "{}: the other release was asked, too", edge.name);
        let nowhere = get(&app, edge, "/assets/0123456789abcdef/style.css", &[]).await;
        assert_eq!(nowhere.status, 404, "{}", edge.name);
    }
}

#[tokio::test]
async fn no_log_holds_a_link_or_a_token() {
    let stage = Stage::start().await;
    let app = &stage.app;
    let link = app.invite("ada@example.com").await;
    let token = seated(app, &link).await;
    let bearer = format!("Bearer {token}");
    let headers = [("x-session-token", token.as_str()), ("authorization", bearer.as_str())];
    for edge in &stage.edges {
        for path in [
            format!("/candidate-access/{}/info", link.token),
            format!("/interview/join/{}", link.token),
            format!("//candidate-access/{}/info", link.token),
            format!("/rooms/{}?token={}", link.token, link.token),
        ] {
            get(app, edge, &path, &headers).await;
            let referer = format!("https://interviews.example.com{path}");
            get(app, edge, "/public/", &[("referer", &referer)]).await;
        }
        // No request at all, and one that is too long.
        for line in [
            format!("GE T /candidate-access/{}/info", link.token),
            format!("GET /{}{}", link.token, "x".repeat(70_000)),
        ] {
            let mut raw = Raw::connect(edge.address).await;
            let _hung_up = raw.try_send(format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
            raw.try_answer(false).await;
        }
        get(app, edge, "/public/last", &[("user-agent", "the-last")]).await;
        let lines = until("the log", || async {
            let log = edge.log();
            (log.matches(" public ").count() == 5).then_some(log)
        })
        .await;
        for route in [" vestibule ", " rooms ", " none "] {
            assert!(lines.contains(route), "{}: no{route}in\n{lines}", edge.name);
        }
        for secret in [&link.token, &token, "candidate-access", "Bearer"] {
            assert!(!lines.contains(secret), "{}: {secret} is in\n{lines}", edge.name);
        }
    }
}

#[tokio::test]
async fn a_resume_of_five_mebibytes_passes_and_more_does_not() {
    let stage = Stage::start().await;
    let app = &stage.app;
    for edge in &stage.edges {
        let ada = app.member(&format!("ada_{}", edge.name)).await;
        let bearer = format!("Bearer {}", ada.access);
        let headers = [("authorization", bearer.as_str())];
        let resume = "My life. ".repeat((5 << 20) / 9);
        let put = send(&app.http.to_proxy(), edge, Method::PUT, "/profile/resume", &headers, &resume).await;
        assert_eq!(put.status, 201, "{}: {}", edge.name, put.text());
        let got = get(app, edge, "/profile/resume", &headers).await;
        assert_eq!((got.status, got.body.len()), (200, resume.len()), "{}", edge.name);
        let long = "x".repeat((5 << 20) + 1);
        let put = send(&app.http.to_proxy(), edge, Method::PUT, "/profile/resume", &headers, &long).await;
        put.assert_problem(413, "body-too-large");
    }
}

#[tokio::test]
async fn a_candidate_gets_a_websocket_and_a_stranger_does_not() {
    const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let stage = Stage::start().await;
    let app = &stage.app;
    let token = seated(app, &app.invite("ada@example.com").await).await;
    for edge in &stage.edges {
        let mut raw = Raw::connect(edge.address).await;
        let answer = raw.ask("GET /rooms/7/ws", &format!("{UPGRADE}x-session-token: {token}\r\n")).await;
        assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")), "{}: {answer}", edge.name);
        // As an answer of its own, for whoever reads answers alone.
        let echo = "HTTP/1.1 299 Echo\r\ncontent-length: 0\r\n\r\n";
        raw.send(echo).await;
        assert_eq!(raw.answer().await.status, 299, "{}", edge.name);

        let mut raw = Raw::connect(edge.address).await;
        let answer = raw.ask("GET /rooms/7/ws", UPGRADE).await;
        assert_eq!((answer.status, answer.header("x-platform")), (401, None), "{}: {answer}", edge.name);
    }
}

#[tokio::test]
async fn connections_are_kept_and_replaced_when_they_were_closed() {
    let stage = Stage::with(Setup::new().set("http.idle_timeout", &"1s")).await;
    let app = &stage.app;
    let ada = app.member("ada").await;
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str())];
    for edge in &stage.edges {
        let before = stage.platform.connections();
        let mut raw = Raw::connect(edge.address).await;
        for _ in 0..20 {
            let answer = raw.ask("GET /portal/", &format!("authorization: {bearer}\r\n")).await;
            assert_eq!(answer.status, 200, "{}: {answer}", edge.name);
        }
        let made = stage.platform.connections() - before;
        assert!(made <= 4, "{}: {made} connections for 20 requests", edge.name);

        stage.platform.hang_up();
        // A node closes what is idle, as this one does after a second: nobody's request is lost in that.
        let (node, name) = (app.nodes[0].admin, edge.name);
        until("idle connections to be closed", || async {
            let metrics = app.http.get(&format!("http://{node}/metrics")).await;
            let metrics = String::from_utf8(metrics.body).unwrap();
            metrics.lines().any(|line| line == "vestibule_http_connections 0").then_some(())
        })
        .await;
        let answer = raw.ask("GET /portal/", &format!("authorization: {bearer}\r\n")).await;
        assert_eq!(answer.status, 200, "{name}: {answer}");
        assert_eq!(get(app, edge, "/auth/me", &headers).await.status, 200, "{name}");
        assert_out(edge, &get(app, edge, "/auth/none", &headers).await, 404);
    }
}
