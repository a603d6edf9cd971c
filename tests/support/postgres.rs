//! One Postgres for the whole test process, and a database of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;
use vestibule::dev::servers::PostgresServer;

/// A folder of this process, under the build's own folder for such things. What processes
/// that are gone have left is removed.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in std::fs::read_dir(all).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix("e2e-"));
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let mine = all.join(format!("e2e-{}", std::process::id()));
        std::fs::create_dir_all(&mine).unwrap();
        mine
    })
}

/// A folder of its own for one server of one test.
pub(crate) fn fresh_folder(what: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = folder().join(format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

const TEMPLATE: &str = "template_vestibule";

async fn server() -> &'static PostgresServer {
    static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            // It dies with this process: nothing drops a static.
            let server = PostgresServer::start(&folder().join("postgres"), false).unwrap();
            server.create_database(TEMPLATE, None).await.unwrap();
            let migrated =
                super::app::vestibule(&["migrate"], &[("VESTIBULE_POSTGRES__URL", &server.url(TEMPLATE))]).await;
            assert!(migrated.status.success(), "{migrated:?}");
            server
        })
        .await
}

/// The URL of a fresh, migrated database.
pub(crate) async fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = server().await;
    server.create_database(&name, Some(TEMPLATE)).await.unwrap();
    server.url(&name)
}

/// The URL of a fresh database without a schema.
pub(crate) async fn empty_database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("empty_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = server().await;
    server.create_database(&name, None).await.unwrap();
    server.url(&name)
}

/// Runs one query of the test's own.
pub(crate) async fn query(url: &str, sql: &str) -> Vec<tokio_postgres::Row> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.unwrap();
    drop(client);
    let _ = connection.await;
    rows
}
