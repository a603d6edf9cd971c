//! Who gets to the platform: a good token, as whom Vestibule says, until the next request after it was revoked.

use hyper::Method;
use serde_json::{Value, json};
use vestibule::node::Addresses;

use super::edge::Edge;
use super::platform::Platform;
use super::{Stage, assert_in, assert_out, get, seated, send, told};
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::jwt::parts;
use crate::support::wire::Wired;

/// What a client may try to say that it is.
const LIES: [(&str, &str); 7] = [
    ("X-Auth-Subject", "admin"),
    ("x-auth-subject", "root"),
    ("x-auth-session", "1"),
    ("X-AUTH-ROLE", "admin"),
    ("X_Auth_Subject", "admin"),
    ("x-auth_role", "admin"),
    ("x_auth-session", "1"),
];

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_good_token_gets_in_as_whom_it_is_and_a_revoked_one_does_not() {
    let stage = Stage::start().await;
    let app = &stage.app;
    for edge in &stage.edges {
        let member = app.member(&format!("ada_{}", edge.name)).await;
        let session = text(&parts(&member.access).1, "sid");
        let bearer = format!("Bearer {}", member.access);
        let headers = [LIES.as_slice(), &[("authorization", bearer.as_str())]].concat();
        for method in [Method::GET, Method::POST, Method::PUT, Method::OPTIONS] {
            let answer = send(&app.http.to_proxy(), edge, method.clone(), "/portal/7?a=b", &headers, "body").await;
            assert_in(&answer, &member.id, &session, "member");
            let seen = answer.json();
            assert_eq!((&seen["path"], &seen["body"]), (&"/portal/7?a=b".into(), &4.into()), "{}", answer.text());
            assert_eq!(seen["method"], method.as_str());
        }
        assert_out(edge, &get(app, edge, "/hiring/", &headers).await, 403);
        assert_out(edge, &get(app, edge, "/rooms/7", &headers).await, 401);
        app.call(Method::POST, "/auth/logout", &member.access, &Value::Null).await.assert_status(204);
        assert_out(edge, &get(app, edge, "/portal/7", &headers).await, 401);

        let link = app.invite(&format!("{}@example.com", edge.name)).await;
        let token = seated(app, &link).await;
        let session = app.begin(&link, &token).await.assert_status(201).text_of("sessionId");
        let headers = [LIES.as_slice(), &[("x-session-token", token.as_str())]].concat();
        let answer = get(app, edge, "/rooms/7", &headers).await;
        assert_in(&answer, &link.interview, &session, "candidate");
        let bearer = format!("Bearer {token}");
        let answer = get(app, edge, "/rooms/7", &[("authorization", &bearer)]).await;
        assert_in(&answer, &link.interview, &session, "candidate");
        assert_out(edge, &get(app, edge, "/portal/", &headers).await, 401);
        let twice = [headers.clone(), vec![("x-session-token", token.as_str())]].concat();
        assert_out(edge, &get(app, edge, "/rooms/7", &twice).await, 401);
        app.revoke(&link).await;
        assert_out(edge, &get(app, edge, "/rooms/7", &headers).await, 401);
    }
}

#[tokio::test]
async fn nobody_gets_in_as_whom_they_say_that_they_are() {
    let stage = Stage::start().await;
    let app = &stage.app;
    for edge in &stage.edges {
        for path in ["/portal/", "/hiring/x", "/rooms/7"] {
            assert_out(edge, &get(app, edge, path, &LIES).await, 401);
        }
        // Not guarded, and no place for lies either.
        let open = get(app, edge, "/public/", &LIES).await;
        assert_eq!((open.status, told(&open)), (200, Some(Vec::new())), "{}: {}", edge.name, open.text());
        let ours = get(app, edge, "/authz/user", &LIES).await;
        assert_out(edge, &ours, 404);
    }
}

#[tokio::test]
async fn a_trace_goes_on_through_the_proxies() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let app = Setup::new().set("trusted_proxies", &"127.0.0.1/32").nodes(0).start().await;
    let node = Served::start(&app, &[]).await;
    let platform = Platform::start().await;
    let at = Addresses { public: node.public, admin: node.admin };
    let edges = [Edge::nginx(at, None, &platform).await, Edge::haproxy(at, None, &platform).await];
    let (sent, state) = (format!("00-{TRACE}-b7ad6b7169203331-01"), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    let headers = [("traceparent", sent.as_str()), ("tracestate", state)];
    for edge in edges {
        let seen = get(&app, &edge, "/public/", &headers).await.assert_status(200).json();
        for (name, value) in headers {
            assert!(seen["headers"].as_array().unwrap().contains(&json!([name, value])), "{}: {seen}", edge.name);
        }
        // The question whether to let it in belongs to the trace, too.
        let id = format!("asked-through-{}", edge.name);
        let asked = [headers.as_slice(), &[("x-request-id", id.as_str())]].concat();
        assert_out(&edge, &get(&app, &edge, "/portal/", &asked).await, 401);
        let line: Value = serde_json::from_str(&node.child.line(&id).await).unwrap();
        assert_eq!((&line["trace_id"], &line["parent_id"]), (&json!(TRACE), &json!("b7ad6b7169203331")), "{line}");
        assert!(!line.to_string().contains("rojo"), "{line}");
    }
}

