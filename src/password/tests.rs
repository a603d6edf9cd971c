use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::pool::step_back;
use super::*;
use crate::config::{CommonPasswords, Config};

const METRIC_COMPUTED: &str = "vestibule_password_hash_seconds_count";
const METRIC_WAITING: &str = "vestibule_password_hashes_waiting";

fn settings() -> Accounts {
    let defaults = Config::load_accounts(None, &mut std::iter::empty()).unwrap();
    Accounts { hash_memory: 64, hash_iterations: 1, hash_threads: 1, ..defaults }
}

fn pepper(id: &str, byte: u8) -> NamedKey {
    NamedKey { id: id.to_owned(), bytes: Zeroizing::new(vec![byte; 32]) }
}

fn start(settings: &Accounts, peppers: &[NamedKey]) -> (Hasher, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (Hasher::start(settings, peppers, Arc::clone(&metrics)).unwrap(), metrics)
}

fn count(metrics: &Metrics, series: &str) -> u64 {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.map_or(0, |number| number.parse().unwrap())
}

fn outcome(metrics: &Metrics, outcome: &str) -> u64 {
    count(metrics, &format!("vestibule_password_hashes_total{{outcome=\"{outcome}\"}}"))
}

/// Begins it, and does not wait for its end.
async fn begin<F: Future + ?Sized>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[track_caller]
fn assert_fault<T: fmt::Debug>(result: Result<T, Fault>, dependency: &str) {
    let said = result.unwrap_err().to_string();
    assert!(said.starts_with(&format!("{dependency}: ")), "{said}");
}

/// Written by the reference implementation in C (its src/test.c).
#[tokio::test]
async fn what_others_stored_verifies_and_is_to_be_renewed() {
    let stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let (hasher, _) = start(&Accounts { hash_memory: 256, hash_iterations: 2, ..settings() }, &[]);
    // Its salt has 8 bytes.
    assert_eq!(hasher.verify(&Password::new("password"), Some(stored)).await.unwrap(), Match::Outdated);
    assert_eq!(hasher.verify(&Password::new("Password"), Some(stored)).await.unwrap(), Match::Wrong);
}

#[tokio::test]
async fn a_password_is_what_was_typed_whatever_the_keyboard() {
    let (hasher, _) = start(&settings(), &[]);
    let stored = hasher.hash(&Password::new(" caf\u{e9} cr\u{e8}me ")).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$") && stored.split('$').count() == 6, "{stored}");
    assert_ne!(hasher.hash(&Password::new(" caf\u{e9} cr\u{e8}me ")).await.unwrap(), stored, "the salt is fresh");
    for (text, expected) in [
        (" caf\u{e9} cr\u{e8}me ", Match::Right),
        (" cafe\u{301} cre\u{300}me ", Match::Right),
        ("caf\u{e9} cr\u{e8}me", Match::Wrong),
        (" caf\u{e9} cr\u{e8}me", Match::Wrong),
        (" Caf\u{e9} cr\u{e8}me ", Match::Wrong),
        ("", Match::Wrong),
    ] {
        assert_eq!(hasher.verify(&Password::new(text), Some(&stored)).await.unwrap(), expected, "{text:?}");
    }
    let long = "x".repeat(1_024);
    let stored = hasher.hash(&Password::new(&long)).await.unwrap();
    assert_eq!(hasher.verify(&Password::new(&long[1..]), Some(&stored)).await.unwrap(), Match::Wrong);
    assert_eq!(format!("{:?} {hasher:?}", Password::new(&long)).matches('x').count(), 0);
}

