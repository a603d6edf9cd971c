//! Whether this Redis is one that we can trust with decisions.

use std::fmt;
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::config::Server;

use futures_util::future::try_join_all;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::connect::log_in;
use super::{Arg, Keys, Redis, scripts};
use crate::config::{Redis as Settings, RedisServers, RedisUrl};
use crate::fault::{Dependency, Fault};
use crate::jobs::Queue;

/// What was found to be right.
#[derive(Debug)]
pub struct Facts {
    /// "Redis 7.0.15".
    pub version: String,
    /// Primaries that were asked.
    pub primaries: usize,
    /// What is said of it while it takes nothing in; `None` while it does.
    pub full: Option<String>,
}

/// It answers, and is wrong: no waiting mends it.
#[derive(Debug)]
pub struct Unfit(pub String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Redis {
    /// Verifies version, eviction policy, partitions, and that it takes writes; changes nothing.
    ///
    /// # Errors
    /// The outer one is a [`Fault`] (it did not answer), the inner one says what is wrong.
    pub async fn probe(&self, keys: &Keys) -> Result<Result<Facts, Unfit>, Fault> {
        self.probe_within(keys, self.shared.command_timeout).await
    }

    /// The same, where each primary of a cluster is to answer within `patience`.
    ///
    /// # Errors
    /// As [`Self::probe`]; it names a primary that did not answer.
    pub async fn probe_within(&self, keys: &Keys, patience: Duration) -> Result<Result<Facts, Unfit>, Fault> {
        let infos = self.infos(patience).await?;
        let mut version = String::new();
        for info in &infos {
            if field(info, "role") == "slave" {
                // While a failover goes on: waiting mends it.
                return Err(Fault::new(Dependency::Redis, "READONLY: this is a replica, which takes no writes"));
            }
            version = match judge(info) {
                Ok(version) => version,
                Err(unfit) => return Ok(Err(unfit)),
            };
        }
        let pinned = self.decide(&scripts::META_LOOK, [&keys.meta()], []).await?;
        if pinned.is("pinned")
            && let Err(unfit) = agrees(keys, pinned.number(0)?)
        {
            return Ok(Err(unfit));
        }
        // It may refuse what changes something, for it lacks replicas (NOREPLICAS) or its disk is full (MISCONF).
        look(self, keys).await.map_err(|error| self.fault("a write", &error, 1))?;
        let full = infos.iter().find_map(|info| fullness(info));
        Ok(Ok(Facts { version, primaries: infos.len(), full }))
    }

    /// Pins the number of partitions into the data, where no other node has.
    ///
    /// # Errors
    /// As [`Self::probe`].
    pub async fn pin(&self, keys: &Keys) -> Result<Result<(), Unfit>, Fault> {
        let partitions = Arg::from(u32::from(keys.partitions()));
        let pinned = self.decide(&scripts::META_PIN, [&keys.meta()], [partitions]).await?.number(0)?;
        Ok(agrees(keys, pinned))
    }

    /// INFO of every primary, all at the same time: one that is dead takes no time of the others'.
    async fn infos(&self, patience: Duration) -> Result<Vec<String>, Fault> {
        let client = self.client().0;
        if !client.is_clustered() {
            let info: Result<String, Error> = client.info(None).await;
            return Ok(vec![info.map_err(|error| self.fault("INFO", &error, 1))?]);
        }
        let asked = primaries(&client).into_iter().map(|primary| {
            let client = &client;
            async move {
                let place = format!("{}:{}", primary.host, primary.port);
                let wrong = |cause: String| Fault::new(Dependency::Redis, format!("the primary {place}: {cause}"));
                match timeout(patience, client.with_cluster_node(primary).info::<String>(None)).await {
                    Ok(Ok(info)) => Ok(info),
                    Ok(Err(error)) => Err(wrong(format!("INFO failed: {}", error.details()))),
                    Err(_) => Err(wrong(format!("no answer in {} ms", patience.as_millis()))),
                }
            }
        });
        try_join_all(asked).await
    }
}

/// A node that counts otherwise would look for every key in another place.
fn agrees(keys: &Keys, pinned: u64) -> Result<(), Unfit> {
    if pinned == u64::from(keys.partitions()) {
        return Ok(());
    }
    Err(Unfit(format!(
        "redis.partitions is {} here, but this data was laid out for {pinned} ({}): set it to {pinned}",
        keys.partitions(),
        keys.meta().name(),
    )))
}

/// Asks every primary that the client believes in for a write that removes nothing: no job
/// has an empty id. Only a primary that takes writes answers. No decision is made, so it
/// waits for no place and counts as none.
pub(super) async fn look(redis: &Redis, keys: &Keys) -> Result<(), Error> {
    let sender = redis.client();
    let mut asked = Vec::new();
    for partition in keys.all_partitions() {
        let key = keys.queue(Queue::Mail, partition);
        let primary = primary_of(&sender.0, key.slot);
        if !asked.contains(&primary) {
            sender.custom("ZREM", key.slot, vec![key.name.into(), "".into()]).await?;
            asked.push(primary);
        }
    }
    Ok(())
}

/// The primaries of a cluster, as the client last saw them.
pub(super) fn primaries(client: &Client) -> Vec<Server> {
    client.cached_cluster_state().map(|state| state.unique_primary_nodes()).unwrap_or_default()
}

/// The one among them that owns a slot; none where there is no cluster.
pub(super) fn primary_of(client: &Client, slot: u16) -> Option<Server> {
    client.cached_cluster_state().and_then(|state| state.get_server(slot).cloned())
}

/// Redis 7.0 (`#!lua` scripts) or Valkey 7.2, which never evicts: an eviction policy would
/// silently erase lockouts.
fn judge(info: &str) -> Result<String, Unfit> {
    let (product, version, least) = match field(info, "valkey_version") {
        "" => ("Redis", field(info, "redis_version"), (7, 0)),
        version => ("Valkey", version, (7, 2)),
    };
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < least {
        return Err(Unfit(format!(
            "{product} {version} is too old: {product} {}.{} or later is needed",
            least.0, least.1
        )));
    }
    match field(info, "maxmemory_policy") {
        "noeviction" => Ok(format!("{product} {version}")),
        policy => Err(Unfit(format!(
            "maxmemory-policy is {policy:?}, which would erase limits and lockouts: set it to noeviction"
        ))),
    }
}

fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim()
}

