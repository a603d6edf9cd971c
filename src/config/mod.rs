//! The configuration: defaults, over them a TOML file, over that the environment.
//!
//! Each section owns its struct, its keys and the reasons for its defaults; [`Config::load`] shows them all.
//! `config/vestibule.toml` is the same for people, and a test holds the two together.

mod accounts;
mod audit;
mod candidate;
mod errors;
mod keys;
mod layers;
mod limits;
mod mail;
mod mail_url;
mod parse;
mod postgres_url;
mod profile;
mod reader;
mod redis_url;
mod server;
mod sessions;
mod site;
mod stores;
mod test_recipients;
#[cfg(test)]
mod tests;

use std::path::Path;

use ipnet::IpNet;

pub use self::accounts::{
    Accounts, CommonPasswords, HASH_ITERATIONS_MAX, HASH_LANES_MAX, HASH_MEMORY_MAX, HASH_MEMORY_PER_LANE_MIN,
};
pub use self::audit::Audit;
pub use self::candidate::{Candidate, Devices};
pub use self::errors::{Errors, Refusal, Source};
pub use self::keys::{Jwt, NamedKey, Secrets};
pub use self::limits::{Limits, LoginAccount, OtpAttempt, OtpRequest, Rate};
pub use self::mail::Mail;
pub use self::mail_url::{MailUrl, RelayTls, RelayUrl};
pub use self::profile::Profile;
pub use self::redis_url::{HostPort, RedisServers, RedisUrl};
pub use self::server::{Admin, Http, Log, LogFormat};
pub use self::sessions::{Reset, Sessions};
pub use self::site::PublicUrl;
pub use self::stores::{Postgres, Redis};
pub use self::test_recipients::{TestKey, TestRecipients};

use self::layers::Layer;
use self::reader::Reader;

/// What the configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A node that serves candidates.
    Production,
    /// `mail.url = "capture:"` is allowed, and nothing else is different.
    Development,
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origin of every link that is mailed.
    pub public_url: PublicUrl,
    /// Never empty.
    pub organisation: String,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The public listener.
    pub http: Http,
    /// The admin listener.
    pub admin: Admin,
    /// The log.
    pub log: Log,
    /// The audit trail in Redis.
    pub audit: Audit,
    /// Where Redis is, and how long to wait for it.
    pub redis: Redis,
    /// Where Postgres is, and how long to wait for it.
    pub postgres: Postgres,
    /// The relay, and mail that waits.
    pub mail: Mail,
    /// Passwords, and what hashing them costs.
    pub accounts: Accounts,
    /// Lives of codes, sessions and links.
    pub candidate: Candidate,
    /// Sessions of members.
    pub sessions: Sessions,
    /// Password resets.
    pub reset: Reset,
    /// What a user may put into a profile.
    pub profile: Profile,
    /// Limits on clients, links, names and addresses.
    pub limits: Limits,
    /// Recipients that nobody is, if there are to be some.
    pub test_recipients: Option<TestRecipients>,
    /// Session tokens.
    pub jwt: Jwt,
    /// Keys.
    pub secrets: Secrets,
}

/// One key, as a reference shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// As in the file: `redis.url`.
    pub name: String,
    /// The variable that sets it.
    pub environment: String,
    /// As text; the empty one of a list is an empty list. None where there is none.
    pub default: Option<&'static str>,
    /// There is no default, and it must be set.
    pub required: bool,
    /// Its value is never shown.
    pub secret: bool,
    /// What it means, in a few words.
    pub help: String,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(
        file: Option<&Path>,
        env: &mut dyn Iterator<Item = (String, String)>,
        mode: Mode,
    ) -> Result<Self, Errors> {
        let file = file.map(Layer::file).transpose()?.unwrap_or_default();
        let mut reader = Reader::new(mode, file, Layer::environment(env));
        let config = Self::read(&mut reader);
        reader.finish().1.map(|()| config)
    }

    /// `[accounts]` alone, for what is asked before anything else is configured.
    ///
    /// # Errors
    /// Everything that is wrong in that section, at once.
    pub fn load_accounts(
        file: Option<&Path>,
        env: &mut dyn Iterator<Item = (String, String)>,
    ) -> Result<Accounts, Errors> {
        let file = file.map(Layer::file).transpose()?.unwrap_or_default();
        let mut reader = Reader::new(Mode::Development, file, Layer::environment(env));
        let accounts = Self::read(&mut reader).accounts;
        let Err(Errors(mut refusals)) = reader.finish().1 else { return Ok(accounts) };
        refusals.retain(|refusal| refusal.key.starts_with("accounts."));
        if refusals.is_empty() { Ok(accounts) } else { Err(Errors(refusals)) }
    }

    /// All keys that there are, in the order of the shipped file.
    pub fn reference() -> Vec<KeyInfo> {
        let mut reader = Reader::new(Mode::Production, Layer::default(), Layer::default());
        Self::read(&mut reader);
        let (keys, _) = reader.finish();
        let mut infos = Vec::new();
        for key in keys {
            infos.push(KeyInfo {
                name: key.name.to_owned(),
                environment: layers::environment_name(key.name),
                default: key.default,
                required: key.required,
                secret: key.secret,
                help: key.help.to_owned(),
            });
            infos.extend(reader::file_name(&key).map(|name| KeyInfo {
                environment: layers::environment_name(&name),
                help: format!("a file that holds {}", key.name),
                name,
                default: None,
                required: false,
                secret: false,
            }));
        }
        infos
    }

    /// After a refusal, values are examples, and the whole is thrown away.
    fn read(reader: &mut Reader) -> Self {
        let public_url = site::public_url(reader);
        let organisation = site::organisation(reader);
        let trusted_proxies = site::trusted_proxies(reader);
        let http = Http::read(reader);
        let admin = Admin::read(reader, &http);
        let log = Log::read(reader);
        let audit = Audit::read(reader);
        let redis = Redis::read(reader);
        let postgres = Postgres::read(reader);
        let mail = Mail::read(reader);
        Self {
            public_url,
            organisation: site::organisation_or(organisation, &mail.from),
            trusted_proxies,
            http,
            admin,
            log,
            audit,
            redis,
            postgres,
            mail,
            accounts: Accounts::read(reader),
            candidate: Candidate::read(reader),
            sessions: Sessions::read(reader),
            reset: Reset::read(reader),
            profile: Profile::read(reader),
            limits: Limits::read(reader),
            test_recipients: TestRecipients::read(reader),
            jwt: Jwt::read(reader),
            secrets: Secrets::read(reader),
        }
    }
}
