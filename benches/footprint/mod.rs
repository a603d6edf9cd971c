//! How soon is a node there, and how much memory does it take?
//!
//! ```sh
//! cargo bench --bench node footprint # half a minute, after a release build; or `make bench`
//! ```
//!
//! It starts the program with a Redis and a Postgres of its own, with as many workers as it has by default.
//!
//! - `ready`: from its start to "ready" in its log, and a 200 of /readyz.
//! - `idle`: resident memory once that stays as it is; and after one log-in, which leaves the memory of a hash with the
//!   thread that made it.
//! - `a connection`: what 20,000 connections add to that, each of which has been answered once and is kept alive, over
//!   20,000. What the kernel has for them is not counted.
//!
//! Time depends on what else this machine does; memory does not.

mod memory;
mod start;

use crate::stage::Servers;

/// The most that a node may take to be ready, in ms, at the median.
const READY_MAX_MS: f64 = 150.0;
/// Resident memory of an idle node, in KiB.
const IDLE_MAX_KIB: u64 = 25 * 1_024;
/// And of each idle connection.
const CONNECTION_MAX_KIB: f64 = 16.0;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    starts: usize,
    connections: usize,
}

const MEASURED: Extent = Extent { starts: 20, connections: 20_000 };
/// Does it work?
const TRIED: Extent = Extent { starts: 1, connections: 100 };
/// As many workers as a node has by default.
const NODE: [(&str, &str); 2] = [("VESTIBULE_HTTP__WORKERS", "0"), ("VESTIBULE_HTTP__CONNECTIONS_MAX", "20100")];

/// Marks that were missed.
pub(crate) fn run(measured: bool) -> usize {
    let extent = if measured { MEASURED } else { TRIED };
    let servers = Servers::start("footprint");

    let starts = start::measure(&servers, extent.starts);
    let (ready, worst) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!("ready: {ready:.0} ms at the median of {}, {worst:.0} ms at worst", starts.len());
    let memory = memory::measure(&servers, extent.connections);
    println!("idle: {} KiB; after a log-in {} KiB", memory.idle_kib, memory.logged_in_kib);
    println!("a connection: {:.2} KiB, of {}", memory.connection_kib, memory.connections);
    servers.stop();

    let marks = [
        (format!("ready within {READY_MAX_MS} ms"), ready <= READY_MAX_MS),
        (format!("idle below {IDLE_MAX_KIB} KiB"), memory.idle_kib < IDLE_MAX_KIB),
        (format!("a connection below {CONNECTION_MAX_KIB} KiB"), memory.connection_kib < CONNECTION_MAX_KIB),
    ];
    println!();
    for (mark, reached) in &marks {
        println!("{mark}: {}", if *reached { "ok" } else { "MISSED" });
    }
    marks.iter().filter(|(_, reached)| !reached).count()
}
