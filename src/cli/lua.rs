//! `vestibule lua`: the scripts by the names and digests under which Redis knows them.

use clap::Args;

use super::{Failure, say};
use crate::redis::{ops, scripts};

/// A script begins with its flags; what it decides stands on its second line.
#[derive(Args, Debug)]
pub(super) struct Lua {
    /// Print this script, as Redis runs it
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

impl Lua {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut listed: Vec<(&str, &str)> = scripts::listed().into_iter().chain(ops::listed()).collect();
        listed.sort_unstable();
        let Some(wanted) = self.source else {
            for (name, source) in listed {
                let purpose = source.lines().nth(1).unwrap_or_default().trim_start_matches("-- ");
                let keys = source.lines().filter(|line| line.starts_with("-- KEYS[")).count();
                say(format_args!("{}  {name:<16}  {keys} keys  {purpose}", scripts::sha_of(source)))?;
            }
            return Ok(());
        };
        match listed.into_iter().find(|(name, _)| *name == wanted) {
            // Without a line more: its digest is then what Redis says.
            Some((_, source)) => say(format_args!("{}", source.strip_suffix('\n').unwrap_or(source))),
            None => Err(Failure::usage(format!("there is no script {wanted:?}: `vestibule lua` lists them"))),
        }
    }
}
