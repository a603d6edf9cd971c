//! Scripts: the header is the contract, so it must say what the body and Rust do.

use std::collections::BTreeSet;

use super::tree::Tree;
use super::{assert_seen, assert_tidy};

const LINES_MAX: usize = 80;
/// One that tells everything in words, to whoever has redis-cli alone, has many of them.
const OPS_LINES_MAX: usize = 300;
/// A decision about more than so many keys is two decisions.
const KEYS_MAX: usize = 5;
const SCRIPTS: &str = "src/redis/scripts.rs";

/// Commands that change nothing.
const READS: [&str; 16] = [
    "TIME",
    "SCAN",
    "DBSIZE",
    "XREVRANGE",
    "EXISTS",
    "HEXISTS",
    "PTTL",
    "TYPE",
    "HGET",
    "HMGET",
    "HGETALL",
    "ZCARD",
    "ZSCORE",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "LRANGE",
];
/// Commands that make a key where there is none.
const MAKES: [&str; 8] = ["SET", "HSET", "HSETNX", "ZADD", "LPUSH", "RPUSH", "SADD", "XADD"];

/// Keys that a script writes without setting a TTL, and why that makes none without one.
const TTL_STANDS: [(&str, usize, &str); 14] = [
    ("meta_pin", 1, "the fleet's agreement is the one key that stays"),
    ("otp_verify", 2, "an attempt is written only where a code is, in the hash that otp_request gave its life"),
    ("seat_start", 1, "only a record that is there is marked as started"),
    ("job_claim", 1, "a due time is moved only where the job is in the queue"),
    ("job_claim", 2, "only a job that is there is marked as taken"),
    ("job_defer", 1, "a job that is there is in its queue, which lives as long"),
    ("job_defer", 2, "only a job that is there counts a try"),
    ("admit_undo", 1, "only a log that is there gives an entry back"),
    ("login_undo", 1, "only a name that is counted gives a try back"),
    ("password_changing", 1, "only a session that is there is told of the coming version"),
    ("session_end", 2, "only an account that knows the session notes that it has ended"),
    ("password_changed", 2, "only a session that lives is told of the new version"),
    ("password_changed", 3, "only a token that is there is marked as spent"),
    ("reset_take", 1, "only a token that is there is marked as spent"),
];

/// What each script for redis-cli may do.
const OPS: [(&str, Ops); 5] = [
    ("inspect", Ops::Reads),
    ("outbox", Ops::Reads),
    ("top", Ops::Reads),
    ("trail", Ops::Reads),
    ("unlock", Ops::Repairs),
];

#[derive(Clone, Copy, PartialEq)]
enum Ops {
    Reads,
    Repairs,
}

/// A script, taken apart.
struct Script<'a> {
    name: &'a str,
    purpose: &'a str,
    /// Header lines above "Returns", and from there on.
    above: String,
    returns: String,
    body: String,
}

