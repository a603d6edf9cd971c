//! Statements of the product, held back inside Postgres for as long as a test wants.

use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use super::until::until;

/// Dropped, it lets go a little later.
pub(crate) struct Held {
    client: Client,
    connection: JoinHandle<()>,
}

impl Held {
    /// An UPDATE of a user with these words in it waits, before it touches a row.
    pub(crate) async fn updates(url: &str, words: &str) -> Self {
        Self::updates_of("users", url, words).await
    }

    /// The note that Redis was told of a dead link waits.
    pub(crate) async fn notes_of_the_dead(url: &str) -> Self {
        Self::updates_of("dead_links", url, "told_at = now()").await
    }

    async fn updates_of(table: &str, url: &str, words: &str) -> Self {
        // The trigger stays, and holds nobody up once the lock is gone.
        let sql = format!(
            "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF current_query() LIKE '%{words}%' THEN PERFORM pg_advisory_xact_lock_shared(1); END IF; \
                RETURN NULL; END $$; \
            CREATE OR REPLACE TRIGGER hold BEFORE UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION hold(); \
            SELECT pg_advisory_lock(1)"
        );
        Self::by(url, &sql).await
    }

    /// Whatever reads or writes users waits.
    pub(crate) async fn users(url: &str) -> Self {
        Self::by(url, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await
    }

    /// Whatever writes users waits.
    pub(crate) async fn writes(url: &str) -> Self {
        Self::by(url, "BEGIN; LOCK TABLE users IN EXCLUSIVE MODE").await
    }

    /// Whatever reads or writes interviews waits.
    pub(crate) async fn all_of_interviews(url: &str) -> Self {
        Self::by(url, "BEGIN; LOCK TABLE interviews IN ACCESS EXCLUSIVE MODE").await
    }

    /// Whatever writes interviews waits.
    pub(crate) async fn interviews(url: &str) -> Self {
        Self::by(url, "BEGIN; LOCK TABLE interviews IN EXCLUSIVE MODE").await
    }

    async fn by(url: &str, sql: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let connection = tokio::spawn(async move { connection.await.unwrap() });
        client.batch_execute(sql).await.unwrap();
        Self { client, connection }
    }

    /// Waits until so many statements wait.
    pub(crate) async fn has(&self, statements: i64) {
        const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        until("statements that are held back", || async {
            let waiting: i64 = self.client.query_one(WAITING, &[]).await.unwrap().get(0);
            (waiting == statements).then_some(())
        })
        .await;
    }

    /// Writes this before it lets go.
    pub(crate) async fn overtake(&self, sql: &str) {
        self.client.batch_execute(&format!("{sql}; COMMIT")).await.unwrap();
    }

    /// Nothing is held any more when this returns.
    pub(crate) async fn release(self) {
        self.client.batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()").await.unwrap();
        drop(self.client);
        self.connection.await.unwrap();
    }
}
