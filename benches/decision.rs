//! What does one decision cost through our Redis handle, against a bare PING?
//!
//! ```sh
//! cargo bench --bench decision          # about 30 s, after a release build; or `make bench`
//! cargo test --benches                  # does it still work? each once, a second
//! ```
//!
//! It starts a redis-server of its own on a unix socket and asks one thing at a time, so
//! each time is a round trip, waiting included:
//!
//! - `ping`: a blocking write and read on a raw socket. The yardstick: what the machine,
//!   the kernel and Redis' event loop cost before anybody decides anything.
//! - `admit`, `otp_info`, `session_look`, `login_try`: [`Redis::decide`] as a worker calls it,
//!   on a current-thread runtime.
//!
//! Read the ratios at the end, not the times: those are of this machine, and change with
//! its load, which the yardstick of the same run has felt as well. A ratio that grows from
//! one commit to the next says that the handle or the script has become dearer.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is for a terminal, and may panic")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use tokio::runtime::{Builder, Runtime};
use vestibule::config::{Config, Mode};
use vestibule::dev::servers::{RedisOptions, RedisServer};
use vestibule::id::Id;
use vestibule::metrics::Metrics;
use vestibule::redis::{Gate, Keys, Redis, Reply, scripts};

/// Fewer than so many are a smoke test, not a measurement.
const MEASURED_MIN: u64 = 1_000;
/// Unix ms of the year 2106.
const FAR: u64 = 0xFFFF_FFFF * 1_000;
/// More than the bench can ask for: every decision is the one that counts.
const NEVER: u64 = 1_000_000_000;

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
    let server = RedisServer::start(RedisOptions { dir: folder.clone(), ..RedisOptions::default() }).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (redis, keys) = runtime.block_on(connect(&server));
    let link = Id::nonce();
    runtime.block_on(add_link(&redis, &keys, &link));
    runtime.block_on(open_session(&redis, &keys, &link));

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("decision");
    let ping = ping(&mut group, &server);
    let admit = decide(&mut group, "admit", &runtime, || admit(&redis, &keys, &link));
    let info = decide(&mut group, "otp_info", &runtime, || otp_info(&redis, &keys, &link));
    let look = decide(&mut group, "session_look", &runtime, || session_look(&redis, &keys, &link));
    let login = decide(&mut group, "login_try", &runtime, || login_try(&redis, &keys, &link));
    group.finish();
    criterion.final_summary();
    for (name, cost) in [("admit", admit), ("otp_info", info), ("session_look", look), ("login_try", login)] {
        if let (Some(cost), Some(ping)) = (cost.each(), ping.each()) {
            println!("{name} costs {:.2} pings", cost / ping);
        }
    }

    runtime.block_on(redis.close());
    drop(runtime);
    server.stop().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

/// Time spent, and on how many.
#[derive(Default)]
struct Cost {
    took: Duration,
    count: u64,
}

impl Cost {
    /// Seconds for each; `None` where too few were measured, or a filter left this out.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn each(&self) -> Option<f64> {
        (self.count >= MEASURED_MIN).then(|| self.took.as_secs_f64() / self.count as f64)
    }

    fn add(&mut self, started: Instant, count: u64) -> Duration {
        let took = started.elapsed();
        self.took += took;
        self.count += count;
        took
    }
}

fn ping(group: &mut BenchmarkGroup<'_, WallTime>, server: &RedisServer) -> Cost {
    let (mut socket, mut cost) = (UnixStream::connect(server.socket()).unwrap(), Cost::default());
    group.bench_function("ping", |bencher| {
        bencher.iter_custom(|count| {
            let started = Instant::now();
            for _ in 0..count {
                let mut reply = [0; 7];
                socket.write_all(b"*1\r\n$4\r\nPING\r\n").unwrap();
                socket.read_exact(&mut reply).unwrap();
                assert_eq!(&reply, b"+PONG\r\n");
            }
            cost.add(started, count)
        });
    });
    cost
}

fn decide<F: Future<Output = Reply>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    runtime: &Runtime,
    decision: impl Fn() -> F,
) -> Cost {
    let mut cost = Cost::default();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let started = Instant::now();
            runtime.block_on(async {
                for _ in 0..count {
                    decision().await;
                }
            });
            cost.add(started, count)
        });
    });
    cost
}

