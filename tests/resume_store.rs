//! Résumés in Postgres.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use vestibule::config;
use vestibule::metrics::Metrics;
use vestibule::postgres::Postgres;
use vestibule::profile::resume::{Kind, Resumes, Stored};

use crate::support::postgres::{empty_database, query};

/// A database with one user.
async fn start() -> (String, Resumes, Uuid) {
    let url = empty_database().await;
    query(&url, "CREATE TABLE users (id uuid PRIMARY KEY)").await;
    let table = "CREATE TABLE resumes (user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, \
        id uuid NOT NULL UNIQUE, media_type text NOT NULL, size integer NOT NULL, content bytea NOT NULL, \
        created_at timestamptz NOT NULL DEFAULT now())";
    query(&url, table).await;
    query(&url, "ALTER TABLE resumes ALTER COLUMN content SET STORAGE EXTERNAL").await;
    let user = Uuid::now_v7();
    query(&url, &format!("INSERT INTO users VALUES ('{user}')")).await;
    let settings = config::Postgres {
        url: url.parse().unwrap(),
        connections_max: 2,
        connect_timeout: Duration::from_secs(5),
        wait_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        sweep_interval: Duration::from_secs(5),
    };
    (url, Resumes::new(Postgres::new(&settings, Arc::new(Metrics::new()))), user)
}

/// All of it, as a download reads it.
async fn read(resumes: &Resumes, user: Uuid, head: &Stored) -> Vec<u8> {
    let mut content = Vec::new();
    while content.len() < head.size as usize {
        let chunk = resumes.chunk(user, head.id, content.len() as u64).await.unwrap().unwrap();
        assert!((1..=262_144).contains(&chunk.len()), "{}", chunk.len());
        content.extend(chunk);
    }
    content
}

#[tokio::test]
async fn a_resume_is_kept_replaced_and_removed() {
    let (url, resumes, user) = start().await;
    assert_eq!(resumes.head(user).await.unwrap(), None);
    assert!(!resumes.delete(user).await.unwrap());

    let large = (0..5_242_880_u32).map(|n| n.to_le_bytes()[usize::from(n % 7 == 0)]).collect::<Vec<_>>();
    assert!(resumes.put(user, Kind::Pdf, large.clone()).await.unwrap());
    let first = resumes.head(user).await.unwrap().unwrap();
    assert_eq!((first.kind, first.size), (Kind::Pdf, 5_242_880));
    assert_eq!(read(&resumes, user, &first).await, large);
    assert_eq!(resumes.chunk(user, first.id, 5_242_880).await.unwrap().unwrap(), b"");
    assert_eq!(resumes.chunk(user, first.id, u64::MAX).await.unwrap().unwrap(), b"");
    assert_eq!(resumes.chunk(Uuid::now_v7(), first.id, 0).await.unwrap(), None);

    assert!(!resumes.put(user, Kind::Text, *b"short").await.unwrap());
    let second = resumes.head(user).await.unwrap().unwrap();
    assert_eq!((second.kind, second.size), (Kind::Text, 5));
    assert_eq!(read(&resumes, user, &second).await, b"short");
    // Who was reading the first does not get the second's end.
    assert_eq!(resumes.chunk(user, first.id, 0).await.unwrap(), None);

    assert!(resumes.delete(user).await.unwrap());
    assert_eq!(resumes.chunk(user, second.id, 0).await.unwrap(), None);
    assert!(resumes.put(user, Kind::Docx, *b"again").await.unwrap());
    query(&url, "DELETE FROM users").await;
    assert_eq!(resumes.head(user).await.unwrap(), None);
}

#[tokio::test]
async fn of_two_at_once_one_is_the_first_and_one_is_kept() {
    let (_, resumes, user) = start().await;
    let (a, b) = tokio::join!(resumes.put(user, Kind::Text, *b"a"), resumes.put(user, Kind::Pdf, *b"bb"));
    assert!(a.unwrap() ^ b.unwrap());
    let head = resumes.head(user).await.unwrap().unwrap();
    let content = read(&resumes, user, &head).await;
    assert_eq!(content, if head.kind == Kind::Text { &b"a"[..] } else { b"bb" });
}

#[tokio::test]
async fn a_kind_of_a_newer_version_is_a_fault() {
    let (url, resumes, user) = start().await;
    resumes.put(user, Kind::Text, *b"a").await.unwrap();
    query(&url, "UPDATE resumes SET media_type = 'application/rtf'").await;
    assert!(resumes.head(user).await.unwrap_err().to_string().contains("does not know"));
    assert!(!resumes.put(user, Kind::Text, *b"a").await.unwrap());
    assert!(resumes.put(Uuid::now_v7(), Kind::Text, *b"a").await.is_err());
}
