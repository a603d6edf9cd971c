//! The walk of a recruiter: links that are told once, in an answer and in a mail, and asked for everywhere else.

use serde_json::{Value, json};

use super::Walk;
use crate::support::app::Link;
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::recruiters::{form, link_of};
use crate::support::smtp::Behaviour;
use crate::support::until::until;

const USERNAME: &str = "Barbara_L1skov";
const EMAIL: &str = "Barbara.Liskov@mit.example";
const PASSWORD: &str = "my fourth horse";
/// Of the candidate, who has no account.
const CANDIDATE: &str = "Hedy.Lamarr@mgm.example";

impl Walk {
    pub(super) async fn keeps_interviews(&mut self) {
        self.secrets.member_password(PASSWORD);
        for person in [USERNAME, EMAIL, CANDIDATE] {
            self.secrets.person(person);
        }
        let sign_up = json!({"username": USERNAME, "email": EMAIL, "password": PASSWORD});
        let session = self.open(0, "/auth/signup", &sign_up).await.assert_status(201).json();
        let recruiter = Member::of(&session, PASSWORD);
        self.tell(1, "POST /interviews", &recruiter.access, &form(CANDIDATE)).await.assert_problem(403, "forbidden");
        let output = self.app.run(&["user", "role", USERNAME, "recruiter"]).await;
        assert!(output.status.success(), "{output:?}");

        let link = self.invites(&recruiter).await;
        self.look().await;
        self.asks_for_what_was_told_once(&recruiter, &link).await;
        self.is_told_what_the_relay_said(&recruiter).await;
        self.look().await;
    }

    /// An answer that tells a link: nothing else of it is kept.
    async fn issue(&mut self, node: usize, line: &str, recruiter: &Member) -> Link {
        let answer = self.ask_as(node, line, recruiter).await;
        let mut told = answer.json();
        let link = link_of(&told);
        self.secrets.link(&link.token);
        told.as_object_mut().unwrap().remove("joinUrl");
        self.evidence.add("an answer", format!("{:?} {told}", answer.headers));
        link
    }

    async fn ask_as(&mut self, node: usize, line: &str, recruiter: &Member) -> Answer {
        let (_, path) = line.split_once(' ').unwrap();
        let (url, bearer) =
            (format!("http://{}{path}", self.nodes[node].public), format!("Bearer {}", recruiter.access));
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.http.send(hyper::Method::POST, &url, &headers, &form(CANDIDATE).to_string()).await
    }

    /// Makes an interview, whose candidate comes in; gives it another link, which dies with a code under way.
    async fn invites(&mut self, recruiter: &Member) -> Link {
        let old = self.issue(0, "POST /interviews", recruiter).await;
        let mail = self.sink.mail_to(CANDIDATE, 1).await;
        assert!(mail.text.contains(&old.token), "the invitation tells the link");
        let code = self.code(1, &old).await;
        let session = self.verify(0, &old, &code).await.assert_status(200).text_of("sessionToken");
        self.send(1, &old, "start", &[("x-session-token", &session)], "").await.assert_status(201);
        self.look().await;

        let path = format!("/interviews/{}", old.interview);
        let link = self.issue(1, &format!("POST {path}/reissue"), recruiter).await;
        self.verify(0, &old, &code).await.assert_problem(404, "link-not-found");
        self.code(0, &link).await;
        for line in [format!("GET {path}"), "GET /interviews?state=open".to_owned()] {
            self.tell(0, &line, &recruiter.access, &Value::Null).await.assert_status(200);
        }
        self.look().await;
        let line = format!("DELETE {path}");
        self.tell(1, &line, &recruiter.access, &Value::Null).await.assert_status(204);
        self.tell(0, &format!("GET {path}"), &recruiter.access, &Value::Null).await.assert_status(200);
        link
    }

    /// The token of a link, where an id, a state or a place belongs.
    async fn asks_for_what_was_told_once(&mut self, recruiter: &Member, link: &Link) {
        let (token, id) = (&link.token, &link.interview);
        let slip = json!({"candidateName": "", "candidateEmail": token, "position": "", "durationMinutes": token});
        for (line, body) in [
            (format!("GET /interviews/{token}"), Value::Null),
            (format!("DELETE /interviews/{token}"), Value::Null),
            (format!("POST /interviews/{token}/reissue"), Value::Null),
            (format!("GET /interviews/{id}/{token}"), Value::Null),
            (format!("GET /interviews?state={token}"), Value::Null),
            (format!("GET /interviews?cursor={token}A"), Value::Null),
            (format!("GET /interviews?limit={token}"), Value::Null),
            (format!("PUT /interviews/{id}?joinUrl={token}"), Value::Null),
            ("POST /interviews".to_owned(), slip),
            ("POST /interviews".to_owned(), json!({"candidateEmail": token, "position": " "})),
            ("POST /interviews".to_owned(), json!([token])),
        ] {
            let answer = self.tell(0, &line, &recruiter.access, &body).await;
            assert!((400..=422).contains(&answer.status), "{line} {body}: {}", answer.text());
        }
    }

    /// A relay that repeats the whole letter, with the link in it: the recruiter reads its words.
    async fn is_told_what_the_relay_said(&mut self, recruiter: &Member) {
        self.sink.behave(Behaviour::RefuseContent);
        let link = self.issue(0, "POST /interviews", recruiter).await;
        let (http, public) = (&self.http, self.nodes[1].public);
        let told = until("the refusal to be told", || async {
            let bearer = format!("Bearer {}", recruiter.access);
            let url = format!("http://{public}/interviews/{}", link.interview);
            let told = http.send(hyper::Method::GET, &url, &[("authorization", &bearer)], "").await;
            (told.json()["invitationMail"]["status"] == "refused").then_some(told)
        });
        let told = told.await;
        assert!(
            told.json()["invitationMail"]["reason"].as_str().is_some_and(|reason| reason.contains("554")),
            "{}",
            told.text()
        );
        self.refused(&told);
        self.sink.behave(Behaviour::Accept);
    }
}
