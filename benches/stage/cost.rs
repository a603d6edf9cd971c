//! What the operating system and Redis say that something has cost.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use vestibule::dev::servers::RedisServer;

/// CPU time of all threads that a process has now, in µs.
pub(crate) fn cpu_us(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |thread: fs::DirEntry| {
        // One that has ended meanwhile.
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
    };
    threads.map(|thread| of_thread(thread.unwrap())).sum::<f64>() / 1_000.0
}

/// CPU time of the thread that asks, in µs.
pub(crate) fn own_cpu_us() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1_000.0
}

/// Memory of a process that is in RAM, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Scripts that Redis has run since it started.
pub(crate) fn scripts_run(redis: &RedisServer) -> u64 {
    let info = info(redis, "commandstats");
    ["cmdstat_evalsha", "cmdstat_eval"].iter().filter_map(|name| calls(info.get(*name)?)).sum()
}

/// A section of INFO.
pub(crate) fn info(redis: &RedisServer, section: &str) -> BTreeMap<String, String> {
    let text = ask(redis, &["INFO", section]);
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.into(), value.into())).collect()
}

fn calls(stat: &str) -> Option<u64> {
    stat.strip_prefix("calls=")?.split(',').next()?.parse().ok()
}

/// One command, and its answer where that is one bulk string.
pub(crate) fn ask(redis: &RedisServer, words: &[&str]) -> String {
    let mut socket = UnixStream::connect(redis.socket()).unwrap();
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    socket.write_all(command.as_bytes()).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}