/// It evicts nothing, and so takes nothing in.
fn fullness(info: &str) -> Option<String> {
    let bytes = |name: &str| field(info, name).parse::<u64>().unwrap_or(0);
    // What is on its way to replicas and to the disk is in the one, and no part of what the other bounds.
    let used = bytes("used_memory").saturating_sub(bytes("mem_not_counted_for_evict"));
    let most = bytes("maxmemory");
    (most > 0 && used > most).then(|| format!("OOM: used_memory is {used} bytes, and maxmemory {most}: raise it"))
}

/// Whether anybody takes a connection where Redis should be, of several servers the first; and then lets us in.
///
/// # Errors
/// What is said instead; it names the place, and no password.
pub async fn reach(settings: &Settings, patience: Duration) -> Result<(), String> {
    dial(&settings.url, patience).await?;
    let place = match &settings.url.servers {
        RedisServers::Sentinel { service, .. } => {
            format!("the primary of {service}, which {} know", settings.url.place())
        }
        _ => settings.url.place(),
    };
    match timeout(patience, log_in(settings)).await {
        Ok(Err(error)) => match code(error.details()) {
            Some(code) => Err(format!("{place} refuses our log-in: {code}")),
            None => Err(format!("{place}: {}", error.details())),
        },
        // Who says nothing is not named here: it may be any of several.
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// The code of an answer that is about who we are; not its words, which quote what it likes.
fn code(answer: &str) -> Option<&'static str> {
    let said = answer.split([' ', ':']).next();
    ["WRONGPASS", "NOPERM", "NOAUTH"].into_iter().find(|code| said == Some(code))
}

async fn dial(url: &RedisUrl, patience: Duration) -> Result<(), String> {
    let dial = async {
        match &url.servers {
            RedisServers::Unix(path) => UnixStream::connect(path).await.map(drop),
            RedisServers::Single(host) => TcpStream::connect(host).await.map(drop),
            RedisServers::Cluster(hosts) | RedisServers::Sentinel { hosts, .. } => match hosts.first() {
                Some(host) => TcpStream::connect(host).await.map(drop),
                None => Ok(()),
            },
        }
    };
    match timeout(patience, dial).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("{}: {error}", url.place())),
        Err(_) => Err(format!("{}: takes no connections", url.place())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_takes_nothing_in_is_full() {
        for (info, full) in [
            ("used_memory:100\r\nused_memory_rss:900\r\nmaxmemory:0\r\n", false),
            ("used_memory:99\r\nmaxmemory:100\r\n", false),
            ("used_memory:101\r\nmaxmemory:100\r\n", true),
            ("used_memory:101\r\nmaxmemory:100\r\nmem_not_counted_for_evict:1\r\n", false),
            ("used_memory:102\r\nmaxmemory:100\r\nmem_not_counted_for_evict:1\r\n", true),
        ] {
            assert_eq!(fullness(info).is_some(), full, "{info}");
        }
    }

    #[test]
    fn a_server_is_judged_by_what_it_says_of_itself() {
        for (info, right) in [
            ("redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n", Some("Redis 7.0.15")),
            ("redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nmaxmemory_policy:noeviction\r\n", Some("Valkey 8.1.0")),
            ("redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\n", None),
            ("redis_version:7.2.4\r\nvalkey_version:7.1.0\r\nmaxmemory_policy:noeviction\r\n", None),
            ("redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n", None),
            ("", None),
        ] {
            assert_eq!(judge(info).ok().as_deref(), right, "{info}");
        }
    }
}
