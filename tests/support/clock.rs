//! The clock of a redis-server, in the hands of a test.
//!
//! TIME in scripts and the expiry of keys both follow it, so that the shipped scripts are tested at the exact edge of
//! a window. Other processes, ours too, keep the real time. A cluster that starts waits for 2 s of its
//! clock before it accepts writes: frozen, that is for ever.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

const FROZEN_US: u64 = 0;
const OFFSET_US: u64 = 8;

#[derive(Debug)]
pub(crate) struct Clock {
    file: File,
    path: PathBuf,
}

impl Clock {
    /// At the real time, and running. The file of the clock lives in `dir`.
    pub(crate) fn new(dir: &Path) -> io::Result<Clock> {
        fs::create_dir_all(dir)?;
        let path = fs::canonicalize(dir)?.join("clock");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        let clock = Clock { file, path };
        clock.reset();
        Ok(clock)
    }

    /// At the real time again, and running.
    pub(crate) fn reset(&self) {
        self.write(FROZEN_US, 0);
        self.write(OFFSET_US, 0);
    }

    /// For `RedisOptions::preload`.
    pub(crate) fn preload(&self) -> (PathBuf, PathBuf) {
        (shim().to_path_buf(), self.path.clone())
    }

    /// Stands still from now on.
    pub(crate) fn freeze(&self) {
        self.freeze_at(self.now_us());
    }

    /// Stands still at that time (µs since 1970, not 0). Redis does not mind going back, but its keys then live on.
    pub(crate) fn freeze_at(&self, us: i64) {
        assert_ne!(us, 0, "0 is how the clock's file says that it runs");
        self.write(FROZEN_US, us);
    }

    /// Jumps, frozen or not.
    pub(crate) fn advance(&self, by: Duration) {
        let by_us = i64::try_from(by.as_micros()).expect("a jump fits an i64");
        let field = if self.read(FROZEN_US) == 0 { OFFSET_US } else { FROZEN_US };
        self.write(field, self.read(field) + by_us);
    }

    /// Runs again, from where it stands.
    pub(crate) fn thaw(&self) {
        self.write(OFFSET_US, self.now_us() - real_us());
        self.write(FROZEN_US, 0);
    }

    /// What Redis answers to TIME.
    pub(crate) fn now_us(&self) -> i64 {
        match self.read(FROZEN_US) {
            0 => real_us() + self.read(OFFSET_US),
            frozen_us => frozen_us,
        }
    }

    fn read(&self, field: u64) -> i64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, field).expect("the clock's file is there");
        i64::from_ne_bytes(bytes)
    }

    fn write(&self, field: u64, us: i64) {
        self.file.write_all_at(&us.to_ne_bytes(), field).expect("the clock's file is there");
    }
}

fn real_us() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970");
    i64::try_from(since_1970.as_micros()).expect("the time fits an i64")
}

/// Compiled once, beside the test binary: its name changes with the source, so that no run gets another's.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let binary = std::env::current_exe().expect("a test binary has a path");
        let made = binary.with_extension(format!("clock-{}.so", std::process::id()));
        let library = binary.with_extension("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/clock_shim.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([made.as_os_str(), source.as_ref()])
            .output()
            .expect("cc is not installed: run `make setup`, or apt-get install gcc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // In one step: another run of the same binary may be starting its servers.
        fs::rename(&made, &library).expect("the test binary's directory is writable");
        library
    })
}

#[cfg(test)]
mod tests {
    use vestibule::dev::servers::{RedisOptions, RedisServer};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const SCRIPT_TIME: &str = "local t = redis.call('TIME') return t[1] * 1000000 + t[2]";

    struct Redis {
        server: Option<RedisServer>,
        clock: Clock,
        dir: PathBuf,
    }

    impl Redis {
        fn start(name: &str) -> Redis {
            let dir = std::env::temp_dir().join(format!("vestibule-clock-{}-{name}", std::process::id()));
            let clock = Clock::new(&dir).unwrap();
            let options = RedisOptions { dir: dir.clone(), preload: Some(clock.preload()), ..RedisOptions::default() };
            Redis { server: Some(RedisServer::start(options).unwrap()), clock, dir }
        }

