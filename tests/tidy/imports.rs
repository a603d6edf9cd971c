//! Who may use whom: features, the floor under them, and each library behind its door.

use super::tree::{Rust, Tree, after, is_word};
use super::{assert_seen, assert_tidy};

/// Each is a folder with its HTTP, its flow and its store.
const FEATURES: [&str; 7] = ["candidate", "interviews", "accounts", "profile", "sessions", "reset", "pages"];

/// Knows every part, to put them together.
const TOP: [&str; 4] = ["app", "cli", "dev", "node"];

/// The files of the floor's `http` that call features: one runs them, one asks what they say
/// of themselves.
const DISPATCH: [&str; 2] = ["src/http/respond.rs", "src/http/openapi/endpoints.rs"];

/// The files of a feature that speak `http`, the floor's public face.
const SPEAKERS: [&str; 2] = ["/http.rs", "/docs.rs"];

/// A library, every place that may use it, and why there. Exact: a place that no longer
/// does is struck out.
const LIBRARIES: [(&str, &[&str], &str); 29] = [
    ("fred", &["src/redis/"], "its types, retries and reconnects stay behind a handful of calls"),
    (
        "hyper",
        &[
            "src/http/",
            "src/candidate/http.rs",
            "src/accounts/http.rs",
            "src/interviews/http.rs",
            "src/pages/file.rs",
            "src/pages/http.rs",
            "src/profile/http.rs",
            "src/profile/flow.rs",
            "src/reset/http.rs",
            "src/sessions/http.rs",
            "src/config/candidate.rs",
            "src/config/site.rs",
        ],
        "the server; a feature's HTTP names statuses and headers; a body that is not copied; URLs of the configuration",
    ),
    ("hyper_util", &["src/http/"], "the server"),
    ("http_body_util", &["src/http/"], "bodies are read, and bounded, in one place"),
    ("multer", &["src/http/upload.rs"], "takes forms apart"),
    ("deadpool_postgres", &["src/postgres/"], "the pool, with its deadlines, is handed out by nobody else"),
    (
        "tokio_postgres",
        &[
            "src/postgres/",
            "src/candidate/record.rs",
            "src/candidate/start_job.rs",
            "src/interviews/store.rs",
            "src/profile/resume/store.rs",
            "src/users/store.rs",
            "src/dev/servers/postgres.rs",
            "src/config/postgres_url.rs",
            "src/config/stores.rs",
        ],
        "the pool; statements stand where their rows are read; development mode creates its database; URLs are checked",
    ),
    ("tokio_postgres_rustls", &["src/postgres/"], "the pool's TLS"),
    ("refinery", &["src/postgres/migrate.rs"], "migrations"),
    ("lettre", &["src/mail/", "src/config/"], "letters and the relay; the configuration parses addresses with it"),
    (
        "askama",
        &["src/mail/", "src/http/openapi/page.rs", "src/pages/mod.rs"],
        "letters, the page of captured mail, the page of the API, the pages for people",
    ),
    ("flate2", &["src/pages/file.rs"], "what is the same for everybody is sent compressed"),
    (
        "ring",
        &[
            "src/candidate/code.rs",
            "src/http/openapi/page.rs",
            "src/jwt.rs",
            "src/keyring.rs",
            "src/link.rs",
            "src/pages/assets.rs",
            "src/password/mod.rs",
            "src/random.rs",
            "src/redis/scripts.rs",
            "src/reset/token.rs",
            "src/test_recipients.rs",
        ],
        "codes' marks, the digest of a page's style, the version of the pages' assets, signatures, derived keys and randomness, digests of tokens, passwords' hashes compared, names of scripts, codes of test recipients",
    ),
    ("rustls", &["src/tls.rs"], "what is trusted is said once"),
    ("rustls_native_certs", &["src/tls.rs"], "what is trusted is said once"),
    ("tokio_rustls", &["src/redis/"], "the pipes' TLS, and the library's"),
    ("toml", &["src/config/layers.rs"], "the configuration file"),
    ("clap", &["src/cli/"], "the command line"),
    ("prometheus_client", &["src/metrics/"], "series are declared in one place"),
    (
        "tracing_subscriber",
        &["src/config/server.rs", "src/telemetry/json.rs", "src/telemetry/mod.rs"],
        "the log, and the check of log.level",
    ),
    (
        "rustix",
        &["src/cli/dev/keeper.rs", "src/cli/mod.rs", "src/cli/serve.rs", "src/dev/servers/", "src/password/pool.rs"],
        "signals to nodes of a fleet; the machine's name; the limit of open files; private servers' processes; niceness of threads",
    ),
    ("argon2", &["src/password/"], "hashes cost memory, time and a thread, which are bounded in one place"),
    ("vestibule_argon2id", &["src/password/"], "as argon2, which it is a faster way to"),
    ("unicode_normalization", &["src/password/", "src/users/"], "passwords, logins and names are compared in NFC"),
    (
        "socket2",
        &["src/redis/connect.rs", "src/redis/pipe/dial.rs", "src/http/server.rs"],
        "fred's type for keepalives; the kernel's deadlines",
    ),
    ("zip", &["src/profile/resume/docx.rs"], "reads the directory of a DOCX, and unpacks nothing"),
    ("phonenumber", &["src/profile/fields.rs"], "what a phone number is"),
    (
        "utoipa",
        &[
            "src/http/",
            "src/users/mod.rs",
            "src/accounts/docs.rs",
            "src/candidate/docs.rs",
            "src/candidate/http.rs",
            "src/profile/docs.rs",
            "src/profile/http.rs",
            "src/reset/docs.rs",
            "src/reset/http.rs",
            "src/sessions/docs.rs",
            "src/interviews/docs.rs",
            "src/interviews/http.rs",
            "src/interviews/page.rs",
            "src/interviews/progress.rs",
            "src/sessions/http.rs",
        ],
        "what is answered, and what is taken, has a schema where its type stands",
    ),
    ("ipnet", &["src/config/", "src/http/client.rs"], "trusted networks"),
];

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut used = vec![false; LIBRARIES.iter().map(|(_, places, _)| places.len()).sum()];
    for (path, text) in tree.files("src/", ".rs").filter(|(path, _)| !path.ends_with("/tests.rs")) {
        let code = Rust::product(text).code;
        complaints.extend(modules(&code).into_iter().filter_map(|to| refuse(path, &to)));
        if after(&code, "super::super").next().is_some() || (is_top(path) && after(&code, "super::").next().is_some()) {
            complaints.push(format!("{path}: leaves its folder by `super`; write `crate::`"));
        }
        let mut place = 0;
        for (library, places, reason) in LIBRARIES {
            let uses = after(&code, library).any(|rest| rest.starts_with("::") || rest.trim_start().starts_with(';'));
            let allowed = places.iter().position(|allowed| path.starts_with(allowed));
            match (uses, allowed) {
                (true, Some(nth)) => used[place + nth] = true,
                (true, None) => complaints.push(format!("{path}: uses {library} ({reason})")),
                (false, _) => {}
            }
            place += places.len();
        }
    }
    let places = LIBRARIES.iter().flat_map(|(library, places, _)| places.iter().map(move |place| (library, place)));
    let idle = places.zip(used).filter(|(_, used)| !used);
    complaints.extend(idle.map(|((library, place), _)| format!("{place}: does not use {library}; strike it out")));
    complaints
}

