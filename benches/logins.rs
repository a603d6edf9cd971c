//! How many log-ins a second, against what Argon2 alone can do on as many threads?
//!
//! ```sh
//! cargo bench --bench logins            # a minute, after a release build; or `make bench`
//! cargo test --benches                  # does it still work? a moment
//! ```
//!
//! It starts the program with a Redis and a Postgres of its own, signs users up, and lets each log in again and again over
//! a connection of its own: four for each thread that hashes, so that one always waits, and none is refused. The
//! yardstick is [`measure`], a loop of the same hash in memory that is kept, on as many threads, as nice as the
//! product's. The two take turns of a second, so that both feel what else this machine does.
//!
//! Read the ratio: what is lost to 1 is what hashing waits for the rest of a log-in.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is for a terminal, and may panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use vestibule::config::{Accounts, Config};
use vestibule::dev::servers::{PostgresServer, RedisOptions, RedisServer};
use vestibule::password::{Cost, measure, threads};

const ROUNDS: usize = 3;
/// In each round, of the yardstick and of the product.
const TURNS: u32 = 8;
const TURN: Duration = Duration::from_secs(1);
/// As long: each takes half a second.
const MEASURES: u32 = 2;
/// Enough that a thread that has hashed finds the next one waiting.
const CONNECTIONS_PER_THREAD: usize = 4;
const NICE: i32 = 10;

fn main() {
    // Cargo says so where it measures; else it asks whether the bench works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, turns) = if measured { (ROUNDS, TURNS) } else { (1, 1) };
    let settings = Config::load_accounts(None, &mut std::iter::empty()).unwrap();
    let node = Node::start();
    let mut members: Vec<Member> =
        (0..CONNECTIONS_PER_THREAD * threads(&settings)).map(|n| Member::sign_up(&node.public, n)).collect();

    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let (mut raw, mut product) = (0.0, 0.0);
        for _ in 0..turns {
            raw += hashes(&settings) / f64::from(turns);
            product += log_ins(&mut members) / f64::from(turns);
        }
        println!("round {round}: Argon2 alone {raw:.1}/s, log-ins {product:.1}/s, ratio {:.3}", product / raw);
        ratios.push(product / raw);
    }
    ratios.sort_by(f64::total_cmp);
    println!("{} threads; ratio: worst {:.3}, median {:.3}", threads(&settings), ratios[0], ratios[ratios.len() / 2]);
    node.stop();
}

/// Hashes a second without the product.
fn hashes(settings: &Accounts) -> f64 {
    let (cost, threads) = (Cost::configured(settings), threads(settings));
    let measuring = thread::spawn(move || {
        rustix::process::nice(NICE).unwrap();
        (0..MEASURES).map(|_| measure(cost, threads).per_second).sum::<f64>()
    });
    measuring.join().unwrap() / f64::from(MEASURES)
}

/// Log-ins a second, all of them right.
fn log_ins(members: &mut [Member]) -> f64 {
    let begun = Instant::now();
    let done: u32 = thread::scope(|scope| {
        let all: Vec<_> = members
            .iter_mut()
            .map(|member| {
                scope.spawn(move || {
                    let mut done = 0;
                    while begun.elapsed() < TURN {
                        member.log_in();
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// The program, as it is deployed.
struct Node {
    process: Child,
    public: String,
    redis: RedisServer,
    postgres: PostgresServer,
    folder: PathBuf,
    // Closed, it would end the program at its next line.
    _log: BufReader<ChildStderr>,
}

impl Node {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        let redis = RedisServer::start(RedisOptions { dir: folder.join("redis"), ..RedisOptions::default() }).unwrap();
        let postgres = PostgresServer::start(&folder.join("postgres"), false).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(postgres.create_database("bench", None)).unwrap();
        let command = |name: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
            command.arg(name).env_clear().envs(environment(&redis.url(), &postgres.url("bench")));
            command
        };
        assert!(command("migrate").stdout(Stdio::null()).status().unwrap().success());
        let mut process = command("serve").stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let public = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the program ended");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "ready" {
                break line["public"].as_str().unwrap().to_owned();
            }
        };
        Self { process, public, redis, postgres, folder, _log: log }
    }

    fn stop(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.postgres.stop().unwrap();
        self.redis.stop().unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

fn environment(redis: &str, postgres: &str) -> impl Iterator<Item = (String, String)> {
    let settings = [
        ("PUBLIC_URL", "https://interviews.example.com"),
        ("HTTP__LISTEN", "127.0.0.1:0"),
        ("ADMIN__LISTEN", "127.0.0.1:0"),
        ("REDIS__URL", redis),
        ("POSTGRES__URL", postgres),
        ("MAIL__URL", "smtp://127.0.0.1:1?tls=none"),
        ("MAIL__FROM", "Acme <interviews@acme.example>"),
        ("SECRETS__ROOT_KEYS", "r1:cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="),
        ("SECRETS__JWT_KEYS", "j1:ampqampqampqampqampqampqampqampqampqampqamo="),
        // All that is read here of the log.
        ("LOG__LEVEL", "warn,vestibule::node=info"),
        ("LOG__FORMAT", "json"),
        ("LIMITS__SIGNUP_IP__MAX", "200"),
    ];
    settings.map(|(key, value)| (format!("VESTIBULE_{key}"), value.to_owned())).into_iter()
}

/// A user and a connection.
struct Member {
    connection: BufReader<TcpStream>,
    log_in: String,
}

impl Member {
    fn sign_up(public: &str, n: usize) -> Self {
        let connection = BufReader::new(TcpStream::connect(public).unwrap());
        connection.get_ref().set_nodelay(true).unwrap();
        let (name, password) = (format!("member_{n}"), "correct horse battery");
        let log_in = request("login", &format!(r#"{{"login":"{name}","password":"{password}"}}"#));
        let mut member = Self { connection, log_in };
        let body = format!(r#"{{"username":"{name}","email":"{name}@example.com","password":"{password}"}}"#);
        member.ask(&request("signup", &body), "201");
        member
    }

    fn log_in(&mut self) {
        let request = std::mem::take(&mut self.log_in);
        self.ask(&request, "200");
        self.log_in = request;
    }

    /// Sends it, and reads the whole answer.
    fn ask(&mut self, request: &str, status: &str) {
        self.connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            assert!(self.connection.read_line(&mut head).unwrap() > 0, "the node hung up: {head}");
            let line = head[start..].to_ascii_lowercase();
            length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).unwrap();
        assert_eq!(head.split(' ').nth(1), Some(status), "{head}{}", String::from_utf8_lossy(&body));
    }
}

fn request(endpoint: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /auth/{endpoint} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
        content-length: {length}\r\n\r\n{body}"
    )
}
