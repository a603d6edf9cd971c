//! The walk of a member: everything an account is for, and everything that is typed into the wrong field.

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Walk;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::smtp::{Behaviour, Received};
use crate::support::until::until;

const USERNAME: &str = "Grace_H0pper";
const EMAIL: &str = "Grace.Hopper@navy.example";
const FULL_NAME: &str = "Amazing Grace";
const PHONE: &str = "+41446681800";

const FIRST: &str = "my first horse";
const SECOND: &str = "my other horse";
const THIRD: &str = "my third horse";
const WRONG: &str = "no horse of mine";
/// Typed where an address belongs, it looks like one.
const LIKE_AN_ADDRESS: &str = "sesame@horse.stable";

const JSON: (&str, &str) = ("content-type", "application/json");

impl Walk {
    pub(super) async fn has_an_account(&mut self) {
        for password in [FIRST, SECOND, THIRD, WRONG, LIKE_AN_ADDRESS] {
            self.secrets.member_password(password);
        }
        for person in [USERNAME, EMAIL, FULL_NAME, PHONE] {
            self.secrets.person(person);
        }
        let member = self.comes_and_goes().await;
        self.look().await;
        self.forgets_the_password(&member).await;
        self.look().await;
        self.is_refused_a_reset_by_the_relay(&member).await;
        self.look().await;
        self.types_into_the_wrong_field().await;
    }

    /// A request as it comes, whose answer gives nothing away but to [`Walk::opened`].
    async fn ask(&self, node: usize, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let url = format!("http://{}{path}", self.nodes[node].public);
        self.http.send(Method::from_bytes(method.as_bytes()).unwrap(), &url, headers, body).await
    }

    /// JSON that opens no session.
    pub(super) async fn tell(&mut self, node: usize, line: &str, access: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {access}");
        let answer = self.ask(node, line, &[JSON, ("authorization", &bearer)], &body.to_string()).await;
        self.refused(&answer);
        answer
    }

    /// JSON that opens a session, or a refusal.
    pub(super) async fn open(&mut self, node: usize, path: &str, body: &Value) -> Answer {
        let answer = self.ask(node, &format!("POST {path}"), &[JSON], &body.to_string()).await;
        if answer.status >= 400 {
            self.refused(&answer);
            return answer;
        }
        self.secrets.jwt(&answer.text_of("accessToken"));
        self.secrets.refresh_token(&answer.text_of("refreshToken"));
        self.evidence.add("an answer", format!("{:?} {}", answer.headers, answer.json()["user"]));
        answer
    }

    async fn log_in(&mut self, node: usize, login: &str, password: &str) -> Answer {
        self.open(node, "/auth/login", &json!({"login": login, "password": password})).await
    }

    async fn refresh(&mut self, node: usize, token: &str) -> Answer {
        self.open(node, "/auth/refresh", &json!({"refreshToken": token})).await
    }

    /// In, wrong, refreshed, robbed, in again, with a new password, and out.
    async fn comes_and_goes(&mut self) -> Member {
        let sign_up = json!({"username": USERNAME, "email": EMAIL, "password": FIRST, "fullName": FULL_NAME});
        let session = self.open(0, "/auth/signup", &sign_up).await.assert_status(201).json();
        let stolen = Member::of(&session, FIRST);
        self.open(1, "/auth/signup", &sign_up).await.assert_problem(409, "already-taken");
        let next = self.refresh(1, &stolen.refresh).await.assert_status(200).text_of("refreshToken");
        self.look().await;
        self.refresh(0, &next).await.assert_status(200);
        self.refresh(1, &stolen.refresh).await.assert_problem(401, "refresh-invalid");
        self.tell(0, "GET /auth/me", &stolen.access, &Value::Null).await.assert_problem(401, "unauthenticated");

        self.log_in(1, &stolen.username, WRONG).await.assert_problem(401, "invalid-credentials");
        self.log_in(0, EMAIL, WRONG).await.assert_problem(401, "invalid-credentials");
        self.look().await;
        let member = Member::of(&self.log_in(1, EMAIL, &stolen.password).await.assert_status(200).json(), FIRST);
        self.log_in(0, USERNAME, FIRST).await.assert_status(200);
        let profile = json!({"phone": PHONE, "skills": ["COBOL"]});
        self.tell(0, "PATCH /profile", &member.access, &profile).await.assert_status(200);
        self.tell(0, "PUT /profile/resume", &member.access, &json!("My life")).await.assert_status(201);
        for path in ["/auth/me", "/auth/sessions", "/profile", "/profile/resume"] {
            self.tell(1, &format!("GET {path}"), &member.access, &Value::Null).await.assert_status(200);
        }
        for (current, new, status) in [(WRONG, SECOND, 401), (FIRST, "short", 422), (FIRST, SECOND, 204)] {
            let change = json!({"currentPassword": current, "newPassword": new});
            self.tell(0, "POST /auth/change-password", &member.access, &change).await.assert_status(status);
        }
        for (path, node) in [("logout", 0), ("logout-all", 1)] {
            let session = self.log_in(node, USERNAME, SECOND).await.assert_status(200);
            let line = format!("POST /auth/{path}");
            self.tell(node, &line, &session.text_of("accessToken"), &Value::Null).await.assert_status(204);
        }
        member
    }