#[tokio::test]
async fn a_trace_that_began_with_the_question_goes_on_at_the_platform() {
    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let stage = Stage::start().await;
    let app = &stage.app;
    let ada = app.member("ada").await;
    let bearer = format!("Bearer {}", ada.access);
    let asks = [("authorization", bearer.as_str()), ("x-request-id", "4be1f0c2a7d8e93650b1c2d3e4f5a697")];
    for edge in &stage.edges {
        let seen = async |path: &str, headers: &[(&str, &str)]| {
            let seen = get(app, edge, path, headers).await.assert_status(200).json();
            let pairs = seen["headers"].as_array().unwrap().iter();
            let traces = pairs.filter(|pair| pair[0] == "traceparent").map(|pair| pair[1].as_str().unwrap().to_owned());
            traces.collect::<Vec<_>>()
        };
        let begun = seen("/portal/", &asks).await;
        assert_eq!(begun.len(), 1, "{}: {begun:?}", edge.name);
        // Named as the request, which the log of Vestibule has.
        assert!(begun[0].starts_with("00-4be1f0c2a7d8e93650b1c2d3e4f5a697-"), "{}: {begun:?}", edge.name);
        assert_eq!(begun[0].len(), SENT.len(), "{}: {begun:?}", edge.name);
        let sent = [asks.as_slice(), &[("traceparent", SENT)]].concat();
        assert_eq!(seen("/portal/", &sent).await, [SENT], "{}", edge.name);
        assert_eq!(seen("/public/", &sent).await, [SENT], "{}", edge.name);
        assert!(seen("/public/", &asks).await.is_empty(), "{}", edge.name);
    }
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on() {
    let stage = Stage::start().await;
    let app = &stage.app;
    let ada = app.member("ada").await;
    let (bearer, session) = (format!("Bearer {}", ada.access), text(&parts(&ada.access).1, "sid"));
    let headers = [("authorization", bearer.as_str())];
    for (role, may) in [("member", false), ("recruiter", true), ("admin", true), ("member", false)] {
        stage.promote(role).await;
        for edge in &stage.edges {
            let answer = get(app, edge, "/hiring/7", &headers).await;
            if may {
                assert_in(&answer, &ada.id, &session, role);
            } else {
                assert_out(edge, &answer, 403);
            }
            // What the client asks for is the platform's to read, not the judge's.
            let asked = get(app, edge, "/hiring/7?role=member", &headers).await;
            assert_eq!(asked.status == 200, may, "{}: {}", edge.name, asked.text());
            assert_in(&get(app, edge, "/portal/7?role=nobody", &headers).await, &ada.id, &session, role);
        }
    }
}

#[tokio::test]
async fn the_judge_is_not_to_be_asked_from_outside_nor_gone_around() {
    let stage = Stage::start().await;
    let app = &stage.app;
    let ada = app.member("ada").await;
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str())];
    for edge in &stage.edges {
        for path in ["/authz/user", "/authz/candidate", "/authz/recruiter", "/authz/user/x", "/authz/", "/authz"] {
            for method in [Method::GET, Method::POST] {
                let answer = send(&app.http.to_proxy(), edge, method, path, &headers, "").await;
                assert_out(edge, &answer, 404);
                assert!(answer.header("x-auth-subject").is_none(), "{}: {path}", edge.name);
            }
        }
        for path in [
            "/public/../hiring/x",
            "/public/%2e%2e/hiring/x",
            "/public/..%2fhiring/x",
            "/public//../hiring/x",
            "/public/..;/hiring/x",
            "/public/./x",
            "/public/..",
            "//hiring/x",
            "/public/..\\hiring/x",
            "/public/..%5chiring/x",
        ] {
            let answer = raw(edge, path).await;
            assert_eq!((answer.status, answer.header("x-platform")), (400, None), "{} {path}", edge.name);
        }
        // Neither another spelling of a guarded path, nor one that nobody has, is the platform's.
        for path in ["/Hiring/x", "/%68iring2/x", "/hiringx/", "/"] {
            assert_out(edge, &get(app, edge, path, &[]).await, 404);
        }
        let slashless = raw(edge, "/hiring").await;
        let there = slashless.header("location").is_some_and(|to| to == "/hiring/");
        assert!(slashless.status == 404 || (slashless.status == 301 && there), "{}: {slashless}", edge.name);
        let guarded = raw(edge, "/%68iring/x").await;
        assert!([401, 404].contains(&guarded.status), "{}: {guarded}", edge.name);
    }
}

