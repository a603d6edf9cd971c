//! The ways to Postgres that a deployment uses beside a plain socket: TLS, and several hosts.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_postgres::config::Host;
use vestibule::dev::servers::{PostgresOptions, PostgresServer};

use crate::support::app::{Setup, vestibule};
use crate::support::postgres::{database, fresh_folder, query};
use crate::support::until::until;

/// A machine that runs other tests connects as slowly as it likes.
const PATIENT: [(&str, &str); 2] =
    [("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "10s"), ("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "20s")];

/// The line of `vestibule check` about Postgres.
async fn check(url: &str, more: &[(&str, &str)]) -> String {
    let mut environment = vec![("VESTIBULE_POSTGRES__URL", url)];
    environment.extend(PATIENT);
    environment.extend(more);
    let output = vestibule(&["check"], &environment).await;
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find(|line| line.contains(" postgres ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A certificate for these names, which is its own authority, and its key.
fn certificate(folder: &Path, names: &[&str]) -> (PathBuf, PathBuf) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    (certificate, key)
}

/// A Postgres that takes TLS and a password alone from the network, and its certificate. The schema is not there, which
/// `check` says once it is connected.
async fn encrypted(address: &str) -> (PostgresServer, PathBuf) {
    let listen = format!("listen_addresses={address}");
    let settings = [listen.as_str(), "password_encryption=scram-sha-256"];
    let options = PostgresOptions { settings: &settings, ..PostgresOptions::default() };
    let server = PostgresServer::start_with(&fresh_folder("postgres"), &options).unwrap();
    // Whoever meets a server without TLS is told what to do.
    let line = check(&format!("hostaddr={address} user=vestibule dbname=postgres sslmode=require"), &[]).await;
    assert!(line.contains("does not support TLS: switch it on there, or write sslmode=disable"), "{line}");
    let (data, owner) = (server.data(), std::fs::metadata(server.data()).unwrap());
    let (certificate, key) = certificate(data, &["db.example", address]);
    for file in [&certificate, &key] {
        chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.0/8 scram-sha-256\n")
        .unwrap();
    let url = server.url("postgres");
    query(&url, "ALTER ROLE vestibule PASSWORD 'hunter2'").await;
    query(&url, "ALTER SYSTEM SET ssl = on").await;
    query(&url, "SELECT pg_reload_conf()").await;
    (server, certificate)
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_that_can_be_trusted_and_to_no_other() {
    // An address for each process of tests: the port is the one of the unix socket.
    let [_, _, a, b] = std::process::id().to_be_bytes();
    let address = format!("127.77.{a}.{b}");
    let (_server, certificate) = encrypted(&address).await;
    let trusted = certificate.to_str().unwrap().to_owned();
    let (stranger, _) = self::certificate(&fresh_folder("stranger"), &["db.example", &address]);
    let stranger = stranger.to_str().unwrap();
    let at = format!("user=vestibule password=hunter2 dbname=postgres hostaddr={address}");
    let connected = async |more: &str, environment: &[(&str, &str)]| {
        let line = check(&format!("{at} {more}"), environment).await;
        assert!(!line.contains("hunter2"), "{line}");
        if line.contains("the schema is at version 0") || line.contains("schema at version 0") {
            Ok(())
        } else {
            Err(line)
        }
    };
    let url = format!("postgres://vestibule:hunter2@{address}/postgres?sslmode=verify-full&sslrootcert={trusted}");
    until("TLS", async || check(&url, &[]).await.contains("schema at version 0").then_some(())).await;

    // By address, by name, bound to this very connection; trusted by ours or the system's word.
    for more in ["host=db.example sslmode=require", "sslmode=verify-ca channel_binding=require"] {
        connected(&format!("{more} sslrootcert={trusted}"), &[]).await.unwrap();
        connected(more, &[("SSL_CERT_FILE", &trusted)]).await.unwrap();
    }
    for (more, words) in [
        (format!("host=other.example sslmode=require sslrootcert={trusted}"), "not valid for name"),
        (format!("sslmode=require sslrootcert={stranger}"), "invalid peer certificate"),
        ("sslmode=require".to_owned(), "invalid peer certificate"),
        ("sslmode=verify-full sslrootcert=system".to_owned(), "invalid peer certificate"),
        ("sslmode=disable".to_owned(), "no encryption"),
        ("host=db.example".to_owned(), "no encryption"),
    ] {
        let line = connected(&more, &[]).await.unwrap_err();
        assert!(line.starts_with("FAIL") && line.contains(words), "{more}: {line}");
    }
}

/// Takes connections, as the kernel does for it, and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn a_first_host_that_is_silent_keeps_nobody_from_the_second() {
    let real: tokio_postgres::Config = database().await.parse().unwrap();
    let [Host::Unix(socket)] = real.get_hosts() else { panic!("{real:?}") };
    let (_listener, port) = silent();
    let name = real.get_dbname().unwrap();
    let url = format!("host=127.0.0.1,{} port={port},5432 user=vestibule dbname={name}", socket.display());
    // Each host gets 3 s, which is more than anything else here takes.
    let setup = Setup::new().set("postgres.connect_timeout", &"3s").set("postgres.statement_timeout", &"6s");
    let app = setup.set("postgres.url", &url).start().await;
    let ada = app.member("ada").await;
    // It is asked last from now on: a fresh connection waits for nobody.
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    query(&app.database, &end).await;
    let asked = Instant::now();
    until("a fresh connection", async || Some(app.me(&ada.access).await).filter(|me| me.status == 200)).await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn hosts_that_are_all_silent_are_given_up_in_time() {
    let (_listeners, ports): (Vec<_>, Vec<_>) = (0..3).map(|_| silent()).unzip();
    let [first, second, third] = ports[..] else { unreachable!() };
    let url = format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={first},{second},{third} user=v dbname=v");
    let defaults = [("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "1s"), ("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "2s")];
    let line = check(&url, &defaults).await;
    // The last one's time may end with that of the query.
    for port in [first, second] {
        let (_, told) = line.split_once(&format!("127.0.0.1:{port}, ")).unwrap_or_else(|| panic!("{line}"));
        assert!(told.split(';').next().unwrap().contains("no answer in 666 ms"), "{line}");
    }
}
