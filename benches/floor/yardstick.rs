//! A server that does nothing of its own: hyper, and so many decisions of a trivial script, through fred.
//!
//! Built as the product is: one acceptor, one worker with a current-thread runtime and one client of Redis, the library
//! options that the product spells out, the same timeouts.

use std::convert::Infallible;
use std::io::Read as _;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use fred::types::config::{Config, ReconnectPolicy};
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use vestibule::redis::scripts::sha_of;

/// As large as an answer of `info`.
const ANSWER: &str = r#"{"candidateName":"Ada Lovelace","position":"Senior Engineer","maskedEmail":"a***@e***.com","expiresAt":"2026-11-22T10:15:00Z","resendIn":0,"cooldown":0,"attemptsRemaining":3,"ref":null}"#;

/// Counts, and tells: the least that a decision can be.
pub(crate) const SCRIPT: &str = "#!lua\nreturn {'counted', redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2]), 60000}";
/// For it, with one key: about as many bytes as a decision of ours has.
pub(crate) const ARGS: [&str; 4] = ["requests", "1", "203.0.113.*", "0123456789abcdef0123456789abcdef"];

/// Serves until standard input ends.
pub(crate) fn serve(decisions: usize, redis: &str) {
    let (tell, told) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(tell);
    });
    let (door, mut connections) = mpsc::channel::<std::net::TcpStream>(64);
    let url = redis.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = if decisions > 0 { Some(connect(&url).await) } else { None };
            while let Some(stream) = connections.recv().await {
                tokio::spawn(connection(TcpStream::from_std(stream).unwrap(), client.clone(), decisions));
            }
        });
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let accepting = async {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                door.send(stream.into_std().unwrap()).await.unwrap();
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = told => {}
        }
    });
}

async fn connection(stream: TcpStream, client: Option<Client>, decisions: usize) {
    let (client, sha) = (&client, &*sha_of(SCRIPT));
    let service = service_fn(|_: Request<Incoming>| async move {
        for _ in 0..decisions {
            if let Some(client) = client {
                decide(client, sha).await;
            }
        }
        let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok::<_, Infallible>(response)
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(75))
        .max_buf_size(32_768)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn decide(client: &Client, sha: &str) {
    let words = [sha, "1", "yardstick"].into_iter().chain(ARGS);
    let args: Vec<Value> = words.map(|word| Value::String(word.into())).collect();
    let command = CustomCommand::new_static("EVALSHA", ClusterHash::Custom(0), false);
    let answer: Vec<Value> = client.custom(command, args).await.unwrap();
    assert_eq!(answer.len(), 3);
}

async fn connect(url: &str) -> Client {
    let client = Builder::from_config(Config::from_url(url).unwrap())
        .with_performance_config(|performance| performance.default_command_timeout = Duration::from_millis(700))
        .with_connection_config(|connection| {
            connection.max_command_attempts = 1;
            connection.tcp.nodelay = Some(true);
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 1_000, 2))
        .build()
        .unwrap();
    client.init().await.unwrap();
    client.script_load::<String, _>(SCRIPT).await.unwrap();
    client
}