    /// The token in the newest letter that came since there were `before`.
    async fn reset_token(&mut self, before: usize) -> String {
        let token_of = |text: &str| Some(text.split_once("#token=")?.1.split_whitespace().next()?.to_owned());
        let is_there = |mails: &[Received]| mails[before..].iter().find_map(|mail| token_of(&mail.text));
        let seen = self.sink.until("a reset", |seen| is_there(&seen.mails).is_some()).await;
        let token = is_there(&seen.mails).unwrap();
        self.secrets.reset_token(&token);
        token
    }

    /// Asks twice, types a bad password, sets a good one, and tries the link once more.
    async fn forgets_the_password(&mut self, member: &Member) {
        let before = self.sink.seen().mails.len();
        self.tell(0, "POST /auth/forgot-password", "", &json!({"email": EMAIL})).await.assert_status(202);
        let old = self.reset_token(before).await;
        self.look().await;
        let before = self.sink.seen().mails.len();
        self.tell(1, "POST /auth/forgot-password", "", &json!({"email": member.email})).await.assert_status(202);
        let token = self.reset_token(before).await;
        for (token, new, status) in
            [(&old, THIRD, 401), (&token, "short", 422), (&token, THIRD, 204), (&token, FIRST, 401)]
        {
            let reset = json!({"token": token, "newPassword": new});
            self.tell(1, "POST /auth/reset-password", "", &reset).await.assert_status(status);
        }
        self.log_in(0, USERNAME, SECOND).await.assert_problem(401, "invalid-credentials");
        self.log_in(0, USERNAME, THIRD).await.assert_status(200);
    }

    /// A relay that repeats the whole letter, with the link in it, when it refuses.
    async fn is_refused_a_reset_by_the_relay(&mut self, member: &Member) {
        // Three in 15 minutes.
        self.app.pass(900_000);
        let before = self.sink.seen().mails.len();
        // The token is known from the first try, of which the sender was not told.
        self.sink.behave(Behaviour::CutAfterData);
        self.tell(0, "POST /auth/forgot-password", "", &json!({"email": EMAIL})).await.assert_status(202);
        self.reset_token(before).await;
        self.sink.behave(Behaviour::RefuseContent);
        let (app, line) = (&self.app, format!("reset-{}", member.id.replace('-', "")));
        until("a refused reset", || async {
            let mut resp = app.resp();
            let lists = resp.keys().into_iter().filter(|key| key.starts_with("vb:refused:"));
            let lines: Vec<_> =
                lists.map(|key| format!("{:?}", app.resp().call(&["LRANGE", &key, "0", "-1"]))).collect();
            lines.iter().any(|lines| lines.contains(&line)).then_some(())
        })
        .await;
        self.sink.behave(Behaviour::Accept);
    }

    async fn types_into_the_wrong_field(&mut self) {
        let session = self.log_in(1, USERNAME, THIRD).await.assert_status(200);
        let (access, refresh) = (session.text_of("accessToken"), session.text_of("refreshToken"));
        self.app.pass(900_000);
        let before = self.sink.seen().mails.len();
        self.tell(0, "POST /auth/forgot-password", "", &json!({"email": EMAIL})).await.assert_status(202);
        let reset = self.reset_token(before).await;

        for typed in [THIRD, LIKE_AN_ADDRESS, &access, &refresh, &reset] {
            self.types(typed).await;
        }
        self.sends_bodies_that_cannot_be_read(&refresh, &reset).await;
        let bearer = format!("Bearer {access}");
        for header in [
            ("x-session-token", access.as_str()),
            ("authorization", &access),
            ("authorization", &format!("Basic {access}")),
            ("authorization", &format!("Bearer {refresh}")),
            ("authorization", &format!("Bearer {reset}")),
            ("proxy-authorization", &bearer),
            ("cookie", &format!("session={access}")),
        ] {
            let answer = self.ask(0, "GET /auth/me", &[header], "").await;
            assert_eq!(self.refused(&answer), 401, "{header:?}");
        }
        for token in [&access, &refresh, &reset] {
            self.puts_into_paths_and_heads(token).await;
        }
        // They work all the same, where they belong.
        self.tell(1, "GET /auth/me", &access, &Value::Null).await.assert_status(200);
        self.refresh(1, &refresh).await.assert_status(200);
        let body = json!({"token": reset, "newPassword": FIRST});
        self.tell(0, "POST /auth/reset-password", "", &body).await.assert_status(204);
    }

