//! The command line. [`run`] is the one `match` that shows all that the program can do.
#![expect(clippy::print_stderr, reason = "a command line talks to its terminal")]

mod check;
mod dev;
mod explain;
mod hash;
mod interview;
mod keygen;
mod lua;
mod notify;
mod serve;
mod subject;
mod top;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::config::{Accounts, Config, Errors, Mode};
use crate::fault::Fault;
use crate::node::Refusal;
use crate::telemetry;

/// A lean, Redis-backed edge service in front of an interview platform.
///
/// Try it with `vestibule dev`: it brings its own Redis, Postgres and mailbox.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    /// TOML file with the configuration; the environment alone is enough [env: VESTIBULE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// One line a paragraph: the terminal's width breaks them.
const AFTER_HELP: &str = "\
Every key of the configuration can be set by environment: VESTIBULE_ and the key in capitals, with __ for a dot \
(VESTIBULE_REDIS__URL). Secrets can be read from files: VESTIBULE_SECRETS__ROOT_KEYS_FILE.

Exit codes: 0 well; 64 bad configuration or usage; 69 a dependency answers and is wrong, or does not answer a \
command that needs it; 70 a bug.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node until SIGTERM or SIGINT, then drain it
    Serve,
    /// Try it here: a node, or a fleet, with its own Redis, Postgres and mailbox under .vestibule/
    Dev(dev::Dev),
    /// A node of `dev --nodes`, which ends with whoever holds its standard input
    #[command(hide = true)]
    DevNode,
    /// Bring the schema of Postgres up to date; safe to run on every node at once
    Migrate,
    /// Create an interview and print its join link, which is kept nowhere
    Invite(interview::Invite),
    /// Give an interview another link, or take its link away
    #[command(subcommand)]
    Interview(interview::Interview),
    /// Change what a user may do
    #[command(subcommand)]
    User(user::UserCommand),
    /// Print fresh secrets, as environment variables
    Keygen,
    /// Measure what hashing passwords costs on this machine
    Hash(hash::Hash),
    /// Verify configuration, Redis, Postgres and the mail relay, and say what was verified
    Check,
    /// Tell everything about a link, a login, a client or the outbox: its keys, its state, why, until when
    Explain(explain::Explain),
    /// End what keeps a link, a login or a client out: a cooldown, a wait, a limit
    Unlock(explain::Unlock),
    /// Tell whom limits keep out or nearly do, the busiest first, over all of Redis
    Top(top::Top),
    /// List the scripts with their digests, to read Redis' SLOWLOG with
    Lua(lua::Lua),
}

/// How a command ended where it did not end well: the words for the terminal, and the code.
#[derive(Debug)]
struct Failure {
    words: String,
    code: u8,
}

/// Bad configuration or usage (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;
/// A dependency is wrong, or silent (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// A bug (`EX_SOFTWARE`).
const BUG: u8 = 70;

impl Failure {
    fn usage(words: impl Into<String>) -> Self {
        Self { words: words.into(), code: USAGE }
    }

    fn unavailable(words: impl Into<String>) -> Self {
        Self { words: words.into(), code: UNAVAILABLE }
    }
}

impl From<Errors> for Failure {
    fn from(errors: Errors) -> Self {
        Self::usage(format!("the configuration is refused:\n{errors}"))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Config(words) => Self::usage(words),
            Refusal::Unfit(words) => Self::unavailable(words),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault.to_string())
    }
}

/// Says something on standard output. A reader that has seen enough, as `head` has, is no
/// failure; a full disk is.
fn say(words: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{words}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::unavailable(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Runs the program with the arguments and environment of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { USAGE });
        }
    };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(cli)));
    telemetry::flush();
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            eprintln!("vestibule: {}", failure.words.trim_end());
            ExitCode::from(failure.code)
        }
        Err(_) => {
            eprintln!("vestibule: this is a bug; please report it with the lines above");
            ExitCode::from(BUG)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let environment = Environment::read(cli.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("no runtime can be started: {error}")))?;
    let outcome = runtime.block_on(async {
        // What sends no mail itself works beside `dev` too, which captures it.
        match cli.command {
            Command::Serve => serve::serve(environment.config(Mode::Production)?).await,
            Command::Dev(dev) => dev.run(environment.variables, environment.file).await,
            Command::DevNode => dev::node(environment.config(Mode::Development)?).await,
            Command::Migrate => serve::migrate(environment.config(Mode::Development)?).await,
            Command::Invite(invite) => invite.run(&environment.config(Mode::Development)?).await,
            Command::Interview(interview) => interview.run(&environment.config(Mode::Development)?).await,
            Command::User(user) => user.run(&environment.config(Mode::Development)?).await,
            Command::Keygen => keygen::print(),
            Command::Hash(hash) => hash.run(&environment.accounts()?),
            Command::Check => check::check(&environment.config(Mode::Production)?).await,
            Command::Explain(explain) => explain.run(&environment.config(Mode::Development)?).await,
            Command::Unlock(unlock) => unlock.run(&environment.config(Mode::Development)?, &environment.operator).await,
            Command::Top(top) => top.run(&environment.config(Mode::Development)?).await,
            Command::Lua(lua) => lua.run(),
        }
    });
    // A name that is being looked up cannot be cut off, and need not be waited for.
    runtime.shutdown_timeout(EXIT_PATIENCE);
    outcome
}

/// For what is still running when a command has done its work.
const EXIT_PATIENCE: Duration = Duration::from_secs(1);

/// Where settings come from, beside the defaults.
struct Environment {
    file: Option<PathBuf>,
    variables: Vec<(String, String)>,
    operator: String,
}

/// Who types, and where, as the trail shall have it: behind sudo, whoever that was.
fn operator() -> String {
    let named = |name| std::env::var_os(name).and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
    let user = named("SUDO_USER").or_else(|| named("USER")).or_else(|| named("LOGNAME"));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{}@{host}", user.as_deref().unwrap_or("?"))
}

impl Environment {
    fn read(file: Option<PathBuf>) -> Result<Self, Failure> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if !name.starts_with("VESTIBULE_") {
                continue;
            }
            let value = value.into_string().map_err(|_| Failure::usage(format!("{name} is not UTF-8")))?;
            variables.push((name, value));
        }
        let named = variables.iter().find(|(name, _)| name == "VESTIBULE_CONFIG").map(|(_, file)| PathBuf::from(file));
        Ok(Self { file: file.or(named), variables, operator: operator() })
    }

    fn config(&self, mode: Mode) -> Result<Config, Failure> {
        Ok(Config::load(self.file.as_deref(), &mut self.variables.iter().cloned(), mode)?)
    }

    fn accounts(&self) -> Result<Accounts, Failure> {
        Ok(Config::load_accounts(self.file.as_deref(), &mut self.variables.iter().cloned())?)
    }
}
