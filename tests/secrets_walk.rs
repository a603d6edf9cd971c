//! The secrets walk: everything a candidate, a member, a recruiter and an operator can do, on real processes that log
//! all they can, and then a look for every secret that was in play, wherever something is kept or told.

mod evidence;
mod members;
mod recruiters;

use std::fs::OpenOptions;
use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vestibule::node::Addresses;

use self::evidence::{Evidence, Monitor, Secrets};
use crate::support::TestApp;
use crate::support::app::{JWT_KEY, Link, ROOT_KEY, Setup};
use crate::support::http::{Answer, Http};
use crate::support::postgres::{fresh_folder, query};
use crate::support::program::Program;
use crate::support::smtp::{Behaviour, Flavour, PASSWORD, SmtpSink};
use crate::support::until::until;

const REDIS_PASSWORD: &str = "redis-0pen-sesame";
const POSTGRES_PASSWORD: &str = "postgres-0pen-sesame";
/// 32 bytes of one letter, as [`ROOT_KEY`].
const PEPPER: &str = "p1:cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=";
/// [`PASSWORD`] as it stands in a URL.
const RELAY_PASSWORD_IN_URL: &str = "p%40ss%2Fword";

/// Two nodes as processes, a relay that asks for a password, and what was seen so far.
struct Walk {
    nodes: [Addresses; 2],
    programs: [Program; 2],
    http: Http,
    sink: SmtpSink,
    monitor: Monitor,
    secrets: Secrets,
    evidence: Evidence,
    app: TestApp,
}

#[tokio::test]
async fn no_secret_is_kept_or_told_anywhere() {
    let mut walk = Walk::begin().await;
    let link = walk.gets_in().await;
    walk.loses_ways(&link).await;
    walk.is_refused_by_the_relay().await;
    walk.sends_what_it_should_not().await;
    walk.has_an_account().await;
    walk.keeps_interviews().await;
    walk.look().await;
    walk.stop().await;
    walk.assert_clean();

    walk.shows_what_is_planted().await;
}

