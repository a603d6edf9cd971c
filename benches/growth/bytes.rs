//! Bytes in Redis: of a link in each state, a member, a session, a client, an event.

use std::collections::BTreeMap;
use std::time::Duration;

use vestibule::id::Id;
use vestibule::redis::{Key, scripts};

use super::people::{People, State, many};
use super::{Extent, median};
use crate::stage::Servers;
use crate::stage::cost::{ask, cpu_us, info};
use crate::stage::seed::Seed;

/// The most that a link may take, in all, in any state that lasts.
const LINK_BYTES_MAX: f64 = 1_000.0;
/// Whose keys are looked at one by one.
const LOOKED_AT: usize = 50;
/// As Redis comes.
const DEFAULT: &str = "64";
const SETTING: &str = "hash-max-listpack-value";

/// What is kept in Redis.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    Link(State),
    /// With the invitation's fate, which the recruiter is shown.
    Told(State),
    /// With so many sessions.
    Member(usize),
    Client,
    /// An exact log of so many.
    Log(u32),
    Name,
    Event,
}

impl Kept {
    fn all() -> Vec<Self> {
        let told = [Self::Told(State::Invited), Self::Told(State::Started)];
        let others =
            [Self::Member(1), Self::Member(2), Self::Client, Self::Log(1), Self::Log(50), Self::Name, Self::Event];
        let links = State::ALL.into_iter().map(Self::Link);
        links.chain(told).chain(others).collect()
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Link(state) => state.name().to_owned(),
            Self::Told(state) => format!("{}, invited by mail", state.name()),
            Self::Member(sessions) => format!("member: account, and sessions: {sessions}"),
            Self::Client => "client address, of a minute".to_owned(),
            Self::Log(tries) => format!("client address, exact log of {tries}"),
            Self::Name => "name typed wrong, once".to_owned(),
            Self::Event => "event of the audit trail".to_owned(),
        }
    }

    /// How many are measured: of what takes many decisions, fewer.
    fn count(self, extent: Extent) -> usize {
        if let Self::Log(tries @ 2..) = self { extent.subjects.div_ceil(tries as usize / 5) } else { extent.subjects }
    }

    /// Makes the `n`th, and names its keys.
    async fn make(self, people: &People<'_>, n: usize) -> Vec<Key> {
        let keys = &people.0.keys;
        let id = Id::nonce();
        match self {
            Self::Link(state) => people.names(&people.candidate(state).await).into(),
            Self::Told(state) => {
                let one = people.candidate(state).await;
                people.invite(&one).await;
                people.names(&one).into()
            }
            Self::Member(sessions) => open(people, &id, sessions).await,
            Self::Client => {
                let key = keys.limit("candidate_ip", &id);
                let args =
                    [120_u64.into(), Duration::from_secs(3_600).into(), "192.0.2.***".into(), Id::nonce().into()];
                people.decide(&scripts::ADMIT, [&key], args, "admitted").await;
                vec![key]
            }
            Self::Log(tries) => {
                let key = keys.limit("login_ip", &id);
                for _ in 0..tries {
                    let args =
                        [tries.into(), Duration::from_secs(900).into(), "192.0.2.***".into(), Id::nonce().into()];
                    people.decide(&scripts::ADMIT_EXACT, [&key], args, "admitted").await;
                }
                vec![key]
            }
            Self::Name => {
                let key = keys.limit("login_account", &id);
                let [wait, longest, forget] = [60, 3_600, 900].map(|seconds| Duration::from_secs(seconds).into());
                let args = [Id::nonce().into(), 5_u64.into(), wait, longest, forget, "a***".into()];
                people.decide(&scripts::LOGIN_TRY, [&key], args, "go").await;
                vec![key]
            }
            Self::Event => event(people, n).await,
        }
    }
}

/// Sessions of a user.
async fn open(people: &People<'_>, user: &Id, sessions: usize) -> Vec<Key> {
    let keys = &people.0.keys;
    let mut names = vec![keys.account(user)];
    for _ in 0..sessions {
        let session = Id::nonce();
        let key = keys.session(user, &session);
        let args = [
            session.into(),
            (*user).into(),
            1_u64.into(),
            "member".into(),
            1_u64.into(),
            "r1".into(),
            Id::nonce().into(),
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
            "192.0.2.17".into(),
            Duration::from_secs(30 * 86_400).into(),
            50_u64.into(),
        ];
        people.decide(&scripts::SESSION_OPEN, [&key, &names[0]], args, "opened").await;
        names.push(key);
    }
    names
}

/// One of a batch of its own, which is forgotten at once.
async fn event(people: &People<'_>, n: usize) -> Vec<Key> {
    let keys = &people.0.keys;
    let partition = keys.partition(&Id::first_of(&(n as u128).to_be_bytes()));
    let (stream, batch) = (keys.audit(partition), keys.audit_batch(partition, &Id::nonce()));
    let (subject, request) = (Id::nonce(), Id::nonce());
    let event = format!(
        "code_sent who=a***@e***.com subject={subject} client=192.0.2.*** request_id={request} at=1790000000000\n"
    );
    let life = Duration::from_secs(30 * 86_400).into();
    let args = [1_000_000_u64.into(), life, Duration::from_millis(1).into(), event.into()];
    people.decide(&scripts::AUDIT_ADD, [&stream, &batch], args, "added").await;
    Vec::new()
}