impl<'a> Script<'a> {
    fn read(path: &'a str, text: &'a str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".lua");
        let lines = || text.lines().skip(1);
        let header: Vec<&str> = lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
        let at = header.iter().position(|line| line.starts_with("Returns")).unwrap_or(header.len());
        let code = |line: &'a str| line.split("--").next().unwrap_or_default();
        Self {
            name,
            purpose: header.first().unwrap_or(&""),
            above: header[..at].join("\n"),
            returns: header[at..].join("\n"),
            body: lines().map(code).collect::<Vec<_>>().join("\n"),
        }
    }

    /// The numbers that the header gives to KEYS or ARGV, in its order.
    fn declared(&self, what: &str) -> Vec<usize> {
        let lines = self.above.lines().filter_map(|line| line.strip_prefix(what)?.strip_prefix('['));
        lines
            .filter_map(|rest| rest.split_once(']').filter(|(_, text)| !text.trim().is_empty())?.0.parse().ok())
            .collect()
    }

    /// The numbers by which the body uses KEYS or ARGV; 0 for what is not a plain number.
    fn used(&self, what: &str) -> BTreeSet<usize> {
        let uses = self.body.split(what).skip(1);
        uses.map(|rest| rest.strip_prefix('[').and_then(|r| r.split(']').next()?.parse().ok()).unwrap_or(0)).collect()
    }

    /// Words that the body answers: those that stand first in a table.
    fn answers(&self) -> BTreeSet<String> {
        let tables = self.body.split('{').skip(1).map(|table| table.split([',', '}']).next().unwrap_or_default());
        let inserts = self.body.split("table.insert(").skip(1).filter_map(|rest| {
            let [_, first, word] = <[&str; 3]>::try_from(arguments(rest)).ok()?;
            (first == "1").then_some(word)
        });
        tables.chain(inserts).flat_map(strings).map(str::to_owned).collect()
    }

    /// Words that the header says it answers.
    fn documented(&self) -> BTreeSet<String> {
        let words = self.returns.split("{\"").skip(1).filter_map(|rest| rest.split('"').next());
        words.map(str::to_owned).collect()
    }

    /// Every `redis.call`: its command and what follows it.
    fn calls(&self) -> Vec<(String, Vec<String>)> {
        let calls = self.body.split("redis.call(").skip(1).map(|rest| {
            let mut arguments = arguments(rest).into_iter().map(str::to_owned);
            (arguments.next().unwrap_or_default().trim_matches('\'').to_owned(), arguments.collect())
        });
        calls.collect()
    }
}