impl Walk {
    async fn begin() -> Self {
        let sink = SmtpSink::start_as(Behaviour::Accept, Flavour::StartTls).await;
        let certificate = fresh_folder("relay").join("ca.pem");
        std::fs::write(&certificate, sink.certificate_pem()).unwrap();
        let relay = sink.url().replacen("://", &format!("://vestibule:{RELAY_PASSWORD_IN_URL}@"), 1);
        let setup = Setup::new().nodes(0).relay(&relay).set("mail.ca_file", &certificate.display());
        let setup = setup.set("secrets.pepper_keys", &PEPPER).set("log.level", &"trace");
        // Refused for what they send, not for how often.
        let setup = setup.set("limits.signup_ip.max", &200).set("limits.reset_ip.max", &200);
        let mut app = setup.set("mail.sweep_interval", &"100ms").start().await;

        // A user of its own: the test looks on as the default one.
        let password = format!(">{REDIS_PASSWORD}");
        app.resp().call(&["ACL", "SETUSER", "vestibule", "resetpass", &password]);
        app.resp().call(&["CONFIG", "SET", "slowlog-max-len", "1000000"]);
        app.resp().call(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
        let with_password = |url: &str, password: &str| url.replacen("://", &format!("://vestibule:{password}@"), 1);
        app.set("redis.url", &with_password(&app.redis.url(), REDIS_PASSWORD));
        // Postgres trusts its socket: it never asks for the password that it is given.
        let trusted = app.database.replacen("vestibule@", "@", 1).replacen("://@", "://", 1);
        app.set("postgres.url", &with_password(&trusted, POSTGRES_PASSWORD));

        let monitor = Monitor::start(&app);
        let programs = [(), ()].map(|()| Program::serve(&app.environment_with(&[])));
        let nodes = [programs[0].ready().await, programs[1].ready().await];
        let mut secrets = Secrets::default();
        secrets.key(ROOT_KEY);
        secrets.key(JWT_KEY);
        secrets.key(PEPPER);
        for password in [REDIS_PASSWORD, POSTGRES_PASSWORD, PASSWORD, RELAY_PASSWORD_IN_URL] {
            secrets.password(password);
        }
        let (http, evidence) = (Http::new(), Evidence::default());
        Self { nodes, programs, http, sink, monitor, secrets, evidence, app }
    }

    async fn invite(&mut self, email: &str) -> Link {
        let link = self.app.invite_with(email, &["--mail"]).await;
        self.secrets.link(&link.token);
        link
    }

    async fn send(&self, node: usize, link: &Link, endpoint: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = link.url(self.nodes[node].public, endpoint);
        self.http.send(hyper::Method::POST, &url, headers, body).await
    }

    /// A code for the link, read in the mail with the mark that the answer showed.
    async fn code(&mut self, node: usize, link: &Link) -> String {
        let mark = self.send(node, link, "request-otp", &[], "").await.assert_status(202).text_of("ref");
        let ends = format!("({mark})");
        let seen = self.sink.until("the code", |seen| seen.mails.iter().any(|mail| mail.subject.ends_with(&ends)));
        let mail = seen.await.mails.into_iter().find(|mail| mail.subject.ends_with(&ends)).unwrap();
        let code = mail.subject[..6].to_owned();
        self.secrets.code(&code);
        code
    }

    async fn verify(&mut self, node: usize, link: &Link, code: &str) -> Answer {
        let json = [("content-type", "application/json")];
        let answer = self.send(node, link, "verify-otp", &json, &format!(r#"{{"otp":"{code}"}}"#)).await;
        if answer.status == 200 {
            self.secrets.jwt(&answer.text_of("sessionToken"));
        } else {
            self.refused(&answer);
        }
        answer
    }

    /// What a candidate mistypes tells what was right.
    async fn verify_wrong(&mut self, node: usize, link: &Link, code: &str) -> Answer {
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        self.secrets.code(&wrong);
        self.verify(node, link, &wrong).await
    }

    /// An answer that gives nothing away has nothing to give away.
    fn refused(&mut self, answer: &Answer) -> u16 {
        self.evidence.add("an answer", format!("{:?} {}", answer.headers, answer.text()));
        answer.status
    }

    /// Invited by mail, mistyping, locked out, in at the third code, and in again.
    async fn gets_in(&mut self) -> Link {
        let link = self.invite("ada@example.com").await;
        self.sink.mail_to("ada@example.com", 1).await;
        self.http.get(&link.url(self.nodes[0].public, "info")).await.assert_status(200);

        self.sink.behave(Behaviour::CutAfterData);
        let first = self.code(0, &link).await;
        self.look().await;
        self.sink.behave(Behaviour::Accept);
        self.verify_wrong(1, &link, &first).await.assert_problem(401, "otp-incorrect");
        self.app.pass(60_000);
        let second = self.code(1, &link).await;
        self.verify(0, &link, &first).await.assert_problem(401, "otp-superseded");
        self.verify_wrong(0, &link, &second).await.assert_problem(401, "otp-incorrect");
        self.verify_wrong(0, &link, &second).await.assert_problem(429, "otp-cooldown");
        self.verify(0, &link, &second).await.assert_problem(429, "otp-cooldown");
        self.look().await;

        self.app.pass(600_000);
        // As after a restart of Redis: scripts travel whole.
        self.app.resp().call(&["SCRIPT", "FLUSH"]);
        let third = self.code(0, &link).await;
        let session = self.verify(1, &link, &third).await.assert_status(200).text_of("sessionToken");
        self.verify(1, &link, &third).await.assert_problem(401, "otp-expired");
        for (node, status) in [(0, 201), (1, 200)] {
            self.send(node, &link, "start", &[("x-session-token", &session)], "").await.assert_status(status);
        }
        self.look().await;
        link
    }

    /// Reissued, and in again; then revoked with a code under way.
    async fn loses_ways(&mut self, old: &Link) {
        let link = self.app.reissue(old).await;
        self.secrets.link(&link.token);
        let answer = self.http.get(&old.url(self.nodes[1].public, "info")).await;
        assert_eq!(self.refused(&answer), 404);
        let code = self.code(0, &link).await;
        let session = self.verify(0, &link, &code).await.assert_status(200).text_of("sessionToken");
        let answer = self.send(0, old, "start", &[("x-session-token", &session)], "").await;
        assert_eq!(self.refused(&answer), 403);

        self.app.pass(60_000);
        let code = self.code(1, &link).await;
        self.app.revoke(&link).await;
        self.verify(1, &link, &code).await.assert_problem(404, "link-not-found");
        let answer = self.send(1, &link, "start", &[("x-session-token", &session)], "").await;
        assert!(self.refused(&answer) >= 401);
    }

    /// A relay that repeats the whole letter, with the code and the link in it, when it refuses.
    async fn is_refused_by_the_relay(&mut self) {
        self.sink.behave(Behaviour::RefuseContent);
        let letters = self.sink.seen().letters;
        let link = self.invite("eve@example.com").await;
        self.sink.until("a refused invitation", |seen| seen.letters > letters).await;
        // Its code is known from the first try, of which the sender was not told.
        self.sink.behave(Behaviour::CutAfterData);
        self.code(0, &link).await;
        self.sink.behave(Behaviour::RefuseContent);
        let keys = self.app.keys();
        let refused = keys.refused(keys.partition(&link.id())).name().to_owned();
        let line = format!("code-{}", link.id());
        until("a refused code", || async {
            let lines = self.app.resp().call(&["LRANGE", &refused, "0", "-1"]);
            lines.array().iter().any(|refused| refused.text().contains(&line)).then_some(())
        })
        .await;
        self.look().await;
        self.sink.behave(Behaviour::Accept);
    }

    /// Secrets where none belong: in bodies that cannot be read, in paths that do not exist, in heads that are none.
    async fn sends_what_it_should_not(&mut self) {
        let link = self.invite("bob@example.com").await;
        let code = self.code(0, &link).await;
        let json = ("content-type", "application/json");
        let bodies = [
            (json, format!(r#"{{"otp":"{code}""#)),
            (json, format!(r#"{{"otp":{code}}}"#)),
            (json, format!(r#"{{"otp":"{code}","otp":"{code}"}}"#)),
            (json, format!(r#"["{code}"]"#)),
            (json, format!(r#"{{"otp":" {code}"}}"#)),
            (json, format!(r#"{{"{code}":"otp"}}"#)),
            (("content-type", "text/plain"), code.clone()),
        ];
        for (header, body) in bodies {
            let answer = self.send(1, &link, "verify-otp", &[header], &body).await;
            assert!((400..=422).contains(&self.refused(&answer)), "{body}");
        }
        let session = self.verify(0, &link, &code).await.assert_status(200).text_of("sessionToken");
        let (signed, bearer) = (format!("{session}x"), format!("Bearer {session}"));
        for headers in [[("x-session-token", &*signed)], [("authorization", &*bearer)]] {
            let answer = self.send(0, &link, "start", &headers, "").await;
            assert_eq!(self.refused(&answer), 401);
        }

        let (public, token) = (self.nodes[0].public, &link.token);
        for path in [
            format!("candidate-access/{token}"),
            format!("candidate-access/{token}x/info"),
            format!("candidate-access/{token}/info/"),
            format!("candidate-access/{token}/{code}"),
            format!("interview/join/{token}/{code}#{session}"),
        ] {
            let answer = self.http.get(&format!("http://{public}/{path}")).await;
            assert_eq!(self.refused(&answer), 404, "{path}");
        }
        // A page is the same whatever its address holds.
        for page in ["join", "pre-check"] {
            let url = format!("http://{public}/interview/{page}/{token}?code={code}&session={session}");
            let answer = self.http.send(hyper::Method::GET, &url, &[("referer", token)], "").await;
            let answer = answer.assert_status(200);
            self.evidence.add("a page", format!("{:?} {}", answer.headers, answer.text()));
        }
        let answer = self.http.send(hyper::Method::DELETE, &link.url(public, "info"), &[("referer", token)], "").await;
        assert_eq!(self.refused(&answer), 405);
        for head in [
            format!("GET /candidate-access/{token}/info HTTP/9.9\r\n\r\n"),
            format!("GET /candidate-access/{token}/\u{1}{code} HTTP/1.1\r\nx-session-token: {session}\r\n\r\n"),
            format!("{token} {session}\r\n\r\n"),
            format!("GET /candidate-access/{token}/{} HTTP/1.1\r\nhost: h\r\n\r\n", session.repeat(300)),
        ] {
            let mut stream = TcpStream::connect(public).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _cut_off = stream.read_to_end(&mut answer).await;
            self.evidence.add("an answer", String::from_utf8_lossy(&answer).into_owned());
        }
    }

    /// Collects what is kept and told at this moment.
    async fn look(&mut self) {
        self.evidence.redis(&self.app, &self.monitor).await;
        self.evidence.postgres(&self.app.database).await;
        for row in query(&self.app.database, "SELECT password_hash FROM users").await {
            self.secrets.hash(row.get(0));
        }
        for (node, program) in self.nodes.iter().zip(&self.programs) {
            for page in ["metrics", "readyz", "livez", "version"] {
                let answer = self.http.get(&format!("http://{}/{page}", node.admin)).await.assert_status(200);
                self.evidence.add(page, answer.text());
            }
            let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", program.pid())).unwrap();
            assert!(arguments.contains("vestibule\0serve"), "{arguments:?}");
            self.evidence.add("arguments", arguments);
        }
    }

    async fn stop(&mut self) {
        for program in &self.programs {
            assert!(program.stop().await.success(), "{}", program.log());
            self.evidence.add("log", program.log());
        }
    }

    /// Something was seen everywhere, and no secret anywhere.
    fn assert_clean(&self) {
        for (place, sign) in [
            ("redis vb:otp:", "asked"),
            ("redis vb:job:", "sealed"),
            ("redis vb:refused:", "***"),
            ("redis vb:seat:", "since"),
            ("redis vb:audit:", "code_verified"),
            ("redis vb:audit:", "refresh_reused"),
            ("redis vb:audit:", "link_reissued"),
            ("monitor", "EVALSHA"),
            ("slowlog", "EVALSHA"),
            ("redis vb:session:", "generation"),
            ("redis vb:account:", "member"),
            ("redis vb:reset:", "digest"),
            ("redis vb:login_account:", "g***"),
            ("redis vb:forgot_email:", "G***@n***.example"),
            ("postgres interviews", "ada@example.com"),
            ("postgres users", "grace.hopper"),
            ("postgres hashes", "$argon2id$"),
            ("log", "verify_otp"),
            ("log", "refresh_reused"),
            ("log", "reset_done"),
            ("log", "link_reissued"),
            ("log", "otp-superseded"),
            ("metrics", "otp_verify"),
            ("metrics", "interview_look"),
            ("redis vb:mailed:", "refused"),
            ("an answer", "malformed-body"),
            ("an answer", "nextCursor"),
        ] {
            assert!(self.evidence.shows(place, sign), "{place} does not show {sign}");
        }
        let found = self.evidence.search(&self.secrets);
        assert!(found.is_empty(), "{found:#?}");
    }

    /// The walk can fail: whatever is left by hand, it finds.
    async fn shows_what_is_planted(&mut self) {
        let (link, code) = (self.invite("mallory@example.com").await, "918273");
        self.secrets.code(code);
        let mut resp = self.app.resp();
        for command in [
            &["SET", "planted:string", &*link.token, "EX", "60"][..],
            &["HSET", "planted:hash", "otp", code],
            &["RPUSH", "planted:list", code],
            &["SADD", "planted:set", &format!("code={code}.")],
            &["ZADD", "planted:zset", "1", &link.token],
            &["XADD", "planted:stream", "*", "otp", code],
            &["SET", &format!("planted:name:{code}"), "1", "EX", "60"],
        ] {
            resp.call(command);
            resp.call(&["EXPIRE", command[1], "60"]);
        }
        let sql = format!("UPDATE interviews SET position = 'code {code}' WHERE id = '{}'", link.interview);
        query(&self.app.database, &sql).await;
        let mut log = OpenOptions::new().append(true).open(self.programs[0].log_file()).unwrap();
        for (_, secret) in self.secrets.all() {
            writeln!(log, r#"{{"cause":"{secret}"}}"#).unwrap();
        }
        query(&self.app.database, "UPDATE users SET password_hash = password_hash || 'my other horse'").await;

        let mut planted = Evidence::default();
        planted.redis(&self.app, &self.monitor).await;
        planted.postgres(&self.app.database).await;
        planted.add("log", self.programs[0].log());
        let found = planted.search(&self.secrets);
        for kind in ["string", "hash", "list", "set", "zset", "stream", "name"] {
            let place = format!("redis planted:{kind}");
            assert!(found.iter().any(|(seen, _)| seen.starts_with(&place)), "{place} is not in {found:#?}");
        }
        for place in ["monitor", "slowlog", "postgres interviews", "postgres hashes", "log"] {
            assert!(found.iter().any(|(seen, _)| seen == place), "{place} is not in {found:#?}");
        }
        let in_log: Vec<&String> = found.iter().filter(|(seen, _)| seen == "log").map(|(_, what)| what).collect();
        for (what, _) in self.secrets.all() {
            assert!(in_log.iter().any(|seen| seen.starts_with(&format!("{what}: "))), "{what} is not in {in_log:#?}");
        }
        assert!(in_log.len() >= self.secrets.all().count(), "{in_log:#?}");
    }
}
