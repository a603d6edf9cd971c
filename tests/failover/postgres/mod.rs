//! Postgres on two hosts: a primary, and a replica that is promoted when the primary is gone.

mod drills;
mod flows;
mod traffic;

use std::time::{Duration, Instant};

use vestibule::dev::servers::{PostgresOptions, PostgresServer};

use crate::support::app::vestibule;
use crate::support::postgres::{fresh_folder, query};
use crate::support::until::until;

const DATABASE: &str = "vestibule";

/// Whether a commit waits for the replica.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Replication {
    Synchronous,
    Asynchronous,
}

/// A primary and its replica.
struct Pair {
    primary: PostgresServer,
    replica: PostgresServer,
}

impl Pair {
    async fn start(replication: Replication) -> Self {
        let commit = match replication {
            Replication::Synchronous => "synchronous_commit=on",
            Replication::Asynchronous => "synchronous_commit=local",
        };
        let settings = [commit];
        let options = || PostgresOptions { settings: &settings, ..PostgresOptions::default() };
        let primary = PostgresServer::start_with(&fresh_folder("primary"), &options()).unwrap();
        primary.create_database(DATABASE, None).await.unwrap();
        let migrated = vestibule(&["migrate"], &[("VESTIBULE_POSTGRES__URL", &primary.url(DATABASE))]).await;
        assert!(migrated.status.success(), "{migrated:?}");
        let options = PostgresOptions { copy_of: Some(&primary), ..options() };
        let replica = PostgresServer::start_with(&fresh_folder("replica"), &options).unwrap();
        let pair = Self { primary, replica };
        let streams = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'";
        pair.asks(&pair.primary, streams).await;
        if replication == Replication::Synchronous {
            // Not before somebody follows: until then every commit would wait.
            query(&pair.primary.url(DATABASE), "ALTER SYSTEM SET synchronous_standby_names = '*'").await;
            query(&pair.primary.url(DATABASE), "SELECT pg_reload_conf()").await;
            pair.asks(&pair.primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").await;
        }
        pair
    }

    /// Both, as an operator writes them.
    fn url(&self) -> String {
        let [first, second] = [&self.primary, &self.replica].map(|server| server.socket_dir().display().to_string());
        format!("host={first},{second} user=vestibule dbname={DATABASE} target_session_attrs=read-write")
    }

    /// The replica becomes the primary. When it was, and took writes.
    async fn promote(&self) -> Instant {
        let url = self.replica.url(DATABASE);
        // It takes writes from now on, and waits for no replica.
        query(&url, "SELECT pg_promote()").await;
        let promoted = Instant::now();
        query(&url, "ALTER SYSTEM RESET synchronous_standby_names").await;
        query(&url, "SELECT pg_reload_conf()").await;
        promoted
    }

    /// Waits until a query has a row.
    async fn asks(&self, server: &PostgresServer, sql: &str) {
        let url = server.url(DATABASE);
        until(sql, async || query(&url, sql).await.first().map(drop)).await;
    }
}

/// Starts it again, in order or after it was killed, while everybody else goes on.
async fn restart(mut server: PostgresServer) -> PostgresServer {
    let restarted = tokio::task::spawn_blocking(move || server.restart().map(|()| server));
    restarted.await.unwrap().unwrap()
}

/// Connections of nodes to a server.
async fn connections(server: &PostgresServer) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vestibule'";
    query(&server.url(DATABASE), sql).await[0].get(0)
}

fn ms(duration: Duration) -> u128 {
    duration.as_millis()
}
