//! Keys are replaced while members come and go: nobody is logged out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use super::sessions::everything;
use crate::support::TestApp;
use crate::support::app::{JWT_KEY, Node, ROOT_KEY, Setup};
use crate::support::http::{Answer, Http};
use crate::support::members::{Member, PASSWORD};
use crate::support::until::until;

const NEXT_ROOT_KEY: &str = "r2:c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M=";
const NEXT_JWT_KEY: &str = "j2:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
const MEMBERS: usize = 6;

/// Members at a proxy in front of the nodes.
struct Traffic {
    http: Http,
    /// A node that is being taken out has no request under way, and gets none.
    nodes: RwLock<Vec<SocketAddr>>,
    /// Refreshes of each member.
    refreshed: [AtomicUsize; MEMBERS],
    over: AtomicBool,
}

impl Traffic {
    /// To each node in turn.
    async fn send(&self, turn: usize, method: Method, path: &str, access: &str, body: &str) -> Answer {
        let nodes = self.nodes.read().await;
        let url = format!("http://{}{path}", nodes[turn % nodes.len()]);
        let bearer = format!("Bearer {access}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.http.send(method, &url, &headers, body).await
    }

    /// Comes and goes until the traffic is over; whoever saw anything but 200 panics.
    async fn member(self: Arc<Self>, nth: usize, mut member: Member) {
        let mut turn = nth;
        while !self.over.load(Ordering::Relaxed) {
            for _ in 0..2 {
                turn += 1;
                self.send(turn, Method::GET, "/auth/me", &member.access, "").await.assert_status(200);
            }
            turn += 1;
            let body = json!({"refreshToken": member.refresh}).to_string();
            let session = self.send(turn, Method::POST, "/auth/refresh", "", &body).await.assert_status(200).json();
            member = Member::of(&session, PASSWORD);
            self.refreshed[nth].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everybody has seen each node, and exchanged what an older one gave them.
    async fn everybody_came(&self) {
        let counts = || self.refreshed.each_ref().map(|count| count.load(Ordering::Relaxed));
        let before = counts();
        until("everybody to come", || async {
            counts().iter().zip(before).all(|(now, before)| *now >= before + 3).then_some(())
        })
        .await;
    }
}

/// Replaces the nodes one after the other.
async fn roll(app: &TestApp, traffic: &Traffic, nodes: &mut [Node], jwt_keys: &[&str], root_keys: &[&str]) {
    let (jwt_keys, root_keys) = (jwt_keys.join(","), root_keys.join(","));
    for (n, node) in nodes.iter_mut().enumerate() {
        let fresh = app.node_with(&[("secrets.jwt_keys", &jwt_keys), ("secrets.root_keys", &root_keys)]).await;
        traffic.nodes.write().await[n] = fresh.public;
        let old = std::mem::replace(node, fresh);
        tokio::task::spawn_blocking(move || drop(old)).await.unwrap();
        traffic.everybody_came().await;
    }
}

#[tokio::test]
async fn keys_rotate_under_load_without_a_401() {
    let mut app = Setup::new().nodes(2).start().await;
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        members.push(app.member(&format!("ada_{n}")).await);
    }
    let mut nodes = std::mem::take(&mut app.nodes);
    let traffic = Arc::new(Traffic {
        http: app.http.clone(),
        nodes: RwLock::new(nodes.iter().map(|node| node.public).collect()),
        refreshed: [const { AtomicUsize::new(0) }; MEMBERS],
        over: AtomicBool::new(false),
    });
    let mut coming = JoinSet::new();
    for (nth, member) in members.iter().cloned().enumerate() {
        coming.spawn(Arc::clone(&traffic).member(nth, member));
    }
    let rotated = async {
        traffic.everybody_came().await;
        roll(&app, &traffic, &mut nodes, &[JWT_KEY, NEXT_JWT_KEY], &[ROOT_KEY, NEXT_ROOT_KEY]).await;
        roll(&app, &traffic, &mut nodes, &[NEXT_JWT_KEY, JWT_KEY], &[NEXT_ROOT_KEY, ROOT_KEY]).await;
        roll(&app, &traffic, &mut nodes, &[NEXT_JWT_KEY], &[NEXT_ROOT_KEY]).await;
        traffic.over.store(true, Ordering::Relaxed);
    };
    tokio::select! {
        () = rotated => {}
        Some(early) = coming.join_next() => panic!("somebody was turned away: {early:?}"),
    }
    coming.join_all().await;

    // What the keys that are gone had made is worthless, and does no harm.
    app.clock.freeze();
    let before = everything(&app);
    for member in &members {
        traffic.send(0, Method::GET, "/auth/me", &member.access, "").await.assert_problem(401, "unauthenticated");
        let body = json!({"refreshToken": member.refresh}).to_string();
        let refreshed = traffic.send(1, Method::POST, "/auth/refresh", "", &body).await;
        refreshed.assert_problem(401, "refresh-invalid");
    }
    assert_eq!(everything(&app), before);
}

#[tokio::test]
async fn a_node_that_lacks_a_key_says_that_it_cannot_tell() {
    let app = TestApp::start().await;
    app.clock.freeze();
    let behind = &app.nodes[0];
    let ahead = app.node_with(&[("secrets.root_keys", &[NEXT_ROOT_KEY, ROOT_KEY].join(","))]).await;
    let refresh =
        async |node: &Node, token: &str| node.post(&app, "/auth/refresh", &json!({"refreshToken": token})).await;
    let ada = app.member("ada").await;
    let newer = Member::of(&refresh(&ahead, &ada.refresh).await.assert_status(200).json(), PASSWORD);
    let opened = ahead.post(&app, "/auth/login", &json!({"login": "ada", "password": PASSWORD})).await;
    let opened = Member::of(&opened.assert_status(200).json(), PASSWORD);

    let before = everything(&app);
    for (what, token) in [
        ("a newer node has refreshed", &newer.refresh),
        ("a newer node has opened", &opened.refresh),
        ("its successor is a newer node's", &ada.refresh),
    ] {
        let answer = refresh(behind, token).await;
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        answer.assert_problem(503, "unavailable");
        assert_eq!(everything(&app), before, "{what}");
    }
    for member in [&ada, &newer, &opened] {
        behind.call(&app, Method::GET, "/auth/me", &member.access, &Value::Null).await.assert_status(200);
    }
    assert_eq!(refresh(&ahead, &ada.refresh).await.assert_status(200).text_of("refreshToken"), newer.refresh);
    refresh(&ahead, &newer.refresh).await.assert_status(200);
    refresh(&ahead, &opened.refresh).await.assert_status(200);
    drop(ahead);
}