/// What one of them takes.
pub(crate) struct Taken {
    pub(crate) kept: Kept,
    /// As Redis comes.
    pub(crate) plain: f64,
    /// With what `config/redis.conf` has.
    pub(crate) shipped: f64,
    /// Of each kind of key, as MEMORY USAGE has it.
    keys: BTreeMap<String, f64>,
}

/// Measures all, and prints it.
pub(crate) fn measure(extent: Extent) -> Vec<Taken> {
    let servers = Servers::start("growth-bytes");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (taken, cpu) = runtime.block_on(async {
        let seed = Seed::connect(&servers.config()).await;
        let (people, mut taken) = (People(&seed), Vec::new());
        for kept in Kept::all() {
            use_setting(&servers, DEFAULT);
            let (plain, _) = of_one(&servers, &people, kept, kept.count(extent)).await;
            use_setting(&servers, shipped());
            let (shipped, keys) = of_one(&servers, &people, kept, kept.count(extent)).await;
            taken.push(Taken { kept, plain, shipped, keys });
        }
        let cpu = cpu_of_both(&servers, &people, extent).await;
        seed.close().await;
        (taken, cpu)
    });
    servers.stop();
    print(&taken, cpu, extent);
    taken
}

fn print(taken: &[Taken], cpu: [f64; 2], extent: Extent) {
    println!("\nbytes in Redis, of {} each: used_memory, divided; and MEMORY USAGE of the keys", extent.subjects);
    println!("{:<44} {:>8} {:>8}", "", "default", "shipped");
    for Taken { kept, plain, shipped, keys } in taken {
        let keys: Vec<String> = keys.iter().map(|(kind, bytes)| format!("{kind} {bytes:.0}")).collect();
        println!("{:<44} {plain:>8.0} {shipped:>8.0}   {}", kept.name(), keys.join(" + "));
    }
    let [plain, shipped] = cpu;
    println!("Redis CPU for a candidate's whole way: {plain:.1} us by default, {shipped:.1} us as shipped");
    let largest = taken
        .iter()
        .filter(|one| matches!(one.kept, Kept::Link(state) if state != State::Asked))
        .map(|one| one.shipped)
        .fold(0.0, f64::max);
    let reached = if largest <= LINK_BYTES_MAX { "ok" } else { "MISSED" };
    println!("a link in a state that lasts: at most {largest:.0} bytes (aim {LINK_BYTES_MAX}) {reached}");
}

/// Of hashes: the longest value in a compact one, as `config/redis.conf` has it.
pub(crate) fn shipped() -> &'static str {
    let lines = include_str!("../../config/redis.conf").lines();
    lines.into_iter().find_map(|line| line.strip_prefix(SETTING)).map_or(DEFAULT, str::trim)
}

pub(crate) fn use_setting(servers: &Servers, value: &str) {
    let answer = ask(&servers.redis, &["CONFIG", "SET", SETTING, value]);
    assert_eq!(answer.trim(), "+OK");
}

async fn of_one(servers: &Servers, people: &People<'_>, kept: Kept, subjects: usize) -> (f64, BTreeMap<String, f64>) {
    ask(&servers.redis, &["FLUSHALL", "SYNC"]);
    let before = at_rest(servers).await;
    let made = many(subjects, |n| kept.make(people, n)).await;
    let after = at_rest(servers).await;
    let mut keys = BTreeMap::new();
    for key in made.iter().take(LOOKED_AT).flatten() {
        let answer = ask(&servers.redis, &["MEMORY", "USAGE", key.name(), "SAMPLES", "0"]);
        // There is nothing of it in this state.
        let Ok(bytes) = answer.trim().trim_start_matches(':').parse::<f64>() else { continue };
        let kind = key.name().split(':').nth(1).unwrap_or_default().to_owned();
        *keys.entry(kind).or_insert(0.0) += bytes / as_f64(LOOKED_AT.min(made.len()));
    }
    ((after - before) / as_f64(subjects), keys)
}

/// Memory in use once Redis has nothing left to do: its tables grow step by step, and what is over goes a little later.
async fn at_rest(servers: &Servers) -> f64 {
    let used = || info(&servers.redis, "memory")["used_memory"].parse::<f64>().unwrap();
    let mut last = used();
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = used();
        // A connection's buffers, to and fro.
        if (now - last).abs() < 2_048.0 {
            return now;
        }
        last = now;
    }
}

/// Of Redis, for a candidate who comes all the way, in µs: by default, and as shipped, in turns.
async fn cpu_of_both(servers: &Servers, people: &People<'_>, extent: Extent) -> [f64; 2] {
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..extent.rounds {
        for (costs, value) in costs.iter_mut().zip([DEFAULT, shipped()]) {
            use_setting(servers, value);
            ask(&servers.redis, &["FLUSHALL", "SYNC"]);
            let redis = servers.redis.pid().unwrap();
            let before = cpu_us(redis);
            many(extent.subjects, |_| people.candidate(State::Started)).await;
            costs.push((cpu_us(redis) - before) / as_f64(extent.subjects));
        }
    }
    costs.map(|mut costs| median(&mut costs))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
