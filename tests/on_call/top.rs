//! Whom limits keep out, the busiest first.

use std::path::Path;
use std::time::Instant;

use super::{assert_says, lock, noon, redis_cli, shell};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Child;
use crate::support::postgres::fresh_folder;
use crate::support::resp::Resp;
use crate::support::until::until;

#[track_caller]
fn top(app: &TestApp, arguments: &str) -> Vec<String> {
    let said = shell(&format!("{} --eval lua/ops/top.lua , {arguments}", redis_cli(app)));
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_busiest_are_told_whatever_their_slots() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    lock(&app, &link).await;
    for (name, tries) in [("ada", 2), ("eve", 6), ("bob", 5)] {
        for nth in 0..tries {
            if nth == 5 {
                app.pass(60_000);
            }
            app.log_in(name, "wrong").await.assert_problem(401, "invalid-credentials");
        }
    }
    let said = top(&app, "0");
    assert!(said[0].starts_with("Looked at ") && said[0].ends_with(" keys; that was all."), "{said:#?}");
    let of_who = |line: &str| line.splitn(3, ' ').nth(2).unwrap().to_owned();
    let told: Vec<String> = said[1..].iter().map(|line| of_who(line)).collect();
    // A wait of 2 min, one of a minute that began when the clock stood there, and the lock of 10 min, of which one has passed.
    assert_says(&told, &["e***: wrong tries, 6 of 5: OUT for 120 s", "a link: lock, 1 of 1: OUT for 540 s"]);
    assert!(told.contains(&"b***: wrong tries, 5 of 5: OUT for 60 s".to_owned()), "{told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("a***: wrong")), "{told:#?}");
    assert!(said[1].starts_with("120% vb:login_account:{"), "{said:#?}");
    // Limits that are not the default ones are told to it.
    let told: Vec<String> = top(&app, "0 'login_account.max=2'")[1..].iter().map(|line| of_who(line)).collect();
    assert_says(
        &told,
        &["e***: wrong tries, 6 of 2: ...", "b***: wrong tries, 5 of 2: ...", "a***: wrong tries, 2 of 2"],
    );
}

/// Keys as limits make them: `log` of 40 entries, which each is over.
const FILL: &str = "#!lua
local t = redis.call('TIME')
local now, log = t[1] * 1000, {}
for i = 1, 40 do log[i] = string.format('%.0f-0123456789ab', now - 41 + i) end
for i = 1, tonumber(ARGV[1]) do
  local key = string.format('%s%032x', KEYS[1], i)
  redis.call('HSET', key, 'log', table.concat(log, ' '), 'who', string.format('203.0.%d.*', i))
  redis.call('PEXPIRE', key, ARGV[2])
end
return {'filled'}";

fn looked(said: &[String]) -> u64 {
    said[0].split(' ').nth(2).unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_call_looks_at_little_and_the_loop_at_all() {
    let app = Setup::new().nodes(0).start().await;
    for partition in ["{00}", "{01}"] {
        app.resp().call(&["EVAL", FILL, "1", &format!("vb:login_ip:{partition}:"), "1000", "600000"]);
    }
    // 2,000 keys of a kibibyte: the bytes end a call before its keys do.
    let said = top(&app, "0");
    assert!((100..400).contains(&looked(&said)) && said[0].contains("go on with cursor "), "{said:#?}");
    assert_eq!(said.len(), 21);
    assert!(said[1].contains(": requests, 40 of 50"), "{said:#?}");
    let cpu = Instant::now();
    top(&app, "0");
    println!("a call and its redis-cli took {:?}", cpu.elapsed());

    // One that a limit keeps out, wherever it is.
    let eve = "vb:login_account:{05}:00000000000000000000000000000005";
    app.resp().call(&["HSET", eve, "who", "e***", "wrong", "9"]);
    app.resp().call(&["PEXPIRE", eve, "600000"]);
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/lua/ops/top.lua")).unwrap();
    let lines: Vec<&str> = header.lines().filter_map(|line| line.strip_prefix("--   ")).collect();
    let all = shell(&lines[..2].join("\n").replace("redis-cli --raw", &redis_cli(&app)));
    assert!(all.starts_with("180% vb:login_account:{05}:") && all.lines().count() == 20, "{all}");
    let told = String::from_utf8(app.run(&["top"]).await.stdout).unwrap();
    assert!(told.starts_with("Looked at 200") && told.lines().nth(1) == all.lines().next(), "{told}");
    assert_eq!(told.lines().count(), 21);

    let told = String::from_utf8(app.run(&["top", "--who", "203.0.7.*"]).await.stdout).unwrap();
    assert_eq!(told.matches("203.0.7.*: requests, 40 of 50").count(), 2, "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[tokio::test]
async fn a_name_is_found_by_what_it_is_shown_as_with_its_links() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    app.info(&link).await.assert_status(200);
    app.log_in("ada@example.com", "wrong").await.assert_problem(401, "invalid-credentials");
    let mut told = top(&app, "0 '' 'a***@e***.com'");
    assert!(told.remove(0).ends_with("that was all."));
    told.sort_unstable();
    let record = app.keys().link(&link.id()).name().to_owned();
    assert!(told[0].starts_with(&format!("0% {record} a***@e***.com: a link")), "{told:#?}");
    assert!(told[1].starts_with("20% vb:login_account:{") && told.len() == 2, "{told:#?}");
}

#[tokio::test]
async fn keys_that_have_expired_are_not_walked_in_one_call() {
    // A server of its own, that may be told to leave them until somebody looks.
    let folder = fresh_folder("redis");
    let socket = folder.join("redis.sock");
    let socket = socket.to_str().unwrap();
    let options = ["--port", "0", "--unixsocket", socket, "--enable-debug-command", "local", "--save", ""];
    let server = Child::start("redis-server", &options, &[], &folder);
    let what = format!("a server: {:?}", server.lines());
    let mut resp = until(&what, async || Resp::connect(Path::new(socket)).ok()).await;
    assert_eq!(resp.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]).text(), "OK");
    for partition in ["{00}", "{01}"] {
        resp.call(&["EVAL", FILL, "1", &format!("vb:login_ip:{partition}:"), "1500", "1"]);
    }
    let last = format!("vb:login_ip:{{01}}:{:032x}", 1_499);
    until("all to have expired", async || {
        let mut resp = Resp::connect(Path::new(socket)).unwrap();
        (resp.call(&["EXISTS", &last]).integer() == 0).then_some(())
    })
    .await;
    let said = shell(&format!("redis-cli --raw -s {socket} --eval lua/ops/top.lua , 0"));
    assert!(said.starts_with("Looked at 0 ") && said.contains("go on with cursor "), "{said}");
}
