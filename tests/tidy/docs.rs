//! The tables of the documentation against the code: what is written is what is so.

use std::collections::BTreeSet;
use std::process::Command;

use vestibule::audit::Event;
use vestibule::config::Config;
use vestibule::http::Slug;
use vestibule::http::route::Endpoint;
use vestibule::id::Id;
use vestibule::jobs::{JobId, JobKind, Queue};
use vestibule::limits::{FORGOT_EMAIL, INVITE_USER, LOGIN_ACCOUNT, Limit};
use vestibule::redis::Keys;

use super::markdown::{codes, links, section, table};
use super::tree::Tree;
use super::{assert_seen, assert_tidy};

const README: &str = "README.md";
const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Compares what a document says with what is so.
struct Claims<'a> {
    tree: &'a Tree,
    complaints: Vec<String>,
}

impl<'a> Claims<'a> {
    fn section(&mut self, heading: &str) -> &'a str {
        let found = section(self.tree.text(README), heading);
        if found.is_none() {
            self.complaints.push(format!("{README} has no {heading}"));
        }
        found.unwrap_or_default()
    }

    fn table(&mut self, heading: &str, columns: &[&str]) -> Vec<Vec<&'a str>> {
        let found = table(self.section(heading), columns);
        if found.is_none() {
            self.complaints.push(format!("{README}, {heading}: has no table {columns:?}, or one with ragged rows"));
        }
        found.unwrap_or_default()
    }

    fn same(&mut self, what: &str, written: impl IntoIterator<Item = String>, so: impl IntoIterator<Item = String>) {
        let (mut written, mut so): (Vec<String>, Vec<String>) =
            (written.into_iter().collect(), so.into_iter().collect());
        written.sort_unstable();
        so.sort_unstable();
        for gone in written.iter().filter(|item| !so.contains(item)) {
            self.complaints.push(format!("{what}: {gone} is written, and is not so"));
        }
        for missing in so.iter().filter(|item| !written.contains(item)) {
            self.complaints.push(format!("{what}: {missing} is not written"));
        }
        if written.windows(2).any(|pair| pair[0] == pair[1]) {
            self.complaints.push(format!("{what}: a row stands twice"));
        }
    }
}

fn check(tree: &Tree) -> Vec<String> {
    let mut claims = Claims { tree, complaints: Vec::new() };
    let rows = claims.table("## API", &["Method", "Path"]);
    let written = rows.iter().map(|row| format!("{} {}", row[0], bare(row[1])));
    claims.same(
        "## API",
        written,
        Endpoint::ALL.iter().map(|endpoint| format!("{} {}", endpoint.method(), endpoint.path())),
    );

    let rows = claims.table("## Problems", &["Slug", "Status"]);
    let so = Slug::ALL.iter().map(|slug| format!("{} {}", slug.name(), slug.status().as_u16()));
    claims.same("## Problems", rows.iter().map(|row| format!("{} {}", bare(row[0]), row[1])), so);

    limits(&mut claims);
    keyspace(&mut claims);
    configuration(&mut claims);
    audit_events(&mut claims);
    scenarios(&mut claims);
    paths(&mut claims);
    code_map(&mut claims);
    claims.complaints
}

fn bare(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// Each limit with the defaults of its keys `limits.<name>.*`.
fn limits(claims: &mut Claims<'_>) {
    let rows = claims.table("## Limits", &["Name", "Subject", "Limit", "Keys"]);
    let defaults: Vec<(String, &str)> = Config::reference()
        .into_iter()
        .filter_map(|key| Some((key.name.strip_prefix("limits.")?.to_owned(), key.default?)))
        .collect();
    let names: BTreeSet<&str> = defaults.iter().filter_map(|(name, _)| name.split('.').next()).collect();
    claims.same(
        "## Limits",
        rows.iter().map(|row| bare(row[0]).to_owned()),
        names.iter().map(|name| (*name).to_owned()),
    );
    for row in rows {
        for (name, default) in defaults.iter().filter(|(name, _)| name.starts_with(&format!("{}.", bare(row[0])))) {
            if !spellings(default).iter().any(|spelling| has_word(row[2], spelling)) {
                claims.complaints.push(format!("## Limits: {name} is {default}, and is not written"));
            }
        }
    }
}

/// How prose writes a default.
fn spellings(default: &str) -> Vec<String> {
    let number = default.trim_end_matches(char::is_alphabetic);
    let units: &[&str] = match &default[number.len()..] {
        "s" => &["s", "seconds"],
        "m" => &["min", "minutes"],
        "h" => &["h", "hours"],
        _ => return vec![number.to_owned()],
    };
    let mut spellings: Vec<String> = units.iter().map(|unit| format!("{number} {unit}")).collect();
    if default == "60s" {
        spellings.push("a minute".to_owned());
    }
    spellings
}

fn has_word(text: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next()))
}

