//! From text to values. A parser never repeats the text in [`Wrong`], since it may be a secret: the reader does, where it may.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

#[derive(Debug)]
pub(super) struct Wrong {
    /// The sentence that the value begins: `is not a duration`.
    pub(super) what: String,
    pub(super) right: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, right: impl Into<String>) -> Self {
        Self { what: what.into(), right: right.into() }
    }
}

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest first, so that the first that divides a duration writes it shortest. No weeks: they read as months.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, Wrong> {
    move |text| {
        let duration = parse_duration(text)
            .ok_or_else(|| Wrong::new("is not a duration", "write a number with ms, s, m, h or d, as \"10s\""))?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (min, max) = (written(*range.start()), written(*range.end()));
        Err(Wrong::new("is out of range", format!("write {min:?} to {max:?}")))
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let ms = number.parse::<u64>().ok()?.checked_mul(*ms)?;
    Some(Duration::from_millis(ms))
}

/// As [`duration`] reads it.
pub(super) fn written(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS.iter().find(|(_, unit)| ms.is_multiple_of(u128::from(*unit)));
    whole.map_or_else(String::new, |(name, unit)| format!("{}{name}", ms / u128::from(*unit)))
}

pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, Wrong>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let right = || format!("write {} to {}", range.start(), range.end());
        // Also refuses "+1", which Rust takes and TOML does, too, but nobody means.
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Wrong::new("is not a whole number", right()));
        }
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(Wrong::new("is out of range", right())),
        }
    }
}

pub(super) fn listener(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        Wrong::new(
            "is not an address to listen on",
            "write an IP address and a port, as \"127.0.0.1:8080\", \"0.0.0.0:8080\" or \"[::]:8080\"",
        )
    })
}

pub(super) fn network(text: &str) -> Result<IpNet, Wrong> {
    let right = "write a network or an address, as \"10.0.0.0/8\" or \"192.0.2.7\"";
    let single = text.parse::<IpAddr>().map(IpNet::from);
    let Ok(network) = single.or_else(|_| text.parse::<IpNet>()) else {
        return Err(Wrong::new("is not a network", right));
    };
    // Peers are compared as IPv4 where they are, so that this one would never match.
    if matches!(network, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some()) {
        return Err(Wrong::new("is IPv4 written as IPv6", right));
    }
    Ok(network.trunc())
}

pub(super) fn file(text: &str) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(text);
    match path.is_file() {
        true => Ok(path),
        false => Err(Wrong::new("is not a file that this user can see", "write the path of a file")),
    }
}

/// For one line that people read.
pub(super) fn line(chars_max: usize) -> impl Fn(&str) -> Result<String, Wrong> {
    move |text| match text.chars().count() <= chars_max && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::new(
            "is not one short line",
            format!("write at most {chars_max} characters, none of them a control character"),
        )),
    }
}
