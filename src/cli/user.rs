//! `vestibule user`.

use clap::Subcommand;

use super::interview::{postgres, redis};
use super::{Failure, say};
use crate::access::role_changed;
use crate::audit::{Entry, Event, Writer};
use crate::config::Config;
use crate::telemetry;
use crate::users::{Login, Role, UserId, Users};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Give a user a role; sessions that live have it from their next request on
    Role {
        /// Username or e-mail address
        login: String,
        /// member, recruiter or admin
        #[arg(value_parser = role)]
        role: Role,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::named(text).ok_or_else(|| "write member, recruiter or admin".to_owned())
}

impl UserCommand {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let Self::Role { login, role } = self;
        telemetry::start(&config.log);
        let users = Users::new(postgres(config));
        let Some((user, rank)) = users.set_role(&Login::of(&login), role).await? else {
            return Err(Failure::usage("there is no user of this name or address"));
        };
        let entry = Entry::new(Event::RoleChanged, user.id(), user.to_string());
        entry.log();
        tell(config, user, role, rank, &entry).await.map_err(|failure| {
            let words = "Postgres has the new role, but Redis could not be told";
            Failure::unavailable(format!(
                "{words} ({}). Sessions that live have the old one until they are refreshed: run this again.",
                failure.words
            ))
        })?;
        say(format_args!("{user} is {} now.", role.name()))
    }
}

async fn tell(config: &Config, user: UserId, role: Role, rank: i64, entry: &Entry<'_>) -> Result<(), Failure> {
    let (redis, keys, _) = redis(config).await?;
    role_changed(&redis, &keys, user, role, rank).await?;
    Writer::new(redis, keys, config.audit).write(std::slice::from_ref(entry)).await;
    Ok(())
}
