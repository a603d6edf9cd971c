//! What recruiters do, in the trail: which interview, and by whom.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Served;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::recruiters::{form, link_of};

/// A node that is a program, whose log is read; recruiters come by way of another one.
struct Desk {
    node: Served,
    app: TestApp,
}

impl Desk {
    async fn start() -> Self {
        let app = Setup::new().start().await;
        let node = Served::start(&app, &[("trusted_proxies", "127.0.0.0/8")]).await;
        Self { node, app }
    }

    /// A request of this id.
    async fn send(&self, id: &str, line: &str, who: &Member, body: &Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let bearer = format!("Bearer {}", who.access);
        let headers = [
            ("x-request-id", id),
            ("x-forwarded-for", "203.0.113.9"),
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
        ];
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.app.http.send(method, &format!("http://{}{path}", self.node.public), &headers, &body.to_string()).await
    }

    /// The trail up to the request of this id, which was the last: every member of each line but when and where it
    /// was written.
    async fn trail_to(&self, last: &str) -> Vec<Value> {
        // A request's line comes after its event.
        self.node.child.line(&format!("\"request_id\":\"{last}\",\"us\"")).await;
        let lines = self.node.child.lines();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        let mut trail: Vec<Value> = lines.filter(|line| line["target"] == "vestibule::audit").collect();
        for line in &mut trail {
            for member in ["target", "level", "timestamp"] {
                line.as_object_mut().unwrap().remove(member).unwrap_or_else(|| panic!("no {member}"));
            }
        }
        trail
    }
}

fn entry(event: &str, interview: &str, by: &Member, request: &str) -> Value {
    json!({"event": event, "who": interview, "by": by.id, "client": "203.0.113.9", "request_id": request})
}

#[tokio::test]
async fn what_is_done_to_an_interview_is_told_once_with_who_did_it() {
    let desk = Desk::start().await;
    let (rita, anna) = (desk.app.member_with("rita", "recruiter").await, desk.app.member_with("anna", "admin").await);
    let made = desk.send("makes-one", "POST /interviews", &rita, &form("Ada.Byron@example.com")).await;
    let first = link_of(&made.assert_status(201).json());
    let path = format!("/interviews/{}", first.interview);
    let (again, away) = (format!("POST {path}/reissue"), format!("DELETE {path}"));
    let second = link_of(&desk.send("sends-another", &again, &rita, &Value::Null).await.assert_status(200).json());
    let third = link_of(&desk.send("as-admin", &again, &anna, &Value::Null).await.assert_status(200).json());
    desk.send("reads-it", &format!("GET {path}"), &rita, &Value::Null).await.assert_status(200);
    desk.send("lists-them", "GET /interviews", &rita, &Value::Null).await.assert_status(200);
    desk.send("takes-away", &away, &anna, &Value::Null).await.assert_status(204);

    let id = &first.interview;
    assert_eq!(
        desk.trail_to("takes-away").await,
        [
            entry("interview_created", id, &rita, "makes-one"),
            entry("link_reissued", id, &rita, "sends-another"),
            entry("link_reissued", id, &anna, "as-admin"),
            entry("link_revoked", id, &anna, "takes-away"),
        ]
    );
    let said = desk.node.child.lines().join("\n").to_lowercase();
    for secret in ["lovelace", "byron", "analyst", "rita", "anna"] {
        assert!(!said.contains(secret), "{secret} is in\n{said}");
    }
    for link in [first, second, third] {
        assert!(!said.contains(&link.token.to_lowercase()), "{} is in\n{said}", link.token);
    }
}

#[tokio::test]
async fn what_is_refused_to_a_recruiter_leaves_nothing() {
    let desk = Desk::start().await;
    let (rita, rolf) =
        (desk.app.member_with("rita", "recruiter").await, desk.app.member_with("rolf", "recruiter").await);
    let eve = desk.app.member("eve").await;
    let (_, link) = desk.app.interview(&rita, "ada@example.com").await;
    let path = format!("/interviews/{}", link.interview);
    let (again, away) = (format!("POST {path}/reissue"), format!("DELETE {path}"));
    let nobody = Member { access: "nonsense".to_owned(), ..eve.clone() };
    for (line, who, body, status) in [
        ("POST /interviews", &rita, json!({}), 422),
        ("POST /interviews", &rita, json!(null), 400),
        ("POST /interviews", &eve, form("ada@example.com"), 403),
        ("POST /interviews", &nobody, form("ada@example.com"), 401),
        ("GET /interviews?limit=0", &rita, Value::Null, 422),
        (again.as_str(), &rolf, Value::Null, 404),
        (&again, &eve, Value::Null, 403),
        (&away, &rolf, Value::Null, 404),
        (&away, &nobody, Value::Null, 401),
        ("DELETE /interviews", &rita, Value::Null, 405),
    ] {
        let answer = desk.send("is-refused", line, who, &body).await;
        assert_eq!(answer.status, status, "{line} {body}: {}", answer.text());
    }
    desk.send("takes-away", &away, &rita, &Value::Null).await.assert_status(204);
    assert_eq!(desk.trail_to("takes-away").await, [entry("link_revoked", &link.interview, &rita, "takes-away")]);
}
