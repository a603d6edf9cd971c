//! `vestibule serve` as a process of its own: killed, stopped, and read from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use vestibule::node::Addresses;

use super::postgres::fresh_folder;
use super::until::until;

/// A process that ends when this is dropped, or when the test dies.
pub(crate) struct Program {
    child: Mutex<Child>,
    log: PathBuf,
}

impl Program {
    /// Starts a node with this environment, and does not wait for it. Its log has to be at level info for
    /// [`Program::ready`].
    pub(crate) fn serve(environment: &[(String, String)]) -> Self {
        let log = fresh_folder("serve").join("log");
        let file = File::create(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_vestibule"), "serve"])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .expect("setpriv, of util-linux");
        Self { child: Mutex::new(child), log }
    }

    /// Where it listens, once it does.
    pub(crate) async fn ready(&self) -> Addresses {
        let line = self.says("ready").await;
        let address = |member: &str| line[member].as_str().unwrap().parse().unwrap();
        Addresses { public: address("public"), admin: address("admin") }
    }

    /// The first line of its log with this message; waits for it.
    pub(crate) async fn says(&self, message: &str) -> serde_json::Value {
        until(&format!("the line {message:?} in {}", self.log.display()), || async {
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            let log = self.log();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let found = lines.into_iter().find(|line| line["message"] == message);
            assert!(found.is_some() || ended.is_none(), "it ended: {ended:?}\n{log}");
            found
        })
        .await
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn log_file(&self) -> &Path {
        &self.log
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, as an orchestrator sends it; waits for the end.
    pub(crate) async fn stop(&self) -> ExitStatus {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        until("the program to stop", || async { self.child.lock().unwrap().try_wait().unwrap() }).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _gone_already = child.kill();
        let _gone_already = child.wait();
    }
}
