//! One chromedriver for the whole test process, which starts the browsers.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::postgres::folder;

/// It says its port within its first five lines.
const LINES_MAX: usize = 20;
/// A browser ends in a third of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// While the guard's standard input is open, chromedriver lives: nothing drops a static, but the kernel closes pipes.
struct Driver {
    url: String,
    _guard: Child,
    _said: Lines<BufReader<ChildStdout>>,
}

/// Where it is asked, on a port of its own choice.
pub(super) fn url() -> &'static str {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    &DRIVER.get_or_init(Driver::start).url
}

/// Ends a browser, and blocks meanwhile. What that cannot end, the guard does.
pub(super) fn end(session: &str) {
    let address = url().trim_start_matches("http://");
    let path = session.trim_start_matches(url());
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE {path} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
        // It answers when the browser has ended, and holds the connection on.
        stream.read(&mut [0])
    };
    if let Err(error) = ask() {
        eprintln!("A browser is left to the guard: {error}");
    }
}

impl Driver {
    fn start() -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("guard.sh"), "sh"]).arg(folder().join("chromedriver.log"));
        // What browsers keep outside of their profiles goes the way of this folder.
        command.env("HOME", folder()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, which the guard ends as one.
        command.process_group(0);
        let mut guard = command.spawn().unwrap();
        let mut said = BufReader::new(guard.stdout.take().unwrap()).lines();
        let port = said.by_ref().take(LINES_MAX).find_map(|line| {
            let line = line.unwrap();
            line.split("started successfully on port ").nth(1).map(|port| port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver starts; `.ci/setup tests` installs it");
        Self { url: format!("http://127.0.0.1:{port}"), _guard: guard, _said: said }
    }
}
