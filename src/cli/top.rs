//! `vestibule top`: `lua/ops/top.lua` over all keys of all servers.

use std::cmp::Reverse;
use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use super::explain::maxima;
use super::interview::redis;
use super::{Failure, say};
use crate::config::Config;

#[derive(Args, Debug)]
pub(super) struct Top {
    /// Only of those who are shown so, as j***@e***.com or 203.0.113.*, however little is counted of them
    #[arg(long, value_name = "MASKED")]
    who: Option<String>,
}

/// As many as one call tells: the busiest of all are among the busiest of each.
const SHOWN: usize = 20;
/// Between two calls of some milliseconds, for those who wait meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

impl Top {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let (redis, _, _) = redis(config).await?;
        let (limits, who) = (maxima(config), self.who.unwrap_or_default());
        let (mut busiest, mut keys) = (Vec::new(), 0);
        for primary in redis.each_primary() {
            let mut cursor = "0".to_owned();
            loop {
                let reply = redis.top(&primary, &cursor, &limits, &who).await?;
                keys += reply.word().split(' ').nth(2).and_then(|looked| looked.parse::<u64>().ok()).unwrap_or(0);
                busiest.extend(reply.texts().map(|line| (Reverse(share(&line)), line)));
                busiest.sort();
                busiest.truncate(SHOWN);
                match reply.word().rsplit_once(" cursor ") {
                    Some((_, next)) => next.trim_end_matches('.').clone_into(&mut cursor),
                    None => break,
                }
                sleep(PAUSE).await;
            }
        }
        say(format_args!("Looked at {keys} keys."))?;
        busiest.iter().try_for_each(|(_, line)| say(format_args!("{line}")))
    }
}

/// The per cent that a line begins with.
fn share(line: &str) -> u64 {
    line.split('%').next().and_then(|share| share.parse().ok()).unwrap_or(0)
}