/// As a worker connects, with the settings of a fresh installation.
async fn connect(server: &RedisServer) -> (Redis, Keys) {
    let settings = [
        ("PUBLIC_URL", "https://interviews.example.com"),
        ("REDIS__URL", &server.url()),
        ("POSTGRES__URL", "host=/nowhere user=nobody"),
        ("MAIL__URL", "capture:"),
        ("MAIL__FROM", "Acme <interviews@acme.example>"),
        ("SECRETS__ROOT_KEYS", "r1:cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="),
        ("SECRETS__JWT_KEYS", "j1:ampqampqampqampqampqampqampqampqampqampqamo="),
    ];
    let mut settings = settings.into_iter().map(|(key, value)| (format!("VESTIBULE_{key}"), value.to_owned()));
    let config = Config::load(None, &mut settings, Mode::Development).unwrap().redis;
    let gate = Arc::new(Gate::new(config.in_flight_max, config.waiting_max, config.wait_max));
    let redis = Redis::connect(&config, gate, Arc::new(Metrics::new())).await.unwrap();
    (redis, Keys::new(&config.prefix, config.partitions))
}

async fn add_link(redis: &Redis, keys: &Keys, link: &Id) {
    let texts = ["interview", "session", "Ada Lovelace", "Analyst", "a***@e***.com", "sealed"];
    let [interview, session, name, position, masked, to] = texts.map(Into::into);
    let (minutes, expires, keep) = (60_u64.into(), FAR.into(), 1_000_u64.into());
    let args = [interview, session, name, position, masked, to, minutes, expires, "".into(), keep];
    let reply = redis.decide(&scripts::LINK_ADD, [&keys.link(link)], args).await.unwrap();
    assert!(reply.is("added"), "{reply:?}");
}

async fn admit(redis: &Redis, keys: &Keys, client: &Id) -> Reply {
    let args = [NEVER.into(), Duration::from_secs(60).into(), "203.0.113.*".into(), Id::nonce().into()];
    let reply = redis.decide(&scripts::ADMIT, [&keys.limit("candidate_ip", client)], args).await.unwrap();
    assert!(reply.is("admitted"), "{reply:?}");
    reply
}

async fn otp_info(redis: &Redis, keys: &Keys, link: &Id) -> Reply {
    let (window, apart) = (Duration::from_secs(600).into(), Duration::from_secs(60).into());
    let args = [5_u64.into(), window, apart, Duration::from_secs(600).into(), 3_u64.into(), 100_u64.into()];
    let reply = redis.decide(&scripts::OTP_INFO, [&keys.link(link), &keys.otp(link)], args).await.unwrap();
    assert!(reply.is("info"), "{reply:?}");
    reply
}

/// One id is the user and the session.
async fn open_session(redis: &Redis, keys: &Keys, id: &Id) {
    let (version, rank, life, max) = (1_u64.into(), 1_u64.into(), Duration::from_secs(3_600).into(), 50_u64.into());
    let [role, key, salt, device, address] = ["member", "r1", "salt", "a browser", "203.0.113.9"].map(Into::into);
    let args = [(*id).into(), (*id).into(), version, role, rank, key, salt, device, address, life, max];
    let reply = redis.decide(&scripts::SESSION_OPEN, [&keys.session(id, id), &keys.account(id)], args).await.unwrap();
    assert!(reply.is("opened"), "{reply:?}");
}

async fn session_look(redis: &Redis, keys: &Keys, id: &Id) -> Reply {
    let names = [&keys.session(id, id), &keys.account(id)];
    let reply = redis.decide(&scripts::SESSION_LOOK, names, [(*id).into()]).await.unwrap();
    assert!(reply.is("alive"), "{reply:?}");
    reply
}

/// With as many tries remembered as by default; a wait of nothing, however often it is doubled.
async fn login_try(redis: &Redis, keys: &Keys, id: &Id) -> Reply {
    let (wait, wait_max, forget) = (Duration::from_secs(1), Duration::ZERO, Duration::from_secs(900));
    let args = [Id::nonce().into(), 5_u64.into(), wait.into(), wait_max.into(), forget.into(), "a***".into()];
    let reply = redis.decide(&scripts::LOGIN_TRY, [&keys.limit("login_account", id)], args).await.unwrap();
    assert!(reply.is("go"), "{reply:?}");
    reply
}