/// Every key that keys.rs can build, its id written `<...>`.
fn keyspace(claims: &mut Claims<'_>) {
    let (keys, id) = (Keys::new("vb", 16), Id::nonce());
    let partition = keys.partition(&id);
    let mut built = vec![
        keys.link(&id),
        keys.otp(&id),
        keys.seat(&id),
        keys.mailed(&id),
        keys.job(&JobId { kind: JobKind::Code, subject: id }),
        keys.refused(partition),
        keys.account(&id),
        keys.session(&id, &id),
        keys.reset(&id),
        keys.audit(partition),
        keys.audit_batch(partition, &id),
        keys.meta(),
    ];
    let makers = claims
        .tree
        .text("src/redis/keys.rs")
        .lines()
        .filter(|line| line.contains("pub fn ") && line.contains("-> Key {"));
    // One more makes every queue, and one every limit's key: they come now.
    if makers.count() != built.len() + 2 {
        claims.complaints.push("## Keyspace: keys.rs builds keys that this test does not know".to_owned());
    }
    built.extend([Queue::Mail, Queue::Starts, Queue::Resets].map(|queue| keys.queue(queue, partition)));
    let limits = Limit::ALL.map(Limit::name);
    built.extend(
        limits.into_iter().chain([LOGIN_ACCOUNT, FORGOT_EMAIL, INVITE_USER]).map(|limit| keys.limit(limit, &id)),
    );

    let rows = claims.table("## Keyspace", &["Key", "Type", "Life", "Holds"]);
    let shape = |name: &str| match name.split_once('}') {
        Some((kind, rest)) => {
            let kind = kind.split('{').next().unwrap_or_default();
            format!("{kind}{{pp}}{}", if rest.is_empty() { "" } else { ":<>" })
        }
        None => name.to_owned(),
    };
    let written = rows.iter().map(|row| shape(bare(row[0])));
    claims.same("## Keyspace", written, built.iter().map(|key| shape(key.name())));
    for row in rows {
        if (row[2] == "none") != (bare(row[0]) == "vb:meta") {
            claims.complaints.push(format!("## Keyspace: {} with a life of {:?}", row[0], row[2]));
        }
    }
}

/// Keys and variables that are named exist.
fn configuration(claims: &mut Claims<'_>) {
    let reference = Config::reference();
    for row in claims.table("## Configuration", &["Key", "Environment"]) {
        let so = reference.iter().any(|key| key.name == bare(row[0]) && key.environment == bare(row[1]));
        if !so {
            claims.complaints.push(format!("## Configuration: {} is not {}", row[0], row[1]));
        }
    }
    let sections: BTreeSet<&str> = reference.iter().filter_map(|key| Some(key.name.split_once('.')?.0)).collect();
    for document in [README, ARCHITECTURE] {
        let text = claims.tree.text(document);
        let keys = codes(text).into_iter().filter(|code| {
            let plain = code.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'));
            plain && code.split_once('.').is_some_and(|(section, rest)| sections.contains(section) && rest != "rs")
        });
        for key in keys.filter(|key| !reference.iter().any(|known| known.name == **key)) {
            claims.complaints.push(format!("{document}: {key} is no key of the configuration"));
        }
        for rest in text.split("VESTIBULE_").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(rest.len());
            let variable = format!("VESTIBULE_{}", &rest[..end]);
            let known = ["VESTIBULE_", "VESTIBULE_CONFIG"].contains(&variable.as_str());
            if !known && !reference.iter().any(|key| key.environment == variable) {
                claims.complaints.push(format!("{document}: {variable} sets nothing"));
            }
        }
    }
}