#[tokio::test]
async fn a_hash_of_another_cost_is_right_and_outdated() {
    let (before, _) = start(&settings(), &[]);
    let password = Password::new("a password");
    let stored = before.hash(&password).await.unwrap();
    assert_eq!(before.verify(&password, Some(&stored)).await.unwrap(), Match::Right);
    for changed in [
        Accounts { hash_memory: 65, ..settings() },
        Accounts { hash_memory: 32, ..settings() },
        Accounts { hash_iterations: 2, ..settings() },
        Accounts { hash_lanes: 2, ..settings() },
    ] {
        let (after, _) = start(&changed, &[]);
        assert_eq!(after.verify(&password, Some(&stored)).await.unwrap(), Match::Outdated, "{changed:?}");
        assert_eq!(after.verify(&Password::new("another"), Some(&stored)).await.unwrap(), Match::Wrong);
        let renewed = after.hash(&password).await.unwrap();
        assert_eq!(after.verify(&password, Some(&renewed)).await.unwrap(), Match::Right);
    }
}

#[tokio::test]
async fn a_pepper_comes_and_is_followed_by_another_and_may_not_go_too_early() {
    let (a, b) = (pepper("a", 1), pepper("b", 2));
    let with = |peppers: &[NamedKey]| start(&settings(), peppers).0;
    let password = Password::new("a password");
    let plain = with(&[]).hash(&password).await.unwrap();
    let of_a = with(std::slice::from_ref(&a)).hash(&password).await.unwrap();
    assert!(of_a.contains(&format!("p=1,keyid={}$", BASE64.encode("a"))) && !plain.contains("keyid"), "{of_a}");
    let verify = async |peppers: &[NamedKey], stored: &str| with(peppers).verify(&password, Some(stored)).await;

    assert_eq!(verify(std::slice::from_ref(&a), &plain).await.unwrap(), Match::Outdated);
    assert_eq!(verify(std::slice::from_ref(&a), &of_a).await.unwrap(), Match::Right);
    assert_eq!(verify(&[a.clone(), b.clone()], &of_a).await.unwrap(), Match::Right);
    assert_eq!(verify(&[b.clone(), a.clone()], &of_a).await.unwrap(), Match::Outdated);
    assert_eq!(verify(&[pepper("a", 2)], &of_a).await.unwrap(), Match::Wrong, "another key of that name");
    for without in [&[][..], &[b]] {
        let (hasher, metrics) = start(&settings(), without);
        assert_fault(hasher.verify(&password, Some(&of_a)).await, "keys");
        assert_eq!(count(&metrics, METRIC_COMPUTED), 1);
    }
}

#[tokio::test]
async fn nobody_costs_what_anybody_costs() {
    let (hasher, metrics) = start(&settings(), &[pepper("a", 1)]);
    let password = Password::new("a password");
    let stored = hasher.hash(&password).await.unwrap();
    assert_eq!(count(&metrics, METRIC_COMPUTED), 1);
    hasher.verify(&password, Some(&stored)).await.unwrap();
    assert_eq!(count(&metrics, METRIC_COMPUTED), 2);
    assert_eq!(hasher.verify(&password, None).await.unwrap(), Match::Wrong);
    assert_eq!(count(&metrics, METRIC_COMPUTED), 3);
    for (n, unreadable) in ["", "hunter2", "$2b$12$abc", &stored[..60]].into_iter().enumerate() {
        let fault = hasher.verify(&password, Some(unreadable)).await;
        assert!(!format!("{fault:?}").contains("hunter2"));
        assert_fault(fault, "postgres");
        assert_eq!(count(&metrics, METRIC_COMPUTED), 4 + n as u64, "{unreadable}");
    }
    // Its cost is that of a user, and its pepper: it goes through the same lines.
    assert_eq!((hasher.0.nobody.cost, hasher.0.nobody.keyid.as_deref()), (hasher.0.cost, Some("a")));
}

