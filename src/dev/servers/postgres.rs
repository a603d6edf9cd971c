//! A private PostgreSQL.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustix::process::Pid;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::account::{Account, NOT_INSTALLED};
use super::process::{Launch, Process, at, find_program, is_alive, lock, private_dir, socket_dir, wait_until};

const SOCKET: &str = ".s.PGSQL.5432";
const DEBIAN: &str = "/usr/lib/postgresql";
/// Children of a killed PostgreSQL may hold its shared memory for a moment.
const CRASH_DEADLINE: Duration = Duration::from_secs(5);

/// A running PostgreSQL, that ends when this is dropped or when this process dies.
#[derive(Debug)]
pub struct PostgresServer {
    process: Process,
    data: PathBuf,
    sockets: PathBuf,
    account: Account,
    /// Data that nobody will look for again, outside the server's directory.
    leftover: Option<PathBuf>,
}

/// How a PostgreSQL is started.
#[derive(Debug, Default)]
pub struct PostgresOptions<'a> {
    /// Whether what it commits survives a power cut.
    pub persistent: bool,
    /// Starts as its replica, which streams from it.
    pub copy_of: Option<&'a PostgresServer>,
    /// More settings, as `name=value`; they count more than ours.
    pub settings: &'a [&'a str],
}

impl PostgresServer {
    /// Makes the database cluster in `dir` if there is none. Without `persistent` it is fast and does not survive a
    /// power cut. Superuser `vestibule`, by the unix socket only.
    pub fn start(dir: &Path, persistent: bool) -> io::Result<PostgresServer> {
        Self::start_with(dir, &PostgresOptions { persistent, ..PostgresOptions::default() })
    }

    /// The same, as the options say.
    pub fn start_with(dir: &Path, options: &PostgresOptions<'_>) -> io::Result<PostgresServer> {
        let &PostgresOptions { persistent, copy_of, settings: more } = options;
        private_dir(dir)?;
        let dir = fs::canonicalize(dir).map_err(at(dir))?;
        let lock = lock(&dir.join("postgres.lock"))?;
        let log = dir.join("postgres.log");
        File::create(&log).map_err(at(&log))?;
        let (account, home) = Account::choose(&dir)?;
        let data = home.join("data");
        let programs = programs(&data)?;
        match copy_of {
            _ if data.join("PG_VERSION").exists() => {}
            Some(primary) => copy(&account, &programs, &data, primary)?,
            None => initdb(&account, &programs, &data, persistent)?,
        }

        let (sockets, scratch) = socket_dir(&home.join("run"), SOCKET)?;
        account.give(&sockets)?;
        let mut argv = account.prefix();
        argv.extend([programs.join("postgres").into(), "-D".into(), data.clone().into()]);
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            "port=5432".to_owned(),
            format!("unix_socket_directories=\"{}\"", sockets.display().to_string().replace('"', "\"\"")),
            "unix_socket_permissions=0700".to_owned(),
            "max_connections=200".to_owned(),
        ];
        if !persistent {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));
        argv.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));

        let launch = Launch { name: "PostgreSQL", argv, dir, log, stop_signal: "INT", scratch, lock };
        let leftover = Some(home).filter(|home| !persistent && *home != launch.dir);
        let process = Process::new(launch);
        let mut server = PostgresServer { process, data, sockets, account, leftover };
        server.launch()?;
        Ok(server)
    }

    /// For the service's configuration.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(&self.sockets.display().to_string());
        format!("postgresql://vestibule@{host}/{}", percent_encode(database))
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// From its next start on it is a replica of `primary`, and takes no writes.
    pub fn demote(&self, primary: &PostgresServer) -> io::Result<()> {
        let follow = format!("primary_conninfo = 'host={} user=vestibule'\n", primary.sockets.display());
        for (name, content) in [("standby.signal", ""), ("postgresql.auto.conf", follow.as_str())] {
            let file = self.data.join(name);
            fs::write(&file, content).map_err(at(&file))?;
            self.account.give(&file)?;
        }
        Ok(())
    }

    /// Where the socket is; `psql -h` takes it.
    pub fn socket_dir(&self) -> &Path {
        &self.sockets
    }

    /// An empty database, or a copy of `template`, to which nobody may be connected meanwhile.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> io::Result<()> {
        let template = template.map(|template| format!(" TEMPLATE {}", quote(template))).unwrap_or_default();
        self.execute(&format!("CREATE DATABASE {}{template}", quote(name))).await
    }

    /// Cuts the connections that it still has. Not being there is fine.
    pub async fn drop_database(&self, name: &str) -> io::Result<()> {
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(name))).await
    }

    /// The server's process id; none after [`kill`](Self::kill).
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// SIGSTOP, for every process of the server: it stays connected, and says nothing.
    pub fn pause(&self) -> io::Result<()> {
        self.process.pause()
    }

    /// SIGCONT, after [`pause`](Self::pause).
    pub fn resume(&self) -> io::Result<()> {
        self.process.resume()
    }

    /// SIGKILL, for every process of the server. [`restart`](Self::restart) brings it back.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Starts it again, after stopping it if it runs, on the same socket.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process.stop()?;
        self.launch()
    }

    /// Waits until it has ended; dropping it does as well, without a word about failures.
    pub fn stop(mut self) -> io::Result<()> {
        self.process.stop()
    }

    fn launch(&mut self) -> io::Result<()> {
        let mut failure = Ok(());
        let settled = wait_until(CRASH_DEADLINE, || {
            if self.process.restore_scratch()? {
                self.account.give(&self.sockets)?;
            }
            remove_stale_pid_file(&self.data)?;
            let pid_file = self.data.join("postmaster.pid");
            failure = self.process.start(|pid| Ok(is_ready(&pid_file, pid)));
            let again = failure.is_err() && self.process.launch.log_tail().contains("pre-existing shared memory");
            Ok(!again)
        });
        settled.and(failure)
    }

    async fn execute(&self, sql: &str) -> io::Result<()> {
        let failed = |error: tokio_postgres::Error| {
            let reason = error.as_db_error().map_or_else(|| error.to_string(), |reply| reply.message().to_owned());
            let kind = match error.code() {
                Some(code) if *code == SqlState::DUPLICATE_DATABASE => io::ErrorKind::AlreadyExists,
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, format!("{sql}: {reason}"))
        };
        let config = tokio_postgres::Config::from_str(&self.url("postgres")).map_err(failed)?;
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        tokio::select! {
            done = client.batch_execute(sql) => done.map_err(failed),
            ended = connection => ended.map_err(failed).and_then(|()| Err(io::Error::other("the connection ended"))),
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _nobody_to_tell = self.process.stop();
        if let Some(leftover) = &self.leftover {
            let _nobody_to_tell = fs::remove_dir_all(leftover);
        }
    }
}