/// A path as it stands here: a client of manners would mend it.
async fn raw(edge: &super::Edge, path: &str) -> crate::support::raw::RawAnswer {
    let mut raw = crate::support::raw::Raw::connect(edge.address).await;
    raw.ask(&format!("GET {path}"), "connection: close\r\n").await
}

#[tokio::test]
async fn without_vestibule_nobody_gets_in() {
    let mut stage = Stage::start().await;
    let ada = stage.app.member("ada").await;
    let link = stage.app.invite("candidate@example.com").await;
    let token = seated(&stage.app, &link).await;
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str()), ("x-session-token", &token)];
    for edge in &stage.edges {
        for path in ["/portal/", "/rooms/7"] {
            assert_eq!(get(&stage.app, edge, path, &headers).await.status, 200, "{} {path}", edge.name);
        }
    }
    stage.app.nodes.clear();
    for edge in &stage.edges {
        for path in ["/portal/", "/rooms/7", "/hiring/"] {
            assert_out(edge, &get(&stage.app, edge, path, &headers).await, 503);
        }
        assert_out(edge, &get(&stage.app, edge, "/auth/me", &headers).await, 503);
        let info = get(&stage.app, edge, &format!("/candidate-access/{}/info", link.token), &[]).await;
        assert_out(edge, &info, 503);
        assert!(!edge.log().contains(&link.token), "{}", edge.log());
        let open = get(&stage.app, edge, "/public/", &[]).await;
        assert_eq!(open.status, 200, "{}: {}", edge.name, open.text());
    }
}

#[tokio::test]
async fn without_redis_nobody_gets_in() {
    let setup = Setup::new().set("trusted_proxies", &"127.0.0.1/32");
    let Some(Wired { app, wire }) = Wired::start(setup).await else { return };
    let stage = Stage::of(app).await;
    let app = &stage.app;
    let ada = app.member("ada").await;
    let token = seated(app, &app.invite("candidate@example.com").await).await;
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str()), ("x-session-token", &token)];
    wire.refuse();
    for edge in &stage.edges {
        for path in ["/portal/", "/rooms/7", "/hiring/"] {
            assert_out(edge, &get(app, edge, path, &headers).await, 503);
        }
    }
    wire.heal();
}

/// What is to be seen: run it with `--nocapture`.
#[tokio::test]
async fn a_transcript() {
    let stage = Stage::start().await;
    let app = &stage.app;
    for edge in &stage.edges {
        let member = app.member(&format!("bob_{}", edge.name)).await;
        let link = app.invite(&format!("{}@example.com", edge.name)).await;
        let token = seated(app, &link).await;
        let bearer = format!("Bearer {}", member.access);
        let ada = [("x-session-token", token.as_str()), ("x-auth-subject", "a-lie")];
        let bob = [("authorization", bearer.as_str()), ("x-auth-role", "admin")];
        let mut lines = vec![format!(
            "# {}, config/{}",
            edge.name,
            if edge.name == "nginx" { "nginx.conf" } else { "haproxy.cfg" }
        )];
        let mut show = |what: &str, answer: &super::Answer| {
            lines.push(format!("$ {what}"));
            let head = ["www-authenticate", "retry-after"].map(|name| Some((name, answer.header(name)?)));
            let head = head.into_iter().flatten().map(|(name, value)| format!("  {name}: {value}"));
            lines.push(format!("  {}", answer.status));
            lines.extend(head);
            let seen = told(answer).into_iter().flatten();
            lines.extend(seen.map(|(name, value)| format!("  the platform sees {name}: {value}")));
        };
        let first = get(app, edge, "/rooms/7", &ada).await;
        show("curl -H 'x-session-token: <ada>' -H 'x-auth-subject: a-lie' /rooms/7", &first);
        app.revoke(&link).await;
        let second = get(app, edge, "/rooms/7", &ada).await;
        show("vestibule interview revoke <interview>; the same again", &second);
        let third = get(app, edge, "/portal/", &bob).await;
        show("curl -H 'Authorization: Bearer <bob>' -H 'x-auth-role: admin' /portal/", &third);
        let fourth = get(app, edge, "/hiring/", &bob).await;
        show("curl -H 'Authorization: Bearer <bob>' -H 'x-auth-role: admin' /hiring/", &fourth);
        app.call(Method::POST, "/auth/logout", &member.access, &Value::Null).await.assert_status(204);
        let fifth = get(app, edge, "/portal/", &bob).await;
        show("curl -X POST /auth/logout; /portal/ again", &fifth);
        println!("{}", lines.join("\n"));
        assert_eq!([first, second, third, fourth, fifth].map(|answer| answer.status), [200, 401, 200, 403, 401]);
    }
}
