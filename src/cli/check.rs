//! `vestibule check`: all that a node needs, asked once.

use std::sync::Arc;

use super::{Failure, interview, say};
use crate::config::{Config, NamedKey};
use crate::mail::Post;
use crate::metrics::Metrics;
use crate::postgres::{Postgres, SchemaState, schema_state};
use crate::test_recipients::TestRecipients;

/// Checks everything, whatever fails on the way, so that one run tells all.
pub(super) async fn check(config: &Config) -> Result<(), Failure> {
    let (url, secrets) = (config.public_url.as_str(), &config.secrets);
    let (root, jwt) = (ids(&secrets.root_keys), ids(&secrets.jwt_keys));
    let tests = TestRecipients::new(config.test_recipients.as_ref(), Arc::new(Metrics::new())).words();
    let tests = tests.map_or_else(String::new, |words| format!("; TEST RECIPIENTS: {words}"));
    let lines = [
        ("configuration", Ok(format!("complete; links begin with {url}; root keys {root}, JWT keys {jwt}{tests}"))),
        ("redis", redis(config).await),
        ("postgres", postgres(config).await),
        ("relay", relay(config).await),
    ];
    let mut failed = 0;
    for (what, outcome) in lines {
        match outcome {
            Ok(words) => say(format_args!("ok    {what:<14} {words}"))?,
            Err(words) => {
                failed += 1;
                say(format_args!("FAIL  {what:<14} {words}"))?;
            }
        }
    }
    if failed > 0 {
        return Err(Failure::unavailable(format!("{failed} of 4 checks failed")));
    }
    Ok(())
}

/// Which keys there are: their ids are no secret, and in what they made.
fn ids(keys: &[NamedKey]) -> String {
    keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ")
}

async fn redis(config: &Config) -> Result<String, String> {
    let (_, keys, facts) = interview::redis(config).await.map_err(|failure| failure.words)?;
    Ok(format!(
        "{} on {} primaries, noeviction, {} partitions, scripts run",
        facts.version,
        facts.primaries,
        keys.partitions()
    ))
}

async fn postgres(config: &Config) -> Result<String, String> {
    let postgres = Postgres::new(&config.postgres, Arc::new(Metrics::new()));
    match schema_state(&postgres).await {
        Ok(SchemaState::Fit(version)) => Ok(format!("connected, schema at version {version}")),
        Ok(SchemaState::Older { found, needed }) => {
            Err(format!("schema at version {found}, {needed} is needed: run `vestibule migrate`"))
        }
        Err(fault) => Err(fault.to_string()),
    }
}

async fn relay(config: &Config) -> Result<String, String> {
    match Post::new(config)? {
        Post::Relay(relay) => relay.check().await,
        Post::Capture(_) => Ok("mail is captured, not sent".to_owned()),
    }
}
