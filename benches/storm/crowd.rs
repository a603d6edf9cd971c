//! The storm: so many log-ins a second, however they are answered.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::stage::client::Client;

/// Everybody who logs in, with a connection each.
pub(crate) struct Crowd {
    members: Vec<Member>,
    /// Log-ins that were sent: the next has a name and an address that none had.
    sent: AtomicU32,
}

struct Member {
    connection: Client,
    right: String,
}

/// What became of log-ins.
#[derive(Default)]
pub(crate) struct Told {
    done: usize,
    wrong: usize,
    shed_ms: Vec<f64>,
    seconds: f64,
}

impl Crowd {
    pub(crate) fn sign_up(public: &str, members: usize) -> Self {
        let members = (0..members).map(|n| Member::sign_up(public, n)).collect();
        Self { members, sent: AtomicU32::new(0) }
    }

    /// Sends log-ins at this rate until `meanwhile` has ended, which begins when the first is told that it is too many.
    pub(crate) fn storm<T>(&mut self, told: &mut Told, rate: f64, meanwhile: impl FnOnce() -> T) -> T {
        let (begun, over, full) = (Instant::now(), AtomicBool::new(false), AtomicBool::new(false));
        let Self { members, sent } = self;
        let first = sent.load(Ordering::Relaxed);
        let due = |number: u32| begun + Duration::from_secs_f64(f64::from(number - first) / rate);
        thread::scope(|scope| {
            let (sent, over, full) = (&*sent, &over, &full);
            let one_after_the_other = |member: &mut Member| {
                let mut told = Told::default();
                loop {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    wait_until(due(number));
                    if over.load(Ordering::Relaxed) {
                        return told;
                    }
                    if member.log_in(number, &mut told) == "503" {
                        full.store(true, Ordering::Relaxed);
                    }
                }
            };
            let all: Vec<_> =
                members.iter_mut().map(|member| scope.spawn(move || one_after_the_other(member))).collect();
            while !full.load(Ordering::Relaxed) {
                thread::park_timeout(Duration::from_millis(1));
            }
            let end = End(over);
            let done = meanwhile();
            drop(end);
            all.into_iter().for_each(|one| told.add(one.join().unwrap()));
            told.seconds += begun.elapsed().as_secs_f64();
            done
        })
    }
}

/// Ends the storm, also where what was measured meanwhile has panicked: the scope waits for every thread.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

impl Member {
    fn sign_up(public: &str, n: usize) -> Self {
        let (mut connection, name, password) =
            (Client::connect(public), format!("member_{n}"), "correct horse battery");
        let body = format!(r#"{{"username":"{name}","email":"{name}@example.com","password":"{password}"}}"#);
        connection.post("/auth/signup", &format!("203.0.113.{}", n % 250), &body, "201");
        Self { connection, right: format!(r#"{{"login":"{name}","password":"{password}"}}"#) }
    }

    /// Every second one as this member, the others under names that nobody has.
    fn log_in(&mut self, number: u32, told: &mut Told) -> String {
        let nobody = || format!(r#"{{"login":"nobody_{number}","password":"wrong horse battery"}}"#);
        let body = if number.is_multiple_of(2) { self.right.clone() } else { nobody() };
        let client = format!("100.{}.{}.{}", 64 + number / 62_500 % 64, number / 250 % 250, number % 250);
        let request = format!(
            "POST /auth/login HTTP/1.1\r\nhost: bench\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
            content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = Instant::now();
        let (status, answer) = self.connection.ask(&request);
        match &*status {
            "200" => told.done += 1,
            "401" => told.wrong += 1,
            "503" => told.shed_ms.push(asked.elapsed().as_secs_f64() * 1_000.0),
            _ => panic!("{status}: {answer}"),
        }
        status
    }
}

impl Told {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.wrong += other.wrong;
        self.shed_ms.extend(other.shed_ms);
    }

    pub(crate) fn shed_p99_ms(&self) -> f64 {
        let mut all = self.shed_ms.clone();
        all.sort_by(f64::total_cmp);
        all[all.len() * 99 / 100]
    }
}

impl fmt::Display for Told {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shed = self.shed_ms.len();
        let [offered, done, wrong, shed] =
            [self.done + self.wrong + shed, self.done, self.wrong, shed].map(|count| count as f64 / self.seconds);
        write!(
            f,
            "{offered:.0} offered: {done:.0} let in, {wrong:.0} wrong, {shed:.0} shed, p99 {:.1}",
            self.shed_p99_ms()
        )
    }
}
