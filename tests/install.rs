//! What is installed: the unit for systemd, what a service manager is told, the archive.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::UnixDatagram;
use tokio::time::timeout;
use vestibule::config::Config;

use crate::support::TestApp;
use crate::support::app::{JWT_KEY, ROOT_KEY, Setup};
use crate::support::child::Child;
use crate::support::postgres::fresh_folder;

const UNIT: &str = include_str!("../config/vestibule.service");
const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule");
/// Tenths of a point in systemd's own reckoning, where 100 is a service that may do anything. It is at 14.
const EXPOSURE_MAX: &str = "20";

/// The values of a setting, in order.
fn values(setting: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('=')).collect()
}

/// What the unit makes of the environment, with credentials in this folder: which key is read from which file.
fn environment(credentials: &str) -> BTreeMap<String, String> {
    let pairs = values("Environment").into_iter().map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.replace("%d", credentials))).collect()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    command.output().unwrap_or_else(|error| panic!("{program}: {error}; run `make setup`"))
}

#[test]
fn systemd_takes_the_unit_and_thinks_well_of_it() {
    let folder = fresh_folder("unit");
    let unit = folder.join("vestibule.service");
    assert!(UNIT.contains("/usr/local/bin/vestibule"));
    // It has to be there to be verified.
    fs::write(&unit, UNIT.replace("/usr/local/bin/vestibule", PROGRAM)).unwrap();
    let unit = unit.display().to_string();
    let verified = run("systemd-analyze", &["verify", "--man=no", &unit]);
    // It says what it does not know, and is content all the same.
    let said = String::from_utf8(verified.stderr.clone()).unwrap();
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("vestibule.service")).collect();
    assert!(verified.status.success() && complaints.is_empty(), "{verified:?}");
    let judged = run("systemd-analyze", &["security", "--offline=yes", "--threshold", EXPOSURE_MAX, &unit]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn what_the_unit_says_is_so() {
    let reference = Config::reference();
    let default = |name: &str| reference.iter().find(|key| key.name == name).unwrap().default.unwrap();
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u64>().unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();

    let environment = environment("CREDENTIALS");
    for name in environment.keys() {
        assert!(reference.iter().any(|key| key.environment == *name), "{name} sets nothing");
    }
    for key in reference.iter().filter(|key| key.secret && key.required) {
        assert!(environment.contains_key(&format!("{}_FILE", key.environment)), "{} is not there", key.name);
    }
    let loaded: Vec<String> =
        values("LoadCredential").iter().map(|pair| pair.split(':').next().unwrap().to_owned()).collect();
    let used: Vec<String> = environment.values().map(|value| value.replace("CREDENTIALS/", "")).collect();
    assert_eq!(loaded.len(), used.len());
    assert!(loaded.iter().all(|name| used.contains(name)), "{loaded:?}, {used:?}");

    let drain = seconds(default("http.drain_delay")) + seconds(default("http.drain_timeout"));
    let patience = seconds(values("TimeoutStopSec")[0]);
    assert!(patience > drain, "{patience} s for a drain of {drain} s");
    assert_eq!(number(values("LimitNOFILE")[0]), number(default("http.connections_max")) + 256);
    assert_eq!(values("RestartPreventExitStatus"), ["64"]);
    assert_eq!(values("Type"), ["notify"]);
}

#[tokio::test]
async fn a_node_with_the_environment_of_the_unit_tells_that_it_is_ready_and_that_it_stops() {
    let app = Setup::new().nodes(0).start().await;
    let folder = fresh_folder("credentials");
    let manager = UnixDatagram::bind(folder.join("notify")).unwrap();
    let mut node = started(&app, &folder);
    assert_eq!(heard(&manager, &node).await, "READY=1");
    let ready = node.line("\"message\":\"ready\"").await;
    assert!(ready.contains("127.0.0.1"), "{ready}");
    node.signal(Signal::TERM);
    assert_eq!(heard(&manager, &node).await, "STOPPING=1");
    assert_eq!(node.ended().await.code(), Some(0));
}

/// As systemd starts it: every secret in a file, and nothing of them in the environment.
fn started(app: &TestApp, folder: &Path) -> Child {
    let mut settings: BTreeMap<String, String> = app.environment().into_iter().collect();
    settings.insert("VESTIBULE_MAIL__URL".to_owned(), "smtp://127.0.0.1:1?tls=none".to_owned());
    settings.insert("VESTIBULE_SECRETS__ROOT_KEYS".to_owned(), ROOT_KEY.to_owned());
    settings.insert("VESTIBULE_SECRETS__JWT_KEYS".to_owned(), JWT_KEY.to_owned());
    settings.insert("VESTIBULE_LOG__LEVEL".to_owned(), "info".to_owned());
    for (name, file) in environment(&folder.display().to_string()) {
        let secret = settings.remove(name.strip_suffix("_FILE").unwrap()).unwrap();
        fs::write(&file, secret + "\n").unwrap();
        settings.insert(name, file);
    }
    settings.insert("NOTIFY_SOCKET".to_owned(), folder.join("notify").display().to_string());
    let settings: Vec<(String, String)> = settings.into_iter().collect();
    Child::start(PROGRAM, &["serve"], &settings, folder)
}

async fn heard(manager: &UnixDatagram, node: &Child) -> String {
    let mut bytes = [0; 64];
    let patience = Duration::from_secs(30);
    let length = timeout(patience, manager.recv(&mut bytes)).await.unwrap_or_else(|_| panic!("{:#?}", node.lines()));
    String::from_utf8(bytes[..length.unwrap()].to_vec()).unwrap()
}

#[test]
fn an_archive_is_the_same_whoever_packs_it_and_when() {
    let folder = fresh_folder("dist");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/dist");
    // Any program will do to be packed, and a small one is packed quickly.
    let program = folder.join("program");
    fs::copy("/bin/true", &program).unwrap();
    let pack = || {
        let packed = run(script, &[program.to_str().unwrap(), folder.to_str().unwrap()]);
        assert!(packed.status.success(), "{packed:?}");
        String::from_utf8(packed.stdout).unwrap()
    };
    let first = pack();
    fs::File::open(&program).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(first, pack());

    let version = env!("CARGO_PKG_VERSION");
    assert!(first.contains(" MiB") && first.contains(&format!("vestibule-{version}-")), "{first}");
    let archive = first.lines().last().unwrap().split_whitespace().last().unwrap();
    let listed = run("tar", &["tzf", folder.join(archive).to_str().unwrap()]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    for file in ["vestibule", "config/vestibule.service", "config/vestibule.toml", "config/haproxy.cfg", "README.md"] {
        assert!(listed.lines().any(|line| line.ends_with(&format!("/{file}"))), "{file} is not in\n{listed}");
    }
    assert!(listed.contains("/lua/ops/"), "{listed}");
}