#[test]
fn what_is_stored_is_bounded_before_it_is_believed() {
    let stored = |parameters: &str| format!("$argon2id$v=19${parameters}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu");
    for good in ["m=262144,t=16,p=16", "m=8,t=1,p=1", "m=64,t=1,p=8,keyid=YQ"] {
        let read = Stored::parse(&stored(good)).unwrap_or_else(|why| panic!("{good}: {why}"));
        assert_eq!(read.written(), stored(good));
    }
    for bad in [
        "m=262145,t=1,p=1",
        "m=64,t=17,p=1",
        "m=1024,t=1,p=17",
        "m=7,t=1,p=1",
        "m=15,t=1,p=2",
        "m=64,t=0,p=1",
        "m=64,t=1,p=0",
        "m=+64,t=1,p=1",
        "m=,t=1,p=1",
        "m=99999999999,t=1,p=1",
        "t=1,m=64,p=1",
        "m=64,t=1",
        "m=64,t=1,p=1,data=YQ",
        "m=64,t=1,p=1,keyid=YQ,data=YQ",
        "m=64,t=1,p=1,keyid=Y",
    ] {
        assert!(Stored::parse(&stored(bad)).is_err(), "{bad}");
    }
    let good = stored("m=64,t=1,p=1");
    for (from, to) in [
        ("argon2id", "argon2i"),
        ("v=19", "v=16"),
        ("c29tZXNhbHQ", "c29t"),
        ("c29tZXNhbHQ", "c29tZXNhbHQ="),
        ("$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu", "$nf65EOgL"),
        ("$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu", "$nf65EOgL$nf65"),
        ("$argon2id", "argon2id"),
    ] {
        assert!(Stored::parse(&good.replacen(from, to, 1)).is_err(), "{from} {to}");
    }
}

#[tokio::test]
async fn past_a_full_queue_is_no_waiting() {
    let metrics = Arc::new(Metrics::new());
    let settings = Accounts { hash_queue_max: 2, ..settings() };
    let (hasher, mut worker) = Hasher::unstaffed(&settings, &[], Arc::clone(&metrics));
    let password = Password::new("a password");
    let (mut first, mut second) = (pin!(hasher.hash(&password)), pin!(hasher.hash(&password)));
    assert!(begin(&mut first).await.is_none() && begin(&mut second).await.is_none());
    assert_eq!(count(&metrics, METRIC_WAITING), 2);
    let mut third = pin!(hasher.hash(&password));
    assert_fault(begin(&mut third).await.expect("an answer at once"), "load");
    assert_eq!((outcome(&metrics, "shed"), count(&metrics, METRIC_WAITING)), (1, 2));

    worker.step();
    worker.step();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!((outcome(&metrics, "done"), count(&metrics, METRIC_WAITING)), (2, 0));
}

#[tokio::test]
async fn what_is_too_late_is_given_up_by_both_sides() {
    let metrics = Arc::new(Metrics::new());
    let settings = Accounts { hash_timeout: Duration::from_millis(1), ..settings() };
    let (hasher, mut worker) = Hasher::unstaffed(&settings, &[], Arc::clone(&metrics));
    assert_fault(hasher.verify(&Password::new("a password"), None).await, "load");
    worker.step();
    assert_eq!((outcome(&metrics, "late"), count(&metrics, METRIC_COMPUTED)), (1, 0));
}

#[tokio::test]
async fn nobody_computes_for_a_client_that_has_gone() {
    let metrics = Arc::new(Metrics::new());
    let (hasher, mut worker) = Hasher::unstaffed(&settings(), &[], Arc::clone(&metrics));
    let (gone, stays) = (Password::new("a password"), Password::new("another password"));
    let mut asked = Box::pin(hasher.hash(&gone));
    assert!(begin(&mut asked.as_mut()).await.is_none());
    let mut other = pin!(hasher.hash(&stays));
    assert!(begin(&mut other).await.is_none());
    drop(asked);
    worker.step();
    assert_eq!((outcome(&metrics, "abandoned"), count(&metrics, METRIC_COMPUTED)), (1, 0));
    worker.step();
    other.await.unwrap();
    assert_eq!((outcome(&metrics, "done"), count(&metrics, METRIC_COMPUTED)), (1, 1));
}

