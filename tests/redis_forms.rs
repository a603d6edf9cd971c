//! The ways to Redis that a deployment uses beside a plain socket: a restricted user, and TLS.

use std::net::TcpListener;

use vestibule::dev::servers::{RedisOptions, RedisServer};

use crate::support::acl;
use crate::support::app::vestibule;
use crate::support::postgres::fresh_folder;
use crate::support::resp::{Resp, Value};

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