/// The line that begins with "Events:" names every one of them.
fn audit_events(claims: &mut Claims<'_>) {
    let line = claims.section("## Running it").lines().find(|line| line.starts_with("Events:"));
    let written = codes(line.unwrap_or_default()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    claims.same("audit events", written, Event::ALL.iter().map(|event| event.name().to_owned()));
}

/// Each load test that one can run; what they share stands in a folder below.
fn scenarios(claims: &mut Claims<'_>) {
    let rows = claims.table("## Load tests", &["Scenario", "Sends"]);
    let files = claims.tree.files("load-tests/", ".js").map(|(path, _)| path.trim_start_matches("load-tests/"));
    let so = files.filter(|file| !file.contains('/')).map(|file| file.trim_end_matches(".js").to_owned());
    claims.same("load tests", rows.iter().map(|row| bare(row[0]).to_owned()), so.collect::<Vec<_>>());
}

/// What is pointed at is there.
fn paths(claims: &mut Claims<'_>) {
    const FOLDERS: [&str; 7] = ["argon2id/", "src/", "lua/", "config/", "tests/", "benches/", "load-tests/"];
    for document in [README, ARCHITECTURE] {
        let text = claims.tree.text(document);
        let codes = codes(text).into_iter().flat_map(str::split_whitespace);
        let paths = codes.filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)));
        let links = links(text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
        for path in paths.chain(links.filter_map(|link| link.split('#').next())) {
            if !claims.tree.has(path.trim_end_matches('/')) {
                claims.complaints.push(format!("{document}: {path} is not there"));
            }
        }
    }
}

/// The list of `src/` names every module of the crate once, and no other.
fn code_map(claims: &mut Claims<'_>) {
    let text = claims.tree.text(ARCHITECTURE);
    let items = text.lines().filter_map(|line| line.strip_prefix("- `src/")?.split('`').next());
    let written = items.map(|item| item.trim_end_matches('/').trim_end_matches(".rs").to_owned());
    let modules =
        claims.tree.text("src/lib.rs").lines().filter_map(|line| line.trim().strip_suffix(';')?.split("mod ").nth(1));
    // Beside its modules, the crate has a root and a program.
    let so = modules.chain(["lib", "main"]).map(str::to_owned).collect::<Vec<_>>();
    claims.same("code map", written, so);
}

/// The commands of the program, as its own help lists them.
fn commands(tree: &Tree) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_vestibule")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    // A description that goes on is indented further.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let so = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");

    let mut claims = Claims { tree, complaints: Vec::new() };
    let rows = claims.table("## Running it", &["Command"]);
    claims.same("commands", rows.iter().map(|row| bare(row[0]).to_owned()), so.map(str::to_owned));
    claims.complaints
}

#[test]
fn documents_say_what_is_so() {
    let tree = Tree::load();
    assert_tidy(&check(&tree));
    assert_tidy(&commands(&tree));
}

#[test]
fn documents_that_drift_are_seen() {
    assert_seen(
        check,
        &[
            (README, "## API", "## Api", "has no ## API"),
            (README, "| Method | Path |", "| Verb | Path |", "has no table"),
            (README, "| POST | `/candidate-access/{token}/start`", "| PUT | `/candidate-access/{token}/start`", "PUT"),
            (README, "| `forbidden` | 403 |", "| `forbidden` | 401 |", "forbidden 403 is not written"),
            (README, "| 120 a minute", "| 100 a minute", "candidate_ip.max"),
            (README, "up to 24 hours", "up to a day", "cooldown_max"),
            (README, "| `otp_attempt` |", "| `otp_attempts` |", "otp_attempts is written"),
            (README, "| `vb:seat:{pp}:<link>`", "| `vb:seats:{pp}:<link>`", "vb:seats"),
            (README, "| `vb:mail:{pp}`", "| `vb:mail:{pp}:<id>`", "vb:mail"),
            (README, "| `vb:meta` | hash | none |", "| `vb:meta` | hash | a day |", "life of"),
            (
                "src/redis/keys.rs",
                "pub fn meta(&self) -> Key {",
                "pub fn a(&self) -> Key {\n    pub fn meta(&self) -> Key {",
                "does not know",
            ),
            (README, "`VESTIBULE_MAIL__FROM`", "`VESTIBULE_MAIL__SENDER`", "sets nothing"),
            (README, "`http.drain_delay`", "`http.drain_wait`", "no key of the configuration"),
            (README, "`code_locked`", "`code_lock`", "code_locked is not written"),
            (README, "| `spike` | ten", "| `spikes` | ten", "spike is not written"),
            (README, "| `mail.from` |", "| `mail.url` |", "is not `VESTIBULE_MAIL__FROM`"),
            (ARCHITECTURE, "`lua/otp_verify.lua`", "`lua/otp_check.lua`", "is not there"),
            (ARCHITECTURE, "## Bird", "[plan](PLAN.md)\n## Bird", "PLAN.md is not there"),
            (ARCHITECTURE, "- `src/tls.rs`", "- `src/ssl.rs`", "ssl is written"),
            ("src/lib.rs", "pub mod app;", "pub mod app;\nmod news;", "news is not written"),
        ],
    );
    assert_seen(commands, &[(README, "| `keygen` |", "| `keys-new` |", "keygen is not written")]);
}