#[tokio::test]
async fn memory_grows_for_a_hash_that_needs_it_and_is_given_back() {
    let (hasher, mut worker) = Hasher::unstaffed(&settings(), &[], Arc::new(Metrics::new()));
    let password = Password::new("a password");
    for (memory, kept) in [(64, 64), (4_096, 64), (32, 64)] {
        let stored = start(&Accounts { hash_memory: memory, ..settings() }, &[]).0.hash(&password).await.unwrap();
        let mut asked = pin!(hasher.verify(&password, Some(&stored)));
        assert!(begin(&mut asked).await.is_none());
        worker.step();
        assert_ne!(asked.await.unwrap(), Match::Wrong);
        assert_eq!(worker.blocks(), kept);
    }
}

/// The niceness of a thread of this process.
fn niceness(task: &std::path::Path) -> i32 {
    let stat = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
    // After the name in brackets, the 17th is field 19.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(16).and_then(|field| field.parse().ok()).unwrap_or_default()
}

#[test]
fn threads_have_names_and_manners_and_end_with_the_last_handle() {
    let own = niceness("/proc/thread-self".as_ref());
    std::thread::spawn(move || {
        step_back();
        assert_eq!(niceness("/proc/thread-self".as_ref()), (own + 10).min(19));
    })
    .join()
    .unwrap();
    assert_eq!(niceness("/proc/thread-self".as_ref()), own, "niceness is a thread's own");

    // No other test starts so many.
    let found = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "argon2-6\n")).count()
    };
    let until = |wanted: usize| {
        let begun = Instant::now();
        while found() != wanted {
            assert!(begun.elapsed() < Duration::from_secs(10), "{} threads, not {wanted}", found());
            std::thread::yield_now();
        }
    };
    let (hasher, _) = start(&Accounts { hash_threads: 7, ..settings() }, &[]);
    until(1);
    let other = hasher.clone();
    drop(hasher);
    until(1);
    drop(other);
    until(0);
}

#[test]
fn handlers_may_wait_for_it_on_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    let (hasher, _) = Hasher::unstaffed(&settings(), &[], Arc::new(Metrics::new()));
    let password = Password::new("a password");
    is_send(&hasher.hash(&password));
    is_send(&hasher.verify(&password, None));
}

#[test]
fn rules_say_why_and_what_to_do() {
    let rules = Rules::new(&settings());
    let own = ["Ada_Lovelace", "Ad\u{e9}le@Example.com"];
    let check = |rules: &Rules, text: &str| rules.check(&Password::new(text), &own).err();
    let (short, long) = ("must have at least 6 characters", "must have at most 1024 characters");
    let common = "is among the most common passwords; choose one that nobody would guess";
    let mine = "must not be your username or e-mail address; choose another";
    for (text, expected) in [
        ("", Some(short)),
        ("12345", Some(short)),
        // Five characters, written with ten.
        (&"e\u{301}".repeat(5), Some(short)),
        (&"e\u{301}".repeat(6), None),
        ("      ", None),
        (&"\u{1f511}".repeat(1_024), None),
        (&"e\u{301}".repeat(1_024), None),
        (&"x".repeat(1_025), Some(long)),
        ("PassWord", Some(common)),
        ("\u{419}\u{426}\u{423}\u{41a}\u{415}\u{41d}", Some(common)),
        ("ada_lovelace", Some(mine)),
        ("ADE\u{301}LE@example.com", Some(mine)),
        ("ada_lovelace1", None),
        ("rainy tuesday", None),
    ] {
        assert_eq!(check(&rules, text).as_deref(), expected, "{text:?}");
    }
    let lax = Rules::new(&Accounts { common_passwords: CommonPasswords::Allow, password_min: 8, ..settings() });
    assert_eq!(check(&lax, "password"), None);
    assert_eq!(check(&lax, "iloveyo").as_deref(), Some("must have at least 8 characters"));
}