        #[track_caller]
        fn cli(&self, command: &[&str]) -> String {
            let server = self.server.as_ref().unwrap();
            let output = Command::new("redis-cli").args(server.cli_args()).args(command).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }

        #[track_caller]
        fn script_time(&self) -> i64 {
            self.cli(&["EVAL", SCRIPT_TIME, "0"]).parse().unwrap()
        }
    }

    impl Redis {
        /// EXISTS and PTTL of the keys a and b, asked by a script and by commands.
        #[track_caller]
        fn expiries(&self) -> [String; 2] {
            ["a", "b"].map(|key| {
                let script = "return redis.call('EXISTS', KEYS[1]) .. ' ' .. redis.call('PTTL', KEYS[1])";
                let by_script = self.cli(&["EVAL", script, "1", key]);
                let by_command = [self.cli(&["EXISTS", key]), self.cli(&["PTTL", key])].join(" ");
                assert_eq!(by_script, by_command);
                by_script
            })
        }
    }

    impl Drop for Redis {
        fn drop(&mut self) {
            self.server = None;
            fs::remove_dir_all(&self.dir).unwrap();
        }
    }

    #[test]
    fn scripts_and_expiry_follow_the_clock() {
        let redis = Redis::start("follow");
        let before = real_us();
        assert!((before..before + 60_000_000).contains(&redis.script_time()));

        redis.clock.freeze_at(1_900_000_000_123_456);
        assert_eq!(redis.script_time(), 1_900_000_000_123_456);
        assert_eq!(redis.script_time(), redis.clock.now_us());
        redis.cli(&["SET", "a", "1", "PX", "60000"]);
        redis.cli(&["EVAL", "redis.call('SET', KEYS[1], 1) redis.call('PEXPIRE', KEYS[1], 60000)", "1", "b"]);

        redis.clock.advance(Duration::from_millis(59_999));
        assert_eq!(redis.script_time(), 1_900_000_060_122_456);
        assert_eq!(redis.expiries(), ["1 1", "1 1"]);
        // Redis deletes what is past its time: in its last millisecond a key is still there.
        redis.clock.advance(Duration::from_millis(1));
        assert_eq!(redis.expiries(), ["1 0", "1 0"]);
        redis.clock.advance(Duration::from_millis(1));
        assert_eq!(redis.expiries(), ["0 -2", "0 -2"]);
    }

    #[test]
    fn redis_survives_a_frozen_clock_and_jumps_of_days() {
        let redis = Redis::start("jumps");
        redis.clock.freeze();
        let frozen = redis.script_time();
        for day in 1..=30 {
            // More than one active expiry cycle finds something to do, at a time that does not pass.
            let fill = "for i = 1, 2000 do redis.call('SET', ARGV[1] .. ':' .. i, i, 'PX', 86400000) end";
            redis.cli(&["EVAL", fill, "0", &day.to_string()]);
            redis.clock.advance(DAY + Duration::from_millis(1));
            assert_eq!(redis.cli(&["PTTL", &format!("{day}:1")]), "-2");
        }
        assert_eq!(redis.script_time() - frozen, 30 * 86_400_001_000);

        redis.clock.thaw();
        let running = redis.script_time();
        assert!(running >= frozen + 30 * 86_400_001_000, "the clock went back");
        while redis.script_time() == running {}
        redis.clock.advance(DAY);
        assert!(redis.script_time() >= running + 86_400_000_000);
        // A day in which, by its clock, nobody called: the active expiry still empties the keyspace.
        while redis.cli(&["DBSIZE"]) != "0" {}
        redis.clock.freeze_at(1_000_000_000_000_000);
        assert_eq!(redis.script_time(), 1_000_000_000_000_000);
        assert_eq!(redis.cli(&["PING"]), "PONG");
    }
}
