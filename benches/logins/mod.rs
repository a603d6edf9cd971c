//! How many log-ins a second, against what Argon2 alone can do on as many threads? And what does one cost?
//!
//! ```sh
//! cargo bench --bench node logins # a minute, after a release build; or `make bench`
//! ```
//!
//! It starts the program with a Redis and a Postgres of its own, signs users up, and lets each log in again and again over
//! a connection of its own: four for each thread that hashes, so that one always waits, and none is refused. The
//! yardstick is [`measure`], a loop of the same hash in memory that is kept, on as many threads, as nice as the
//! product's. The two take turns of a second, so that both feel what else this machine does.
//!
//! - `ratio`: log-ins to hashes alone. What is lost to 1 is what hashing waits for the rest of a log-in.
//! - `cpu`: CPU of the server, all its threads, in ms a log-in; and of one hash by the portable `argon2` crate.
//!
//! The marks at the end are of the worst round.

use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use vestibule::config::{Accounts, Config};
use vestibule::password::{Cost, implementation, measure, threads};

use crate::stage::client::Client;
use crate::stage::cost::{cpu_us, own_cpu_us};
use crate::stage::{Served, Servers};

/// The least that log-ins may be, in hashes alone.
const RATIO_MIN: f64 = 0.95;
/// The most that a log-in may cost, in hashes of the portable crate: where that took 16.3 ms, a log-in of a peer that
/// hashes by native code cost its server 10.4 ms.
const CPU_MAX: f64 = 0.63;

const ROUNDS: usize = 3;
/// In each round, of the yardstick and of the product.
const TURNS: u32 = 8;
const TURN: Duration = Duration::from_secs(1);
/// As long: each takes half a second.
const MEASURES: u32 = 2;
/// Enough that a thread that has hashed finds the next one waiting.
const CONNECTIONS_PER_THREAD: usize = 4;
const NICE: i32 = 10;

/// What a round came to.
struct Round {
    ratio: f64,
    cpu: f64,
}

/// Marks that were missed.
pub(crate) fn run(measured: bool) -> usize {
    let (rounds, turns) = if measured { (ROUNDS, TURNS) } else { (1, 1) };
    let settings = Config::load_accounts(None, &mut std::iter::empty()).unwrap();
    println!("{} threads, {}", threads(&settings), implementation());
    let servers = Servers::start("logins");
    let node = Served::node(&servers, &[]);
    let mut members: Vec<Member> =
        (0..CONNECTIONS_PER_THREAD * threads(&settings)).map(|n| Member::sign_up(&node.public, n)).collect();

    let all: Vec<Round> = (1..=rounds).map(|number| round(number, turns, &settings, &node, &mut members)).collect();
    let ratio = all.iter().map(|round| round.ratio).fold(f64::MAX, f64::min);
    let cpu = all.iter().map(|round| round.cpu).fold(0.0, f64::max);
    println!(
        "\nworst of all rounds: ratio {ratio:.3} (at least {RATIO_MIN}), {cpu:.2} hashes of the crate (below {CPU_MAX})"
    );
    drop(node);
    servers.stop();
    usize::from(ratio < RATIO_MIN) + usize::from(cpu >= CPU_MAX)
}

fn round(number: usize, turns: u32, settings: &Accounts, node: &Served, members: &mut [Member]) -> Round {
    let (mut raw, mut product, mut done, mut spent, mut portable) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for _ in 0..turns {
        raw += hashes(settings) / f64::from(turns);
        let (before, turn) = (cpu_us(node.pid()), log_ins(members));
        spent += cpu_us(node.pid()) - before;
        done += turn.count;
        product += turn.count / turn.seconds / f64::from(turns);
        portable += portable_hash_us(Cost::configured(settings)) / f64::from(turns);
    }
    let (ratio, each) = (product / raw, spent / done);
    println!(
        "round {number}: Argon2 alone {raw:.1}/s, log-ins {product:.1}/s, ratio {ratio:.3}; cpu of a log-in {:.2} ms, of \
        a hash of the argon2 crate {:.2} ms",
        each / 1_000.0,
        portable / 1_000.0
    );
    Round { ratio, cpu: each / portable }
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

/// CPU of one hash by the crate that every processor has, in memory that is kept.
fn portable_hash_us(cost: Cost) -> f64 {
    const HASHES: u32 = 10;
    let params = Params::new(cost.memory, cost.iterations, cost.lanes, None).unwrap();
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    let mut one = || {
        argon2.hash_password_into_with_memory(b"correct horse battery", &[0; 16], &mut hash, &mut memory).unwrap();
    };
    // The first one also pays for fresh memory.
    one();
    let before = own_cpu_us();
    (0..HASHES).for_each(|_| one());
    (own_cpu_us() - before) / f64::from(HASHES)
}

struct Turn {
    count: f64,
    seconds: f64,
}

/// As many log-ins as there is time for, all of them right.
fn log_ins(members: &mut [Member]) -> Turn {
    let begun = Instant::now();
    let count: u32 = thread::scope(|scope| {
        let of_member = |member: &mut Member| {
            let mut done = 0;
            while begun.elapsed() < TURN {
                member.log_in();
                done += 1;
            }
            done
        };
        let all: Vec<_> = members.iter_mut().map(|member| scope.spawn(move || of_member(member))).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    Turn { count: f64::from(count), seconds: begun.elapsed().as_secs_f64() }
}

/// A user and a connection.
struct Member {
    connection: Client,
    client: String,
    log_in: String,
}

impl Member {
    fn sign_up(public: &str, n: usize) -> Self {
        let (mut connection, client) = (Client::connect(public), format!("203.0.113.{n}"));
        let (name, password) = (format!("member_{n}"), "correct horse battery");
        let body = format!(r#"{{"username":"{name}","email":"{name}@example.com","password":"{password}"}}"#);
        connection.post("/auth/signup", &client, &body, "201");
        Self { connection, client, log_in: format!(r#"{{"login":"{name}","password":"{password}"}}"#) }
    }

    fn log_in(&mut self) {
        self.connection.post("/auth/login", &self.client, &self.log_in, "200");
    }
}
