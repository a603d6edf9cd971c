//! What is kept and told, and the search for secrets in it.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

use crate::support::TestApp;
use crate::support::postgres::query;
use crate::support::resp::{Resp, Value};
use crate::support::until::until;

/// Everything that Redis was told, as MONITOR shows it.
pub(super) struct Monitor(Arc<Mutex<String>>);

impl Monitor {
    pub(super) fn start(app: &TestApp) -> Self {
        let record = Arc::new(Mutex::new(String::new()));
        let (mut resp, writing) = (app.resp(), Arc::clone(&record));
        assert_eq!(resp.call(&["MONITOR"]).text(), "OK");
        // Ends with Redis.
        std::thread::spawn(move || {
            while let Ok(line) = resp.read() {
                let mut record = writing.lock().unwrap();
                record.push_str(line.text());
                record.push('\n');
            }
        });
        Self(record)
    }

    /// Up to now.
    async fn record(&self, app: &TestApp) -> String {
        let mark = vestibule::id::Id::nonce().to_string();
        app.resp().call(&["ECHO", &mark]);
        until("the end of MONITOR's record", || async {
            Some(self.0.lock().unwrap().clone()).filter(|record| record.contains(&mark))
        })
        .await
    }
}

/// The one place for hashes of passwords.
const HASHES: &str = "postgres hashes";
const HASH: &str = "a hash of a password";
const PERSON: &str = "a person";

/// Texts, by the place where they were found.
#[derive(Default)]
pub(super) struct Evidence(Vec<(String, String)>);

impl Evidence {
    pub(super) fn add(&mut self, place: &str, text: String) {
        self.0.push((place.to_owned(), text));
    }

    /// Keys and values of every type, what was told to the server, and what it calls slow.
    pub(super) async fn redis(&mut self, app: &TestApp, monitor: &Monitor) {
        // These two still hold all that they showed before.
        self.0.retain(|(place, _)| place != "monitor" && place != "slowlog");
        self.add("monitor", monitor.record(app).await);
        let mut resp = app.resp();
        for key in resp.all_keys() {
            if let Some(value) = value_of(&mut resp, &key) {
                self.add(&format!("redis {key}"), format!("{key} {value}"));
            }
        }
        // Its numbers are times: on a slow machine one has six digits, as a code.
        let mut words = String::new();
        add_words(&resp.call(&["SLOWLOG", "GET", "-1"]), &mut words);
        self.add("slowlog", words);
        self.add("clients", format!("{:?}", resp.call(&["CLIENT", "LIST"])));
    }

    /// Every row of every table, and the statements that the sessions are at. Hashes of passwords stand in one column,
    /// which is a place of its own.
    pub(super) async fn postgres(&mut self, url: &str) {
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
        for table in query(url, tables).await {
            let table: String = table.get(0);
            for row in query(url, &format!("SELECT (to_jsonb(t) - 'password_hash')::text FROM \"{table}\" t")).await {
                self.add(&format!("postgres {table}"), row.get(0));
            }
        }
        for row in query(url, "SELECT password_hash FROM users").await {
            self.add(HASHES, row.get(0));
        }
        for row in query(url, "SELECT query FROM pg_stat_activity WHERE datname = current_database()").await {
            self.add("postgres sessions", row.get(0));
        }
    }

    /// Whether something of a place shows this.
    pub(super) fn shows(&self, place: &str, sign: &str) -> bool {
        self.0.iter().any(|(found, text)| found.starts_with(place) && text.contains(sign))
    }

    /// Places that hold a secret, and what kind of one.
    pub(super) fn search(&self, secrets: &Secrets) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (place, text) in &self.0 {
            let of_text = secrets.texts.iter().filter(|(what, secret)| {
                let belongs_here = place == HASHES && *what == HASH;
                !belongs_here && text.contains(secret.as_str())
            });
            let of_person = secrets.persons.iter().filter(|person| !knows_persons(place) && names(text, person));
            let of_code = secrets.codes.iter().filter(|code| holds_code(text, code));
            found.extend(of_text.map(|(what, secret)| (place.clone(), format!("{what}: {}", around(text, secret)))));
            found.extend(of_code.map(|code| (place.clone(), format!("a code: {}", around(text, code)))));
            found.extend(of_person.map(|person| (place.clone(), format!("{PERSON}: {person}"))));
        }
        found
    }
}

fn value_of(resp: &mut Resp, key: &str) -> Option<String> {
    let kind = resp.call(&["TYPE", key]);
    let command = match kind.text() {
        "string" => vec!["GET", key],
        "hash" => vec!["HGETALL", key],
        "list" => vec!["LRANGE", key, "0", "-1"],
        "set" => vec!["SMEMBERS", key],
        "zset" => vec!["ZRANGE", key, "0", "-1", "WITHSCORES"],
        "stream" => vec!["XRANGE", key, "-", "+"],
        // Expired meanwhile.
        "none" => return None,
        other => panic!("{key} is a {other}"),
    };
    Some(format!("{:?}", resp.call(&command)))
}

/// Members are kept in Postgres, and read about themselves.
fn knows_persons(place: &str) -> bool {
    place.starts_with("postgres") || place == "an answer"
}