/// Whether `super` is the crate itself.
fn is_top(path: &str) -> bool {
    let inside = path.trim_start_matches("src/");
    !inside.contains('/') || (inside.ends_with("/mod.rs") && inside.matches('/').count() == 1)
}

/// The modules of the crate that code names: `crate::x` and `crate::{x, y::z}`.
fn modules(code: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let mut modules = Vec::new();
    for rest in after(code, "crate::") {
        match rest.strip_prefix('{') {
            None => modules.push(word(rest)),
            Some(group) => modules.extend(top_level(group).iter().map(|item| word(item))),
        }
    }
    modules
}

/// The items of a `{}` group, whose opening brace is gone.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// What is wrong with the file at `path` using the module `to`.
fn refuse(path: &str, to: &str) -> Option<String> {
    let from = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
    let is_feature = |module: &str| FEATURES.contains(&module);
    // lib.rs and main.rs only name what there is.
    if from == to || TOP.contains(&from) || matches!(from, "lib" | "main") {
        return None;
    }
    let why = match (is_feature(from), is_feature(to)) {
        (true, true) => "features do not import each other",
        (false, true) if !DISPATCH.contains(&path) => "the floor does not know the features",
        (true, false) if to == "http" && !SPEAKERS.iter().any(|file| path.ends_with(file)) => {
            "only a feature's http.rs knows HTTP, and its docs.rs tells of it"
        }
        (_, false) if to == "app" && from != "http" && !path.ends_with("/http.rs") => "only handlers see the app",
        (_, false) if TOP.contains(&to) && to != "app" => "nothing stands on what puts the parts together",
        (false, false) if to == "http" => "the floor does not know HTTP",
        _ => return None,
    };
    Some(format!("{path}: imports {to}: {why}"))
}

#[test]
fn everybody_imports_what_they_may() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn wrong_imports_are_seen() {
    let import = "use crate::fault::";
    assert_seen(
        check,
        &[
            ("src/interviews/kill.rs", import, "use crate::candidate::Candidate;\nuse crate::fault::", "each other"),
            ("src/jobs/mod.rs", import, "use crate::{\n    candidate::Candidate};\nuse crate::fault::", "features"),
            ("src/limits/mod.rs", import, "use crate::http::Problem;\nuse crate::fault::", "does not know HTTP"),
            ("src/candidate/flow.rs", import, "use crate::http::Slug;\nuse crate::fault::", "http.rs knows HTTP"),
            ("src/candidate/docs.rs", "use crate::http::Slug;", "use crate::app::App;", "see the app"),
            ("src/http/openapi/docs.rs", "use super::{", "use crate::reset::docs::{", "does not know the features"),
            ("src/interviews/store.rs", import, "use crate::app::App;\nuse crate::fault::", "see the app"),
            ("src/mail/deliver.rs", "use crate::config::{Config, MailUrl};", "use crate::cli::fresh_key;", "stands on"),
            ("src/limits/mod.rs", import, "use super::candidate::Candidate;\nuse crate::fault::", "super"),
            ("src/candidate/flow.rs", import, "use fred::types::Value;\nuse crate::fault::", "uses fred"),
            ("src/jobs/mod.rs", import, "use hyper::StatusCode;\nuse crate::fault::", "uses hyper"),
            ("src/link.rs", "ring::digest", "sha2::digest", "strike it out"),
        ],
    );
}
