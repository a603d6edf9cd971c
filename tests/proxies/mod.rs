//! Real nginx and real HAProxy in front of Vestibule and of a platform, by the configurations that are shipped.

mod edge;
mod guards;
pub(crate) mod platform;
mod roads;

use hyper::Method;
use serde_json::Value;

use self::edge::Edge;
use self::platform::Platform;
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::{Answer, Http};

/// Nodes, a platform, and both proxies in front of them.
struct Stage {
    edges: Vec<Edge>,
    platform: Platform,
    app: TestApp,
}

impl Stage {
    async fn start() -> Self {
        Self::with(Setup::new()).await
    }

    async fn with(setup: Setup) -> Self {
        // The proxies come from here; clients, where it matters, from elsewhere.
        Self::of(setup.set("trusted_proxies", &"127.0.0.1/32").start().await).await
    }

    async fn of(app: TestApp) -> Self {
        let platform = Platform::start().await;
        let (nginx, haproxy) = tokio::join!(
            Edge::nginx(app.nodes[0].addresses(), None, &platform),
            Edge::haproxy(app.nodes[0].addresses(), None, &platform)
        );
        Self { edges: vec![nginx, haproxy], platform, app }
    }

    /// Gives ada a role.
    async fn promote(&self, role: &str) {
        let output = self.app.run(&["user", "role", "ada", role]).await;
        assert!(output.status.success(), "{output:?}");
    }
}

/// A request to this address, on a connection of its own where the client is a new one.
async fn send(http: &Http, edge: &Edge, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    http.send(method, &format!("http://{}{path}", edge.address), headers, body).await
}

async fn get(app: &TestApp, edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(&app.http.to_proxy(), edge, Method::GET, path, headers, "").await
}

/// What the platform was told of who asks; `None` where the request did not reach it.
fn told(answer: &Answer) -> Option<Vec<(String, String)>> {
    answer.header("x-platform")?;
    let seen = answer.json();
    let headers = seen["headers"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut about: Vec<_> = headers
        .map(|pair| (text(&pair[0]).replace('_', "-"), text(&pair[1])))
        .filter(|(name, _)| name.starts_with("x-auth-"))
        .collect();
    about.sort();
    Some(about)
}

/// Through to the platform, which was told this and no more.
#[track_caller]
fn assert_in(answer: &Answer, subject: &str, session: &str, role: &str) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let expected = [("x-auth-role", role), ("x-auth-session", session), ("x-auth-subject", subject)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(told(answer).as_deref(), Some(&expected[..]), "{}", answer.text());
}

/// Refused before the platform, with the challenge where it is 401.
#[track_caller]
fn assert_out(edge: &Edge, answer: &Answer, status: u16) {
    let text = format!("{}: {} {:?}", edge.name, answer.text(), answer.headers);
    assert_eq!(answer.status, status, "{text}");
    assert!(answer.header("x-platform").is_none(), "{text}");
    let challenge =
        answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer realm=\"vestibule\""));
    assert_eq!(challenge, status == 401, "{text}");
    assert_eq!(answer.header("retry-after").is_some(), status == 503, "{text}");
    if status != 404 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{text}");
        assert_eq!(answer.json()["status"], status, "{text}");
    }
}

/// A session token of a candidate.
async fn seated(app: &TestApp, link: &Link) -> String {
    let code = app.code(link).await;
    app.verify(link, &code).await.assert_status(200).text_of("sessionToken")
}
