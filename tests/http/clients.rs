//! Who is counted: the peer, or whom a trusted proxy names.

use hyper::Method;

use crate::support::TestApp;
use crate::support::app::{Link, Setup};

async fn ask(app: &TestApp, link: &Link, forwarded: &[&str]) {
    let headers: Vec<_> = forwarded.iter().map(|&line| ("x-forwarded-for", line)).collect();
    app.http.send(Method::GET, &app.url(link, "info"), &headers, "").await.assert_status(200);
}

/// Whom the counters of `candidate_ip` name, in order.
fn counted(app: &TestApp) -> Vec<String> {
    let mut resp = app.resp();
    let keys: Vec<_> = resp.keys().into_iter().filter(|key| key.starts_with("vb:candidate_ip:")).collect();
    let mut who: Vec<_> = keys.iter().map(|key| resp.field(key, "who").unwrap()).collect();
    who.sort();
    who
}

#[tokio::test]
async fn a_stranger_cannot_name_another_client() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    ask(&app, &link, &[]).await;
    ask(&app, &link, &["203.0.113.9"]).await;
    ask(&app, &link, &["203.0.113.10, 198.51.100.1"]).await;
    assert_eq!(counted(&app), ["127.0.0.*"]);
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client_in_the_last_entry_that_is_not_its_own() {
    let app = Setup::new().set("trusted_proxies", &"127.0.0.0/8,10.0.0.0/8").start().await;
    let link = app.invite("ada@example.com").await;
    for forwarded in [
        &["203.0.113.9"][..],
        &["6.6.6.6, 203.0.113.9"],
        &["6.6.6.6, 203.0.113.9, 10.1.2.3"],
        &["6.6.6.6", "203.0.113.9", "10.1.2.3, 10.1.2.4"],
        &["::ffff:203.0.113.9"],
    ] {
        ask(&app, &link, forwarded).await;
    }
    assert_eq!(counted(&app), ["203.0.113.*"]);
    ask(&app, &link, &["203.0.113.10"]).await;
    assert_eq!(counted(&app), ["203.0.113.*", "203.0.113.*"]);
    // What is no address ends the walk at the last good one.
    ask(&app, &link, &["203.0.113.11, unknown, 10.1.2.3"]).await;
    assert_eq!(counted(&app), ["10.1.2.*", "203.0.113.*", "203.0.113.*"]);
}

#[tokio::test]
async fn ipv6_clients_share_the_count_of_their_64() {
    let app = Setup::new().behind_proxy().start().await;
    let link = app.invite("ada@example.com").await;
    ask(&app, &link, &["2001:db8:1:2::1"]).await;
    ask(&app, &link, &["2001:db8:1:2:ffff:ffff:ffff:ffff"]).await;
    assert_eq!(counted(&app), ["2001:db8:1::/48"]);
    ask(&app, &link, &["2001:db8:1:3::1"]).await;
    assert_eq!(counted(&app), ["2001:db8:1::/48", "2001:db8:1::/48"]);
}

#[tokio::test]
async fn each_client_has_its_own_limit() {
    let app = Setup::new().behind_proxy().set("limits.candidate_ip.max", &3).start().await;
    let link = app.invite("ada@example.com").await;
    let from = async |client: &str| {
        app.http.send(Method::GET, &app.url(&link, "info"), &[("x-forwarded-for", client)], "").await
    };
    for _ in 0..3 {
        from("203.0.113.9").await.assert_status(200);
    }
    let refused = from("203.0.113.9").await.assert_problem(429, "rate-limited");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"candidate_ip\";r=0;t="), "{:?}", refused.headers);
    assert_eq!(refused.header("ratelimit-policy"), Some("\"candidate_ip\";q=3;w=60"));
    from("203.0.113.10").await.assert_status(200);
}
