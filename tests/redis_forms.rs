//! The ways to Redis that a deployment uses beside a plain socket: a restricted user, and TLS.

use std::net::TcpListener;
use std::process::Command;

use vestibule::dev::servers::{RedisOptions, RedisServer};
use vestibule::redis::ops;

use crate::support::acl;
use crate::support::app::vestibule;
use crate::support::child::{Child, path};
use crate::support::postgres::fresh_folder;
use crate::support::resp::{Resp, Value};
use crate::support::until::until;

fn redis() -> (RedisServer, Resp) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = RedisOptions { dir: fresh_folder("redis"), port: Some(port), ..RedisOptions::default() };
    let redis = RedisServer::start(options).unwrap();
    let resp = Resp::connect(redis.socket()).unwrap();
    (redis, resp)
}

/// The line of `vestibule check` about Redis.
async fn check(url: &str, more: &[(&str, &str)]) -> String {
    let mut environment = vec![("VESTIBULE_REDIS__URL", url)];
    environment.extend(more);
    let output = vestibule(&["check"], &environment).await;
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find(|line| line.contains(" redis ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn a_server_with_the_shipped_settings_and_users_is_fit() {
    let folder = fresh_folder("redis");
    let socket = folder.join("redis.sock");
    let users = include_str!("../config/redis-users.conf").replace(" on resetchannels", " on >p@ss resetchannels");
    std::fs::write(folder.join("redis-users.conf"), users).unwrap();
    let settings = include_str!("../config/redis.conf").replace("# include /etc/redis/", "include ");
    assert!(settings.contains("\ninclude redis-users.conf"), "the shipped settings name the users");
    let own = format!("port 0\nunixsocket {}\ndir {}\n", socket.display(), folder.display());
    std::fs::write(folder.join("redis.conf"), settings + &own).unwrap();
    let server = Child::start("redis-server", &["redis.conf"], &[], &folder);
    let url = format!("redis+unix://vestibule:p%40ss@{}", socket.display());
    until(&format!("a fit server: {:?}", server.lines()), async || {
        check(&url, &[]).await.starts_with("ok").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_user_with_the_shipped_rules_and_no_more_is_enough() {
    let (redis, mut resp) = redis();
    let port = redis.port().unwrap();
    let rules = acl::rules(acl::SERVICE);
    let mut words = vec!["ACL", "SETUSER", "vest", ">p@ss"];
    words.extend(rules.split(' '));
    assert_eq!(resp.call(&words), Value::Text("OK".to_owned()));

    let line = check(&format!("redis://vest:p%40ss@127.0.0.1:{port}"), &[]).await;
    assert!(line.starts_with("ok"), "{line}");
    let line = check(&format!("redis://vest:wrong@127.0.0.1:{port}"), &[]).await;
    assert!(line.starts_with("FAIL") && line.contains("WRONGPASS") && !line.contains("wrong@"), "{line}");
}

/// What the real redis-cli prints, run where the repository is.
fn redis_cli(redis: &RedisServer, user: &str, words: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    command.args(redis.cli_args()).args(["--raw", "--user", user]).args(words);
    command.env_clear().env("PATH", path()).env("REDISCLI_AUTH", acl::PASSWORD);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn the_engineer_on_call_runs_every_script_and_who_only_looks_those_that_read() {
    let (redis, mut resp) = redis();
    let rules = acl::rules(acl::ON_CALL);
    let (looking, _) = rules.split_once(" (").unwrap();
    for (user, rules) in [(acl::ON_CALL, acl::split(&rules)), ("looker", acl::split(looking))] {
        let mut words = vec!["ACL", "SETUSER", user];
        let password = format!(">{}", acl::PASSWORD);
        words.push(&password);
        words.extend(rules.iter().map(String::as_str));
        assert_eq!(resp.call(&words), Value::Text("OK".to_owned()));
    }
    let [otp, limit] = ["otp", "candidate_ip"].map(|kind| format!("vb:{kind}:{{0c}}:{}", "0c".repeat(16)));
    let ever = "9999999999999";
    let lock = |resp: &mut Resp| {
        resp.call(&["HSET", &otp, "until", ever, "total", "3", "locked", "1", "locks", "1"]);
        resp.call(&["HSET", &limit, "who", "192.0.2.7", "recent", ever]);
    };
    lock(&mut resp);
    for (script, source) in ops::listed() {
        let file = format!("lua/{script}.lua");
        let keys: &[&str] = match script {
            "ops/outbox" => &["vb:mail:{0c}"],
            "ops/top" => &[],
            "ops/trail" => &["vb:audit:{0c}"],
            _ => &[&otp, &limit],
        };
        let calls: Vec<&[&str]> = if keys.is_empty() { vec![&[]] } else { keys.chunks(1).collect() };
        for key in calls {
            let said = redis_cli(&redis, acl::ON_CALL, &[&["--eval", &file], key, &[",", "", "", "00ff"]].concat());
            let refused = said.contains("NOPERM") || said.contains("ERR") || said.contains("WRONGTYPE");
            assert!(!refused && !said.trim().is_empty(), "{script} {key:?}: {said}");
            assert_eq!(said.starts_with("UNLOCKED"), script == "ops/unlock", "{script} {key:?}: {said}");

            lock(&mut resp);
            let number = key.len().to_string();
            let said = redis_cli(&redis, "looker", &[&["EVAL_RO", source, &number], key].concat());
            let refused = said.contains("write flag") || said.contains("NOPERM");
            assert_eq!(refused, script == "ops/unlock", "{script} {key:?}: {said}");
            assert!(refused || !said.contains("ERR") && !said.trim().is_empty(), "{script} {key:?}: {said}");
            let said = redis_cli(&redis, "looker", &[&["EVAL", source, &number], key].concat());
            assert!(said.contains("NOPERM"), "{script} {key:?}: {said}");
        }
    }
    let said = redis_cli(&redis, acl::ON_CALL, &["DEL", "elsewhere"]);
    assert!(said.contains("NOPERM"), "{said}");
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_that_can_be_trusted_and_to_no_other() {
    let (redis, mut resp) = redis();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = redis.socket().parent().unwrap();
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let settings = ["tls-cert-file", certificate, "tls-key-file", key, "tls-ca-cert-file", certificate];
    let mut words = vec!["CONFIG", "SET", "tls-auth-clients", "no", "tls-port", port.as_str()];
    words.extend(settings);
    assert_eq!(resp.call(&words), Value::Text("OK".to_owned()));

    let url = format!("rediss://localhost:{port}");
    let line = check(&url, &[("SSL_CERT_FILE", certificate)]).await;
    assert!(line.starts_with("ok"), "{line}");
    let line = check(&url, &[]).await;
    assert!(line.starts_with("FAIL") && line.contains("InvalidCertificate"), "{line}");
}
