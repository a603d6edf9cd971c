//! The program itself as a child process: what it says, signals to it, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::TestApp;
use super::until::until;

/// Longer than any start, drain and stop on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropped, it is killed.
pub(crate) struct Child {
    process: tokio::process::Child,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A node that is a process of its own.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Child {
    /// Starts it in a folder, with this environment and nothing else but PATH.
    pub(crate) fn start(program: &str, arguments: &[&str], environment: &[(String, String)], folder: &Path) -> Self {
        // It dies with this test, also when the test is killed.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--", program])
            .args(arguments)
            .env_clear()
            .envs(environment.iter().cloned())
            .current_dir(folder)
            .kill_on_drop(true);
        command.env("PATH", path());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(process.stdout.take().unwrap(), &lines);
        collect(process.stderr.take().unwrap(), &lines);
        Self { process, lines }
    }

    /// What it has said so far, on both of its outputs.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The first line with these words in it, once it is there.
    pub(crate) async fn line(&self, words: &str) -> String {
        until(&format!("the program to say {words:?}"), || async {
            self.lines().into_iter().find(|line| line.contains(words))
        })
        .await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().expect("it has not been waited for")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        match timeout(PATIENCE, self.process.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("it does not end: {:#?}", self.lines()),
        }
    }
}

/// Where programs are found; everything else of this process' environment stays here.
pub(crate) fn path() -> String {
    std::env::vars().find(|(name, _)| name == "PATH").unwrap().1
}

impl Drop for Child {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("The program said:\n{}", self.lines().join("\n"));
        }
    }
}

impl Served {
    /// `vestibule serve` with a test's settings and these changes, once it is ready.
    pub(crate) async fn start(app: &TestApp, changes: &[(&str, &str)]) -> Self {
        let child = Self::launch(app, "", changes);
        let line = child.line("\"message\":\"ready\"").await;
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        Self { public: address("public"), admin: address("admin"), child }
    }

    /// The same, through `sh` after these lines, without waiting.
    pub(crate) fn launch(app: &TestApp, before: &str, changes: &[(&str, &str)]) -> Child {
        let script = format!("{before} exec '{}' serve", env!("CARGO_BIN_EXE_vestibule"));
        Child::start("/bin/sh", &["-c", &script], &Self::settings(app, changes), Path::new("/"))
    }

    /// The environment that it is started with.
    pub(crate) fn settings(app: &TestApp, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut settings = app.environment();
        let mut set = |key: &str, value: &str| {
            settings.push((format!("VESTIBULE_{}", key.to_uppercase().replace('.', "__")), value.to_owned()));
        };
        set("mail.url", "smtp://127.0.0.1:1?tls=none");
        set("log.format", "json");
        set("log.level", "info");
        changes.iter().for_each(|(key, value)| set(key, value));
        settings
    }
}

fn collect(output: impl AsyncRead + Unpin + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    tokio::spawn(async move {
        let mut output = BufReader::new(output).lines();
        while let Ok(Some(line)) = output.next_line().await {
            lines.lock().unwrap().push(line);
        }
    });
}
