//! On real servers, with what a killed run leaves behind.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use rustix::process::Pid;

use super::process::{find_program, is_alive, wait_until};
use super::{PostgresServer, RedisOptions, RedisServer};

/// Names the directory in which `a_parent_to_be_killed` starts its servers.
const PARENT_DIR: &str = "VESTIBULE_TEST_PARENT_DIR";
const PATIENCE: Duration = Duration::from_secs(20);

struct TestDir(PathBuf);

impl TestDir {
    fn new(name: &str) -> TestDir {
        let dir = std::env::temp_dir().join(format!("vestibule-servers-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        TestDir(dir)
    }

    fn redis(&self) -> RedisOptions {
        RedisOptions { dir: self.0.join("redis"), ..RedisOptions::default() }
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _left_for_the_next_reboot = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn cli(redis: &RedisServer, command: &[&str]) -> String {
    let mut cli = Command::new(find_program(&["redis-cli", "valkey-cli"]).unwrap());
    let output = cli.args(redis.cli_args()).args(command).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn query(postgres: &PostgresServer, database: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let config = tokio_postgres::Config::from_str(&postgres.url(database))?;
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.query_one(sql, &[]).await.map(|row| row.get(0))
}

fn number(pid: Option<u32>) -> Pid {
    Pid::from_raw(pid.unwrap().cast_signed()).unwrap()
}

#[track_caller]
fn assert_ends(pid: Pid) {
    assert!(wait_until(PATIENCE, || Ok(!is_alive(pid))).unwrap(), "process {pid:?} is still there");
}

#[test]
fn redis_evicts_nothing_and_is_gone_after_stop() {
    let dir = TestDir::new("redis");
    let redis = RedisServer::start(dir.redis()).unwrap();
    let socket = fs::canonicalize(&dir.0).unwrap().join("redis/redis.sock");
    assert_eq!(redis.url(), format!("redis+unix://{}", socket.display()));
    assert_eq!(cli(&redis, &["SET", "a", "1"]), "OK");
    assert_eq!(cli(&redis, &["CONFIG", "GET", "maxmemory-policy"]), "maxmemory-policy\nnoeviction");
    assert_eq!(cli(&redis, &["CONFIG", "GET", "port"]), "port\n0");

    let pid = number(redis.pid());
    redis.stop().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn redis_comes_back_on_the_same_socket_after_a_kill() {
    let dir = TestDir::new("redis-kill");
    let mut redis = RedisServer::start(RedisOptions { persistent: true, ..dir.redis() }).unwrap();
    assert_eq!(cli(&redis, &["SET", "a", "1"]), "OK");
    let url = redis.url();
    redis.kill().unwrap();
    assert_eq!(cli(&redis, &["GET", "a"]), "");
    redis.restart().unwrap();
    assert_eq!(redis.url(), url);
    assert_eq!(cli(&redis, &["GET", "a"]), "1");
}

#[test]
fn a_paused_server_is_silent_and_can_be_stopped() {
    let dir = TestDir::new("redis-pause");
    let redis = RedisServer::start(dir.redis()).unwrap();
    redis.pause().unwrap();
    let mut socket = std::os::unix::net::UnixStream::connect(redis.socket()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    assert_eq!(socket.read(&mut reply).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    redis.resume().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");

    redis.pause().unwrap();
    redis.stop().unwrap();
}

#[test]
fn a_long_directory_gets_its_socket_elsewhere() {
    let dir = TestDir::new("long");
    let long = dir.0.join("a directory of a very long name ".repeat(4).trim());
    let mut redis = RedisServer::start(RedisOptions { dir: long.join("redis"), ..RedisOptions::default() }).unwrap();
    let postgres = PostgresServer::start(&long.join("postgres"), false).unwrap();
    let scratch = redis.socket().parent().unwrap().to_path_buf();
    assert!(!scratch.starts_with(&dir.0));
    assert!(!postgres.socket_dir().starts_with(&dir.0));
    redis.restart().unwrap();
    assert_eq!(cli(&redis, &["PING"]), "PONG");

    redis.stop().unwrap();
    let scratches = [scratch, postgres.socket_dir().to_path_buf()];
    postgres.stop().unwrap();
    assert_eq!(scratches.map(|scratch| scratch.exists()), [false, false]);
}

#[test]
fn a_directory_has_one_owner() {
    let dir = TestDir::new("lock");
    let redis = RedisServer::start(dir.redis()).unwrap();
    let refused = RedisServer::start(dir.redis()).unwrap_err().to_string();
    assert!(refused.contains(&format!("in use by process {}: stop that one first", std::process::id())), "{refused}");
    redis.stop().unwrap();
    RedisServer::start(dir.redis()).unwrap();
}

#[test]
fn a_failed_start_shows_the_log() {
    let dir = TestDir::new("failed");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = Some(taken.local_addr().unwrap().port());
    let error = RedisServer::start(RedisOptions { port, ..dir.redis() }).unwrap_err().to_string();
    assert!(error.contains("redis-server did not start") && error.contains("Address already in use"), "{error}");
}

#[test]
fn a_cluster_of_one_owns_all_slots() {
    let dir = TestDir::new("cluster");
    let mut redis = RedisServer::start(RedisOptions { cluster: true, ..dir.redis() }).unwrap();
    assert_eq!(redis.url(), format!("redis-cluster://127.0.0.1:{}", redis.port().unwrap()));
    assert_eq!(cli(&redis, &["SET", "{a}b", "1"]), "OK");
    let url = redis.url();
    redis.kill().unwrap();
    redis.restart().unwrap();
    assert_eq!(redis.url(), url);
    assert_eq!(cli(&redis, &["SET", "{c}d", "1"]), "OK");
}

#[tokio::test]
async fn postgres_makes_and_drops_databases() {
    let dir = TestDir::new("postgres");
    let mut postgres = PostgresServer::start(&dir.0.join("postgres"), false).unwrap();
    postgres.create_database("first", None).await.unwrap();
    query(&postgres, "first", "CREATE TABLE t AS SELECT 'kept' AS v").await.unwrap_err();
    postgres.create_database("second \"one\"", Some("first")).await.unwrap();
    assert_eq!(query(&postgres, "second \"one\"", "SELECT v FROM t").await.unwrap(), "kept");
    let again = postgres.create_database("first", None).await.unwrap_err().to_string();
    assert!(again.ends_with("database \"first\" already exists"), "{again}");
    postgres.drop_database("first").await.unwrap();
    postgres.drop_database("first").await.unwrap();
    let is =
        "SELECT concat_ws(' ', current_user, current_setting('server_encoding'), current_setting('listen_addresses'))";
    assert_eq!(query(&postgres, "postgres", is).await.unwrap(), "vestibule UTF8 ");

    postgres.kill().unwrap();
    query(&postgres, "postgres", "SELECT 'up'").await.unwrap_err();
    postgres.restart().unwrap();
    assert_eq!(query(&postgres, "second \"one\"", "SELECT v FROM t").await.unwrap(), "kept");

    postgres.pause().unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(100), query(&postgres, "postgres", "SELECT 'up'")).await;
    silence.unwrap_err();
    postgres.resume().unwrap();
    assert_eq!(query(&postgres, "postgres", "SELECT 'up'").await.unwrap(), "up");
    postgres.stop().unwrap();
}

#[tokio::test]
async fn postgres_starts_over_what_a_killed_run_left() {
    let dir = TestDir::new("stale");
    // Closed to others, as /root is: the server still keeps its data here.
    let closed = dir.0.join("closed");
    DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let home = closed.join("postgres");
    let mut postgres = PostgresServer::start(&home, true).unwrap();
    postgres.create_database("kept", None).await.unwrap();
    postgres.kill().unwrap();
    drop(postgres);
    // The number of the dead server now belongs to somebody else: to this test.
    let pid_file = home.join("data/postmaster.pid");
    let left = fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = left.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    // An initdb that was interrupted.
    fs::create_dir(home.join("data.new")).unwrap();

    let postgres = PostgresServer::start(&home, true).unwrap();
    assert_eq!(query(&postgres, "kept", "SELECT 'here'").await.unwrap(), "here");
}

#[test]
fn servers_die_with_a_parent_that_is_killed() {
    let dir = TestDir::new("orphans");
    let mut parent = Command::new(std::env::current_exe().unwrap());
    parent.args(["dev::servers::tests::a_parent_to_be_killed", "--exact", "--ignored", "--nocapture"]);
    let mut parent = parent.env(PARENT_DIR, &dir.0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let pids = lines.find_map(|line| line.strip_prefix("servers: ").map(str::to_owned)).unwrap();
    let pids: Vec<Pid> = pids.split(' ').map(|pid| number(pid.parse().ok())).collect();
    assert_eq!(pids.iter().map(|pid| is_alive(*pid)).collect::<Vec<_>>(), [true; 3]);

    parent.kill().unwrap();
    parent.wait().unwrap();
    // At once: whoever starts next waits until what was left has gone.
    RedisServer::start(dir.redis()).unwrap();
    PostgresServer::start(&dir.0.join("postgres"), false).unwrap();
    for pid in pids {
        assert_ends(pid);
    }
}

#[test]
#[ignore = "the parent that servers_die_with_a_parent_that_is_killed starts and kills"]
fn a_parent_to_be_killed() {
    let Some(dir) = std::env::var_os(PARENT_DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let redis = RedisServer::start(RedisOptions { dir: dir.join("redis"), ..RedisOptions::default() }).unwrap();
    let paused = RedisServer::start(RedisOptions { dir: dir.join("paused"), ..RedisOptions::default() }).unwrap();
    let postgres = PostgresServer::start(&dir.join("postgres"), false).unwrap();
    paused.pause().unwrap();
    let pids = [redis.pid(), paused.pid(), postgres.pid()].map(|pid| pid.unwrap().to_string());
    println!("\nservers: {}", pids.join(" "));
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