fn names(text: &str, person: &str) -> bool {
    text.contains(person) || text.contains(&person.to_lowercase())
}

/// A bit of what stands before and after the first place where it stands.
fn around(text: &str, secret: &str) -> String {
    let at = text.find(secret).unwrap_or(0);
    let from = text[..at].char_indices().rev().nth(60).map_or(0, |(index, _)| index);
    text[from..].chars().take(120 + secret.len()).collect()
}

/// What nobody but its owner may see, in every form that would give it away.
#[derive(Default)]
pub(super) struct Secrets {
    texts: Vec<(&'static str, String)>,
    codes: Vec<String>,
    persons: Vec<String>,
}

impl Secrets {
    /// A million digests are made in a moment: a bare one of a code is the code.
    pub(super) fn code(&mut self, code: &str) {
        self.texts.push(("a digest of a code", hex(digest(&SHA256, code.as_bytes()).as_ref())));
        self.codes.push(code.to_owned());
    }

    pub(super) fn link(&mut self, token: &str) {
        self.texts.push(("a token in hex", hex(&URL_SAFE_NO_PAD.decode(token).unwrap())));
        self.texts.push(("a token", token.to_owned()));
    }

    pub(super) fn jwt(&mut self, jwt: &str) {
        let mut parts = jwt.split('.').skip(1);
        self.texts.push(("claims of a session token", parts.next().unwrap().to_owned()));
        self.texts.push(("signature of a session token", parts.next().unwrap().to_owned()));
    }

    pub(super) fn refresh_token(&mut self, token: &str) {
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        self.texts.push(("a refresh token", token.to_owned()));
        self.texts.push(("the end of a refresh token", token[token.len() / 2..].to_owned()));
        self.texts.push(("the MAC of a refresh token in hex", hex(&bytes[bytes.len() - 32..])));
    }

    pub(super) fn reset_token(&mut self, token: &str) {
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        self.texts.push(("a reset token", token.to_owned()));
        self.texts.push(("the end of a reset token", token[token.len() / 2..].to_owned()));
        self.texts.push(("a reset token in hex", hex(&bytes[bytes.len() - 32..])));
    }

    pub(super) fn member_password(&mut self, password: &str) {
        self.texts.push(("a digest of a password", hex(digest(&SHA256, password.as_bytes()).as_ref())));
        self.texts.push(("a password in hex", hex(password.as_bytes())));
        self.texts.push(("a password in base64", STANDARD.encode(password)));
        self.texts.push(("a password", password.to_owned()));
    }

    /// A PHC string: `$argon2id$...$<salt>$<hash>`.
    pub(super) fn hash(&mut self, phc: &str) {
        let (start, hash) = phc.rsplit_once('$').unwrap();
        assert!(start.starts_with("$argon2id$v="), "{phc}");
        for text in ["$argon2id$", hash] {
            if !self.texts.iter().any(|(_, known)| known == text) {
                self.texts.push((HASH, text.to_owned()));
            }
        }
    }

    /// A name, an address or a number of a member: known to Postgres and to the member.
    pub(super) fn person(&mut self, person: &str) {
        self.persons.push(person.to_owned());
    }

    /// Everything but codes, which are words among digits: what it is, and its text.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = self.texts.iter().map(|(what, text)| (*what, text.as_str()));
        texts.chain(self.persons.iter().map(|person| (PERSON, person.as_str())))
    }

    /// `id:base64`, as it is configured.
    pub(super) fn key(&mut self, key: &str) {
        let encoded = key.split_once(':').unwrap().1;
        let bytes = STANDARD.decode(encoded).unwrap();
        self.texts.push(("a key", encoded.to_owned()));
        self.texts.push(("a key in hex", hex(&bytes)));
        self.texts.push(("a key in the clear", String::from_utf8(bytes).unwrap()));
    }

    pub(super) fn password(&mut self, password: &str) {
        self.texts.push(("a password in base64", STANDARD.encode(format!("\0vestibule\0{password}"))));
        self.texts.push(("a password", password.to_owned()));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the code stands there as a word. Not as the fraction of a number: Redis and Postgres write times to the
/// microsecond, which are six digits too.
fn holds_code(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + code.len()..]);
        let is_fraction = before.strip_suffix('.').is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()));
        let is_word = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        is_word && !is_fraction
    })
}

#[test]
fn a_code_is_told_from_the_digits_around_it() {
    for text in ["123456", "code 123456.", r#""otp\":\"123456\""#, "otp=123456&", "x:123456:y", "1 123456"] {
        assert!(holds_code(text, "123456"), "{text}");
    }
    for text in ["1234567", "0123456", "1700000000.123456 [0 lua]", "10:15:00.123456+00:00", "a123456", "123456Z"] {
        assert!(!holds_code(text, "123456"), "{text}");
    }
}

fn add_words(value: &Value, words: &mut String) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| add_words(value, words)),
        Value::Text(text) => {
            words.push_str(text);
            words.push('\n');
        }
        Value::Nil | Value::Integer(_) | Value::Error(_) => {}
    }
}
