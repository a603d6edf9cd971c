//! Passwords: what one must be, and its Argon2id hash, computed on threads of its own.

mod calibrate;
mod common;
mod phc;
mod pool;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use argon2::Params;
use ring::hmac;
use tokio_util::sync::CancellationToken;
use unicode_normalization::UnicodeNormalization as _;
use vestibule_argon2id::Argon2id;
use zeroize::Zeroizing;

pub use self::calibrate::{Measured, measure};
pub use self::phc::Cost;
pub use self::pool::Place;
pub use self::rules::Rules;

use self::phc::{SALT_BYTES, Stored};
use self::pool::{Queue, Work, Worker};
use crate::config::{Accounts, NamedKey};
use crate::fault::{Dependency, Fault};
use crate::metrics::Metrics;
use crate::random;

/// A password as it was typed, in NFC: keyboards differ in how they write an é. Never trimmed, and never cut.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// What a stored hash says of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match {
    /// It is another, or there is no such user.
    Wrong,
    /// It is this one.
    Right,
    /// It is this one, but the cost or the pepper has moved: hash it again.
    Outdated,
}

/// Hashes and verifies. The last handle that is dropped ends the threads.
#[derive(Clone)]
pub struct Hasher(Arc<Shared>);

struct Shared {
    queue: Queue,
    cost: Cost,
    /// The first makes, all verify; may be empty.
    peppers: Vec<Arc<NamedKey>>,
    /// Whom an unknown user is compared with: a hash that no password has.
    nobody: Stored,
    /// The same, as a user's is read.
    nobody_written: String,
}