/// Made beside its place and then moved there, so that being interrupted leaves nothing that looks complete.
fn initdb(account: &Account, programs: &Path, data: &Path, persistent: bool) -> io::Result<()> {
    let new = data.with_extension("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&new)(error)),
        _ => private_dir(&new)?,
    }
    account.give(&new)?;
    let mut command = account.command(&programs.join("initdb"));
    command.arg("-D").arg(&new).current_dir(&new);
    command.args(["-U", "vestibule", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]);
    command.args(["--auth-local=trust", "--auth-host=reject"]);
    if !persistent {
        command.arg("--no-sync");
    }
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("initdb failed in {}:\n{said}", new.display())));
    }
    fs::rename(&new, data).map_err(at(data))
}

/// What is copied follows its original when it starts, over the unix socket.
fn copy(account: &Account, programs: &Path, data: &Path, primary: &PostgresServer) -> io::Result<()> {
    let new = data.with_extension("new");
    private_dir(&new)?;
    account.give(&new)?;
    let mut command = account.command(&programs.join("pg_basebackup"));
    command.arg("-D").arg(&new).arg("-h").arg(&primary.sockets).current_dir(&new);
    command.args(["-U", "vestibule", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("pg_basebackup failed in {}:\n{said}", new.display())));
    }
    fs::rename(&new, data).map_err(at(data))
}

/// The directory of initdb and postgres: of the version that made the data, else of PATH, else Debian's newest.
fn programs(data: &Path) -> io::Result<PathBuf> {
    let complete = |dir: &PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    let made_by = fs::read_to_string(data.join("PG_VERSION")).unwrap_or_default();
    let same = Some(Path::new(DEBIAN).join(made_by.trim()).join("bin")).filter(|_| !made_by.is_empty());
    // Links in PATH are followed: postgres finds its files from where it is.
    let in_path =
        find_program(&["initdb"]).and_then(|initdb| Some(fs::canonicalize(initdb).ok()?.parent()?.to_path_buf()));
    let newest = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(complete)
        .max_by_key(|bin| bin.parent().and_then(Path::file_name)?.to_str()?.parse::<u32>().ok());
    let found = [same, in_path, newest].into_iter().flatten().find(complete);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, NOT_INSTALLED))
}

/// What pg_ctl waits for: our process, and "ready", or of a replica "standby", in the eighth line.
fn is_ready(pid_file: &Path, pid: Pid) -> bool {
    let content = fs::read_to_string(pid_file).unwrap_or_default();
    let mut lines = content.lines();
    lines.next() == Some(&pid.as_raw_nonzero().to_string())
        && lines.nth(6).is_some_and(|line| ["ready", "standby"].contains(&line.trim()))
}

/// PostgreSQL will not start beside a pid file whose number is alive, even as another program: numbers come again
/// soon in a container. We hold the directory's lock, so all that can be there is a server whose guard was killed.
fn remove_stale_pid_file(data: &Path) -> io::Result<()> {
    let pid_file = data.join("postmaster.pid");
    let content = fs::read_to_string(&pid_file).unwrap_or_default();
    let Some(pid) = content.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw) else {
        return Ok(());
    };
    let number = pid.as_raw_nonzero();
    let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    let is_ours = String::from_utf8_lossy(&command).contains(&data.display().to_string());
    if is_alive(pid) && is_ours {
        let message = format!("{}: PostgreSQL of an earlier run is still there: kill {number}", data.display());
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
    }
    fs::remove_file(&pid_file).map_err(at(&pid_file))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
