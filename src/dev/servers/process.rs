//! One server process under its guard, and the directory lock that goes with it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A cold start on a loaded 2-core machine takes about 2 s; PostgreSQL may have to replay its log.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Longer than the guard waits before it kills a server that does not stop (5 s).
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// `sun_path` has 108 bytes, one of them for the NUL.
const SOCKET_PATH_BYTES_MAX: usize = 107;
const LOG_TAIL_LINES: usize = 12;

/// How to start a server, and how to start it again.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) name: &'static str,
    pub(super) argv: Vec<OsString>,
    pub(super) dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) stop_signal: &'static str,
    /// Short-lived directory of the sockets, when the server's own directory has too long a name.
    pub(super) scratch: Option<PathBuf>,
    pub(super) lock: File,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) launch: Launch,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    guard: Child,
    server: Pid,
}

impl Process {
    pub(super) fn new(launch: Launch) -> Process {
        Process { launch, running: None }
    }

    /// Returns once `ready` says so; a server that ends or hangs before is an error with the last lines of its log.
    pub(super) fn start(&mut self, ready: impl Fn(Pid) -> io::Result<bool>) -> io::Result<()> {
        self.stop()?;
        let server = self.running.insert(self.launch.spawn()?).server;
        let waited = wait_until(START_DEADLINE, || {
            if !is_alive(server) {
                return Err(io::Error::other("it ended"));
            }
            ready(server)
        });
        let outcome = match waited {
            Ok(true) => return Ok(()),
            Ok(false) => format!("not ready after {} s", START_DEADLINE.as_secs()),
            Err(error) => error.to_string(),
        };
        self.stop()?;
        Err(io::Error::other(format!(
            "{} did not start in {}: {outcome}; the end of {}:\n{}",
            self.launch.name,
            self.launch.dir.display(),
            self.launch.log.display(),
            self.launch.log_tail(),
        )))
    }

    /// The guard removed the short directory of the sockets when the server ended. Whether it is new.
    pub(super) fn restore_scratch(&self) -> io::Result<bool> {
        match &self.launch.scratch {
            Some(scratch) if !scratch.exists() => {
                DirBuilder::new().mode(0o700).create(scratch).map_err(at(scratch))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        let running = self.running.as_ref()?;
        running.server.as_raw_nonzero().get().try_into().ok()
    }

    /// SIGSTOP: connections stay open, and nothing answers.
    pub(super) fn pause(&self) -> io::Result<()> {
        let server = self.server()?;
        // First the server itself, which then makes no more children.
        kill_process(server, Signal::STOP)?;
        signal_children(server, Signal::STOP);
        Ok(())
    }

    pub(super) fn resume(&self) -> io::Result<()> {
        let server = self.server()?;
        signal_children(server, Signal::CONT);
        Ok(kill_process(server, Signal::CONT)?)
    }

    /// SIGKILL, and gone when this returns.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        let server = self.server()?;
        let children = children(server);
        kill_process(server, Signal::KILL)?;
        for child in children {
            let _gone_already = kill_process(child, Signal::KILL);
        }
        self.stop()
    }

    /// Ends the server and waits for it. Nothing to do when it does not run.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        // Waiting closes the guard's standard input, which is what it is waiting for.
        running.guard.wait().map(drop)
    }

    fn server(&self) -> io::Result<Pid> {
        let running = self.running.as_ref();
        running
            .map(|running| running.server)
            .ok_or_else(|| io::Error::other(format!("{} does not run", self.launch.name)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _nobody_to_tell = self.stop();
    }
}

impl Launch {
    fn spawn(&self) -> io::Result<Running> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("guard.sh"), "sh"]);
        command.arg(&self.log).arg(self.stop_signal).arg(self.scratch.as_deref().unwrap_or(Path::new("")));
        command.args(&self.argv).current_dir(&self.dir);
        without_postgres_settings(&mut command);
        // Our end of the pipe closes on exec, so that no sibling keeps the guard waiting after us.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(self.lock.try_clone()?);
        // Ctrl-C at the terminal is for us: we stop the servers in our order.
        command.process_group(0);

        let mut guard = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = guard.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let Some(server) = line.trim().parse().ok().and_then(Pid::from_raw) else {
            guard.wait()?;
            return Err(io::Error::other(format!("the guard of {} did not start", self.name)));
        };
        Ok(Running { guard, server })
    }

    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

/// PGPORT, PGDATA, PGOPTIONS and the like are about the developer's other servers.
pub(super) fn without_postgres_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
}

/// Takes the directory for this process and its server. The lock is the kernel's: a killed run leaves none behind.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(at(path))?;
    let locked = wait_until(STOP_DEADLINE, || match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(path)?.trim().parse().ok().and_then(Pid::from_raw);
            match holder {
                Some(pid) if is_alive(pid) => Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    format!("in use by process {}: stop that one first", pid.as_raw_nonzero()),
                )),
                // The holder was killed, and its guard is still stopping the server.
                _ => Ok(false),
            }
        }
    })
    .map_err(at(path))?;
    if !locked {
        let message =
            format!("{}: a server of an earlier run still uses this directory: stop it first", path.display());
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
    }
    file.set_len(0)?;
    file.write_all_at(std::process::id().to_string().as_bytes(), 0)?;
    Ok(file)
}

/// Where the sockets go: `preferred`, or a short private directory when a socket's path would be too long for it.
pub(super) fn socket_dir(preferred: &Path, socket: &str) -> io::Result<(PathBuf, Option<PathBuf>)> {
    if preferred.join(socket).as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        private_dir(preferred)?;
        return Ok((preferred.to_path_buf(), None));
    }
    let nanos = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let short = PathBuf::from(format!("/tmp/vestibule-{:x}-{nanos:x}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&short).map_err(at(&short))?;
    Ok((short.clone(), Some(short)))
}

pub(super) fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))
}

/// An error that names the file it is about.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The first of `names` that is a file in a directory of PATH, or where Debian has servers and users do not look.
pub(super) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
    let candidates = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    candidates.into_iter().find(|program| program.is_file())
}

pub(super) fn wait_until(deadline: Duration, mut done: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let start = Instant::now();
    loop {
        if done()? {
            return Ok(true);
        }
        if start.elapsed() >= deadline {
            return Ok(false);
        }
        wait_briefly();
    }
}

#[expect(clippy::disallowed_methods, reason = "a starting process has no event that we could wait for")]
fn wait_briefly() {
    std::thread::sleep(POLL);
}

/// A zombie is not: the guard collects its server late, and a container's first process may never collect ours.
pub(super) fn is_alive(pid: Pid) -> bool {
    match fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        // Not permitted to signal it: it is there all the same.
        Err(_) => test_kill_process(pid) != Err(rustix::io::Errno::SRCH),
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw)).collect()
}

fn signal_children(pid: Pid, signal: Signal) {
    for child in children(pid) {
        let _ended_meanwhile = kill_process(child, signal);
    }
}