/// The arguments of a call, whose opening parenthesis is gone.
fn arguments(rest: &str) -> Vec<&str> {
    let (mut depth, mut start, mut quoted, mut found) = (0, 0, false, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                found.push(rest[start..at].trim());
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(rest[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The quoted texts in a piece of Lua.
fn strings(code: &str) -> impl Iterator<Item = &str> {
    code.split('\'').skip(1).step_by(2)
}

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    for (path, text) in tree.files("lua/", ".lua") {
        let script = Script::read(path, text);
        let mut complain = |ok: bool, words: &str| {
            if !ok {
                complaints.push(format!("{path}: {words}"));
            }
        };
        let first = text.lines().next().unwrap_or_default();
        // What looks at all keys has no slot of its own.
        let walks = first == "#!lua flags=no-writes,allow-cross-slot-keys" && path == "lua/ops/top.lua";
        let known = walks || ["#!lua", "#!lua flags=allow-oom", "#!lua flags=no-writes"].contains(&first);
        complain(known, "does not begin with #!lua");
        let reads = script.purpose.contains("changing nothing");
        complain(reads == first.contains("no-writes"), "says by its flags otherwise than by its purpose");
        let lines_max = if path.starts_with("lua/ops/") { OPS_LINES_MAX } else { LINES_MAX };
        complain(text.lines().count() <= lines_max, "is too long");
        let purpose = !script.purpose.is_empty() && !script.purpose.starts_with("KEYS");
        complain(purpose, "does not say on its second line what it decides");
        contract(&script, &mut complain);
        calls(&script, path.starts_with("lua/ops/"), &mut complain);
        match path.strip_prefix("lua/ops/") {
            Some(_) => ops(path, &script, &mut complain),
            None => {
                names.insert(script.name);
                decision(tree, &script, &mut complain);
            }
        }
    }
    // One static for each file was checked there; here, that there are no others.
    let (statics, loaded) = (statics(tree), tree.text(SCRIPTS).matches(".source),").count());
    if statics.len() != names.len() || loaded != names.len() {
        complaints.push(format!("{SCRIPTS}: {} statics, {loaded} loaded, {} files", statics.len(), names.len()));
    }
    complaints
}

/// The header against the body.
fn contract(script: &Script<'_>, complain: &mut impl FnMut(bool, &str)) {
    for what in ["KEYS", "ARGV"] {
        let (declared, used) = (script.declared(what), script.used(what));
        let counted: Vec<usize> = (1..=declared.len()).collect();
        complain(declared == counted, &format!("the header numbers {what} {declared:?}"));
        let declared: BTreeSet<usize> = declared.into_iter().collect();
        complain(declared == used, &format!("the header has {what} {declared:?}, the body {used:?}"));
        complain(what != "KEYS" || declared.len() <= KEYS_MAX, "has too many keys");
    }
    let reads = script.calls().iter().all(|(command, _)| READS.contains(&command.as_str()));
    let promised = script.purpose.contains("changing nothing");
    complain(promised == reads, "says \"changing nothing\", and changes; or does not say so, and reads only");
}

/// What is given to Redis: keys by their number, numbers as text. Who types a key at 3 a.m. types one: scripts for
/// redis-cli find its siblings themselves, and show what a name looks like.
fn calls(script: &Script<'_>, for_people: bool, complain: &mut impl FnMut(bool, &str)) {
    let names = strings(&script.body).any(|text| text.contains("vb:") || text.contains(":{"));
    complain(for_people || !names, "builds the name of a key");
    for (command, arguments) in script.calls() {
        let keys = match command.as_str() {
            "TIME" | "DBSIZE" => 0,
            "DEL" | "EXISTS" => arguments.len(),
            _ => 1,
        };
        let named = arguments.iter().take(keys).all(|key| key.starts_with("KEYS[") && key.ends_with(']'));
        complain(for_people || named, &format!("{command} of {arguments:?}: a key is one of KEYS, as it is"));
        for argument in arguments.iter().skip(keys) {
            // Redis writes a Lua number as "%.17g", and its users wonder.
            let number = argument.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                || ["tonumber(", "math."].iter().any(|call| argument.starts_with(call))
                || [" + ", " - ", " * ", " / "].iter().any(|sign| outside(argument).contains(sign));
            complain(!number, &format!("{command} is given a number, {argument}: format it"));
        }
    }
}

/// An expression without what is quoted or in parentheses.
fn outside(expression: &str) -> String {
    let (mut depth, mut quoted) = (0, false);
    let mut keep = |c: char| {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        depth == 0 && !quoted
    };
    expression.chars().filter(|c| keep(*c)).collect()
}

/// A decision against Rust: its static, its words, the lives of its keys.
fn decision(tree: &Tree, script: &Script<'_>, complain: &mut impl FnMut(bool, &str)) {
    let (answers, documented) = (script.answers(), script.documented());
    complain(answers == documented, &format!("answers {answers:?}, documents {documented:?}"));
    let name = script.name;
    let (keys, args) = (script.declared("KEYS").len(), script.declared("ARGV").len());
    let line = format!(
        "pub static {}: Script<{keys}, {args}> = Script::new(\"{name}\", include_str!(\"../../lua/{name}.lua\"));",
        name.to_uppercase()
    );
    let rust = statics(tree).iter().filter(|found| **found == line).count();
    complain(rust == 1, &format!("{SCRIPTS} has not once: {line}"));
    let source = format!("({0}.name, {0}.source),", name.to_uppercase());
    complain(tree.text(SCRIPTS).matches(&source).count() == 1, "is not in listed()");

    let calls = script.calls();
    for n in script.used("KEYS") {
        let key = format!("KEYS[{n}]");
        let some = |commands: &[&str]| {
            calls.iter().any(|(command, args)| commands.contains(&command.as_str()) && args.first() == Some(&key))
        };
        let excepted = TTL_STANDS.iter().any(|(of, nth, _)| *of == name && *nth == n);
        let needs = some(&MAKES) && !some(&["PEXPIRE", "PEXPIREAT"]);
        complain(!needs || excepted, &format!("writes {key} without a TTL"));
        complain(needs || !excepted, &format!("is excepted for {key}, and needs not be"));
    }
}

/// A script for redis-cli: how it is called, and whether it may change something.
fn ops(path: &str, script: &Script<'_>, complain: &mut impl FnMut(bool, &str)) {
    complain(script.above.contains(&format!("redis-cli --raw --eval {path} ")), "does not show how redis-cli runs it");
    let may = OPS.iter().find(|(name, _)| *name == script.name).map(|(_, may)| *may);
    complain(may.is_some(), "is not in the list of what such scripts may do");
    let reads = script.calls().iter().all(|(command, _)| READS.contains(&command.as_str()));
    complain(may != Some(Ops::Reads) || reads, "may read only");
}

/// The statics of scripts.rs, each on one line.
fn statics(tree: &Tree) -> Vec<String> {
    let text = tree.text(SCRIPTS).split_whitespace().collect::<Vec<_>>().join(" ");
    let found = text.match_indices("pub static ").filter_map(|(at, _)| Some(&text[at..=at + text[at..].find(';')?]));
    found.map(|line| line.replace("new( ", "new(").replace(", )", ")")).collect()
}

#[test]
fn headers_bodies_and_statics_agree() {
    assert_tidy(&check(&Tree::load()));
}

#[test]
fn drifting_scripts_are_seen() {
    let (time, admit, add) = ("local t = redis.call('TIME')", "lua/admit.lua", "lua/job_add.lua");
    assert_seen(
        check,
        &[
            (admit, "#!lua", "", "does not begin"),
            (admit, "#!lua", "#!lua flags=no-writes", "otherwise than by its purpose"),
            ("lua/otp_info.lua", " flags=no-writes", "", "otherwise than by its purpose"),
            (admit, "-- count one request of a client against a sliding window\n", "", "second line"),
            (admit, "-- ARGV[4]  nonce", "-- nonce", "the header has ARGV"),
            (admit, "-- ARGV[4]  nonce", "-- ARGV[5]  nonce", "numbers ARGV"),
            (admit, "ARGV[3], ARGV[4]", "'', ARGV[4]", "the body {1, 2, 4}"),
            (admit, time, "local _, t = KEYS[2], redis.call('TIME')", "the header has KEYS {1}"),
            (admit, time, "for i = 1, 2 do redis.call('DEL', KEYS[i]) end\nlocal t = redis.call('TIME')", "{0, 1}"),
            (admit, "{'refused', 0,", "{'denied', 0,", "answers"),
            (admit, "--   {\"refused\", 0, ms} ", "--   {\"denied\", 0, ms} ", "documents"),
            (admit, "redis.call('PEXPIREAT'", "redis.call('PERSIST'", "without a TTL"),
            (admit, "string.format('%d', current + 13 * width))", "current + 13 * width)", "format it"),
            (add, "'tries', '0'", "'tries', 0", "format it"),
            (add, "redis.call('DEL', KEYS[2])", "redis.call('DEL', KEYS[2], KEYS[1] .. ':old')", "is one of KEYS"),
            (add, "'DEL', KEYS[2]", "'DEL', 'vb:job:' .. ARGV[1]", "name of a key"),
            (add, "local t", LONG, "too long"),
            ("lua/otp_info.lua", time, "redis.call('DEL', KEYS[2])\nlocal t = redis.call('TIME')", "changing nothing"),
            ("lua/ops/outbox.lua", time, "redis.call('DEL', KEYS[1])\nlocal t = redis.call('TIME')", "may read only"),
            ("lua/ops/unlock.lua", "'HDEL', otp, 'until', 'asked'", "'HSET', otp, 'until', 0", "format it"),
            ("lua/ops/unlock.lua", "--eval lua/ops/unlock.lua", "--eval it", "how redis-cli"),
            ("lua/ops/new.lua", "", "#!lua\n-- do something", "is not in the list"),
            ("lua/other.lua", "", "#!lua\n-- decide something", "has not once"),
            (
                "lua/job_defer.lua",
                "redis.call('ZADD'",
                "redis.call('PEXPIRE', KEYS[1], '1')\nredis.call('ZADD'",
                "excepted",
            ),
            (SCRIPTS, "ADMIT: Script<1, 4>", "ADMIT: Script<1, 3>", "has not once"),
            (SCRIPTS, "lua/job_add.lua", "lua/job_due.lua", "has not once"),
            (SCRIPTS, "        (ADMIT.name, ADMIT.source),\n", "", "is not in listed()"),
        ],
    );
}

/// More lines than a script may have.
const LONG: &str = concat!(
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal t"
);