    /// A secret in every field where another belongs.
    async fn types(&mut self, typed: &str) {
        for (line, body) in [
            ("POST /auth/login", json!({"login": typed, "password": "x"})),
            ("POST /auth/login", json!({"email": typed, "password": typed})),
            ("POST /auth/login", json!({"login": "nobody", "password": typed})),
            ("POST /auth/signup", json!({"username": typed, "email": EMAIL, "password": "short"})),
            (
                "POST /auth/signup",
                json!({"username": USERNAME, "email": typed, "password": "short", "fullName": typed}),
            ),
            ("POST /auth/refresh", json!({"refreshToken": format!("{typed}.")})),
            ("POST /auth/reset-password", json!({"token": format!("{typed}."), "newPassword": typed})),
        ] {
            let answer = self.tell(0, line, "", &body).await;
            assert!((401..=429).contains(&answer.status), "{line} {body}: {}", answer.text());
        }
        let answer = self.tell(1, "POST /auth/forgot-password", "", &json!({"email": typed})).await;
        assert!([202, 422].contains(&answer.status), "{typed}: {}", answer.text());
    }

    async fn sends_bodies_that_cannot_be_read(&mut self, refresh: &str, reset: &str) {
        for (line, content_type, body) in [
            ("POST /auth/login", "application/json", format!(r#"{{"login":"{USERNAME}","password":"{THIRD}""#)),
            ("POST /auth/login", "application/json", format!(r#"{{"login":"x","password":"{THIRD}","password":"x"}}"#)),
            ("POST /auth/login", "application/json", format!(r#"{{"login":"{USERNAME}","password":["{THIRD}"]}}"#)),
            ("POST /auth/login", "application/json", format!(r#"{{"{THIRD}":"password"}}"#)),
            ("POST /auth/login", "application/json", format!(r#"{{"login":"{USERNAME}","passwort":"{THIRD}"}}"#)),
            ("POST /auth/login", "application/x-www-form-urlencoded", format!("login={USERNAME}&password={THIRD}")),
            ("POST /auth/signup", "application/json", format!(r#"{{"username":"x","password":{{"{THIRD}":1}}}}"#)),
            ("POST /auth/signup", "application/json", format!(r#"["{EMAIL}","{THIRD}"]"#)),
            ("POST /auth/refresh", "application/json", format!(r#"{{"refreshToken":"{refresh}"#)),
            ("POST /auth/refresh", "text/plain", refresh.to_owned()),
            ("POST /auth/reset-password", "application/json", format!(r#"{{"token":"{reset}","newPassword":7}}"#)),
            ("POST /auth/reset-password", "text/plain", format!("{reset} {THIRD}")),
            ("PUT /auth/reset-password", "application/json", format!(r#"{{"token":"{reset}"}}"#)),
        ] {
            let answer = self.ask(1, line, &[("content-type", content_type)], &body).await;
            assert!((400..=422).contains(&self.refused(&answer)), "{line} {body}: {}", answer.text());
        }
    }

    async fn puts_into_paths_and_heads(&mut self, token: &str) {
        for line in [
            format!("GET /{token}"),
            format!("DELETE /auth/sessions/{token}"),
            format!("POST /auth/refresh/{token}"),
            format!("POST /auth/refresh?refreshToken={token}"),
            format!("POST /auth/reset-password?token={token}"),
            format!("GET /auth/me?access_token={token}"),
            format!("GET /profile?token={token}"),
        ] {
            let answer = self.ask(1, &line, &[], "").await;
            assert!((400..=415).contains(&self.refused(&answer)), "{line}: {}", answer.text());
        }
        for page in ["reset-password", "login", "signup", "account"] {
            let answer = self.ask(1, &format!("GET /{page}?token={token}"), &[], "").await.assert_status(200);
            self.evidence.add("a page", format!("{:?} {}", answer.headers, answer.text()));
        }
        for head in [
            format!("GET /{token} HTTP/9.9\r\n\r\n"),
            format!("GET /auth/me HTTP/1.1\r\nauthorization: Bearer {token}\u{1}\r\n\r\n"),
            format!("GET /auth/me HTTP/1.1\r\n{token} : x\r\n\r\n"),
            format!("{token}\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(self.nodes[0].public).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _cut_off = stream.read_to_end(&mut answer).await;
            self.evidence.add("an answer", String::from_utf8_lossy(&answer).into_owned());
        }
    }
}