impl Password {
    /// Takes any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(secret_text(text.nfc(), text.len()))
    }

    /// Characters, as the rules count them.
    pub(crate) fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system gives no thread.
    ///
    /// # Panics
    /// On a cost that the configuration refuses.
    pub fn start(settings: &Accounts, peppers: &[NamedKey], metrics: Arc<Metrics>) -> io::Result<Self> {
        let (hasher, worker) = Self::unstaffed(settings, peppers, metrics);
        for n in 0..threads(settings) {
            let worker = worker.another();
            thread::Builder::new().name(format!("argon2-{n}")).spawn(move || {
                pool::step_back();
                worker.run();
            })?;
        }
        Ok(hasher)
    }

    /// A queue, and the first of its workers, which nobody runs yet.
    fn unstaffed(settings: &Accounts, peppers: &[NamedKey], metrics: Arc<Metrics>) -> (Self, Worker) {
        let cost = Cost::configured(settings);
        let peppers: Vec<_> = peppers.iter().cloned().map(Arc::new).collect();
        let keyid = peppers.first().map(|pepper| pepper.id.clone());
        let nobody = Stored::new(cost, keyid, random::bytes::<{ Params::DEFAULT_OUTPUT_LEN }>().to_vec());
        let waiting_max = settings.hash_queue_max.saturating_mul(threads(settings));
        let (queue, worker) = pool::open(waiting_max, settings.hash_timeout, cost, metrics);
        let nobody_written = nobody.written();
        (Self(Arc::new(Shared { queue, cost, peppers, nobody, nobody_written })), worker)
    }

    /// Room for a password, for [`Self::verify_at`]. Had before anything is asked of Redis or Postgres, it spares them,
    /// and those who need them, what a storm of log-ins would ask for nothing.
    ///
    /// # Errors
    /// Too many wait.
    pub fn place(&self) -> Result<Place, Fault> {
        self.0.queue.place()
    }

    /// A text to store, in the PHC string format.
    ///
    /// # Errors
    /// Too many wait, or it took too long.
    pub async fn hash(&self, password: &Password) -> Result<String, Fault> {
        let shared = &self.0;
        let keyid = shared.peppers.first().map(|pepper| pepper.id.clone());
        let mut stored = Stored::new(shared.cost, keyid, vec![0; Params::DEFAULT_OUTPUT_LEN]);
        let hash = self.compute(self.place()?, password, &stored).await?;
        stored.hash.copy_from_slice(&hash);
        Ok(stored.written())
    }

    /// Compares a password with what [`Self::hash`] made; `None` is a user that there is not. Whatever is wrong, it
    /// costs a hash, so that the time of an answer does not tell.
    ///
    /// # Errors
    /// Too many wait, or it took too long; or what is stored cannot be read, or has a pepper that this node lacks.
    pub async fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Match, Fault> {
        self.verify_at(self.place()?, password, stored).await
    }

    /// The same, in a place that was had before.
    ///
    /// # Errors
    /// Those of [`Self::verify`].
    pub async fn verify_at(&self, place: Place, password: &Password, stored: Option<&str>) -> Result<Match, Fault> {
        // Nobody's goes all the way that a user's goes: it is read, and compared.
        let found = self.read(stored.unwrap_or(&self.0.nobody_written));
        let hash = self.compute(place, password, found.as_ref().unwrap_or(&self.0.nobody)).await?;
        let found = found?;
        let right = same(&hash, &found.hash);
        Ok(match stored {
            Some(_) if right && self.is_current(&found) => Match::Right,
            Some(_) if right => Match::Outdated,
            _ => Match::Wrong,
        })
    }

    /// What is stored, where this node has the pepper that it names.
    fn read(&self, text: &str) -> Result<Stored, Fault> {
        let stored = Stored::parse(text)
            .map_err(|why| Fault::new(Dependency::Postgres, format!("a stored password hash {why}")))?;
        match &stored.keyid {
            Some(id) if self.pepper(id).is_none() => {
                Err(Fault::new(Dependency::Keys, format!("secrets.pepper_keys lacks {id:?}, which a password needs")))
            }
            _ => Ok(stored),
        }
    }

    async fn compute(&self, place: Place, password: &Password, stored: &Stored) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let work = Work {
            password: password.clone(),
            params: stored.params(),
            salt: stored.salt.clone(),
            pepper: stored.keyid.as_ref().and_then(|id| self.pepper(id)),
        };
        self.0.queue.ask(place, work).await
    }

    fn pepper(&self, id: &str) -> Option<Arc<NamedKey>> {
        self.0.peppers.iter().find(|pepper| pepper.id == id).cloned()
    }

    /// Whether [`Self::hash`] would make it so today.
    fn is_current(&self, stored: &Stored) -> bool {
        let nobody = &self.0.nobody;
        let shape = |stored: &Stored| (stored.cost, stored.salt.len(), stored.hash.len());
        shape(stored) == shape(nobody) && stored.keyid == nobody.keyid
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.0.cost).finish_non_exhaustive()
    }
}

impl Stored {
    fn new(cost: Cost, keyid: Option<String>, hash: Vec<u8>) -> Self {
        Self { cost, keyid, salt: random::bytes::<SALT_BYTES>().to_vec(), hash }
    }
}

/// Waits for a hash as long as somebody wants it: `gone` is the client's hanging up. Nothing
/// lasting has been written then, and the thread skips what nobody waits for.
///
/// # Errors
/// Those of the work, and one that nobody will read.
pub async fn unless_gone<T>(
    gone: &CancellationToken,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        done = work => done,
        () = gone.cancelled() => Err(Fault::new(Dependency::Load, "the client hung up before its password was hashed")),
    }
}

/// How hashes are computed on this processor.
#[must_use]
pub fn implementation() -> &'static str {
    Argon2id::fastest().name()
}

/// How many threads hash.
#[must_use]
pub fn threads(settings: &Accounts) -> usize {
    match settings.hash_threads {
        0 => thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
        threads => threads,
    }
}

/// In constant time: MACs under a key of the moment are compared, which whoever chose the password cannot foretell.
fn same(computed: &[u8], stored: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>());
    hmac::verify(&key, computed, hmac::sign(&key, stored).as_ref()).is_ok()
}

/// Allocated once, since a growing string leaves copies behind: neither NFC nor a lower case has more than three bytes
/// for one (Unicode, UAX #15; U+023A).
fn secret_text(chars: impl Iterator<Item = char>, bytes: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(3 * bytes));
    text.extend(chars);
    text
}
