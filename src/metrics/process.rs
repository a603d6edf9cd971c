//! What the kernel knows of this process, under the names that every exporter gives it.

use std::fmt;
use std::fs;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Times in /proc are counted so: the kernel's USER_HZ, 100 on all that Linux runs on today.
const TICKS_A_SECOND: f64 = 100.0;

const CPU: (&str, &str) =
    ("process_cpu_seconds", "CPU time of the process: Argon2's threads take most of it where people log in");
const RESIDENT: (&str, &str) = ("process_resident_memory_bytes", "Memory that the process has in RAM");
const OPEN: (&str, &str) = ("process_open_fds", "Open files, which connections are");
const MOST: (&str, &str) = ("process_max_fds", "Files that may be open: at that number no connection is accepted");
const START: (&str, &str) =
    ("process_start_time_seconds", "When the process began, in unix time: a node that begins again and again dies");

/// Read when somebody scrapes.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// Names and meanings, as the exposition has them.
    pub(super) const SERIES: [(&'static str, &'static str); 5] =
        [("process_cpu_seconds_total", CPU.1), RESIDENT, OPEN, MOST, START];

    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { started: now.as_secs_f64() }
    }
}

impl Collector for Process {
    /// Where there is no /proc, what it would tell is left out.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = cpu_seconds() {
            write(&mut encoder, CPU, &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = resident_bytes() {
            write(&mut encoder, RESIDENT, &ConstGauge::new(bytes))?;
        }
        if let Some(count) = open_files() {
            write(&mut encoder, OPEN, &ConstGauge::new(count))?;
        }
        if let Some(count) = open_files_max() {
            write(&mut encoder, MOST, &ConstGauge::new(count))?;
        }
        write(&mut encoder, START, &ConstGauge::new(self.started))
    }
}

fn write(encoder: &mut DescriptorEncoder<'_>, (name, help): (&str, &str), metric: &impl EncodeMetric) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// In user and in kernel mode: fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / TICKS_A_SECOND)
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<i64>().ok()?.checked_mul(1_024)
}

fn open_files() -> Option<i64> {
    // One of them is the folder itself.
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?.checked_sub(1)
}

fn open_files_max() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
