//! Members' accounts: what a password must be, and what hashing it costs.

use std::time::Duration;

use super::parse::{self, MINUTE, MS, Wrong};
use super::reader::{Key, Reader};

/// Below 6, a password is among the few million that everybody tries.
const PASSWORD_MIN: Key = Key::new("accounts.password_min", "6", "characters that a password must have");
/// Any passphrase fits, and two of them fit into http.body_bytes_max however they are escaped.
const PASSWORD_MAX: Key = Key::new("accounts.password_max", "1024", "characters that a password may have");
const COMMON_PASSWORDS: Key =
    Key::new("accounts.common_passwords", "refuse", "refuse or allow a password of the list of common ones");
/// 19 MiB, 2 iterations, 1 lane: the minimum of OWASP's Password Storage Cheat Sheet for Argon2id. RFC 9106 (section 4)
/// would have 64 MiB, 3 and 4 where memory is scarce; `vestibule hash --calibrate` tells what that costs.
const HASH_MEMORY: Key = Key::new("accounts.hash_memory", "19456", "KiB of memory of one hash");
const HASH_ITERATIONS: Key = Key::new("accounts.hash_iterations", "2", "passes of one hash over its memory");
const HASH_LANES: Key = Key::new("accounts.hash_lanes", "1", "lanes of one hash; one thread computes them all");
/// Half: a storm of log-ins may slow log-ins, and may not slow candidates.
const HASH_THREADS: Key = Key::new("accounts.hash_threads", "0", "threads that hash; 0 is half the cores");
/// 40 x 25 ms is 1 s, a third of hash_timeout: what is taken in is answered, also by a processor without AVX2, or by
/// threads that have to share it. With AVX-512, a hash takes 8 ms, with AVX2 11.
const HASH_QUEUE_MAX: Key =
    Key::new("accounts.hash_queue_max", "40", "hashes that wait, per thread that hashes; past it, 503");
/// As long as any dependency is waited for.
const HASH_TIMEOUT: Key = Key::new("accounts.hash_timeout", "3s", "how long a hash may take, its wait included");

/// Stored hashes may cost so much at most, and so may new ones. 256 MiB x 16 passes is 108 times the default:
/// 2.7 s at 25 ms, which is below hash_timeout.
pub const HASH_MEMORY_MAX: u32 = 262_144;
/// See [`HASH_MEMORY_MAX`].
pub const HASH_ITERATIONS_MAX: u32 = 16;
/// RFC 9106 recommends 4. More than 16 change nothing here, where one thread computes them.
pub const HASH_LANES_MAX: u32 = 16;
/// Of Argon2: two blocks of 1 KiB for each of the four slices of a lane.
pub const HASH_MEMORY_PER_LANE_MIN: u32 = 8;

/// Passwords, and what hashing them costs.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Characters after NFC; 6 or more.
    pub password_min: usize,
    /// Characters after NFC.
    pub password_max: usize,
    /// What happens to a password of the built-in list.
    pub common_passwords: CommonPasswords,
    /// KiB of one hash.
    pub hash_memory: u32,
    /// Passes of one hash.
    pub hash_iterations: u32,
    /// Lanes of one hash.
    pub hash_lanes: u32,
    /// 0 is half the cores.
    pub hash_threads: usize,
    /// Hashes that wait, per thread.
    pub hash_queue_max: usize,
    /// From being asked for to the answer.
    pub hash_timeout: Duration,
}

/// What happens to a password that everybody tries first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonPasswords {
    /// It is refused.
    Refuse,
    /// It is taken.
    Allow,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let accounts = Self {
            // The list of common passwords begins at 6 characters.
            password_min: reader.integer(&PASSWORD_MIN, parse::number(6..=64)),
            // Two of them, escaped at 12 bytes a character, are 31 KiB: they fit http.body_bytes_max.
            password_max: reader.integer(&PASSWORD_MAX, parse::number(64..=1_300)),
            common_passwords: reader.text(&COMMON_PASSWORDS, |text| match text {
                "refuse" => Ok(CommonPasswords::Refuse),
                "allow" => Ok(CommonPasswords::Allow),
                _ => Err(Wrong::new("is not a choice", "write \"refuse\" or \"allow\"")),
            }),
            hash_memory: reader.integer(&HASH_MEMORY, parse::number(HASH_MEMORY_PER_LANE_MIN..=HASH_MEMORY_MAX)),
            hash_iterations: reader.integer(&HASH_ITERATIONS, parse::number(1..=HASH_ITERATIONS_MAX)),
            hash_lanes: reader.integer(&HASH_LANES, parse::number(1..=HASH_LANES_MAX)),
            hash_threads: reader.integer(&HASH_THREADS, parse::number(0..=256)),
            hash_queue_max: reader.integer(&HASH_QUEUE_MAX, parse::number(1..=10_000)),
            hash_timeout: reader.text(&HASH_TIMEOUT, parse::duration(100 * MS..=MINUTE)),
        };
        let needed = HASH_MEMORY_PER_LANE_MIN * accounts.hash_lanes;
        let wrong = Wrong::new(
            format!("\"{}\" is less than {needed}, which {} lanes need", accounts.hash_memory, accounts.hash_lanes),
            "make it at least as much, or accounts.hash_lanes less",
        );
        reader.check(&HASH_MEMORY, &HASH_LANES, accounts.hash_memory >= needed, wrong);
        accounts
    }
}
