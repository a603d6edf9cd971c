//! People who reload the page of a link, each as soon as it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::app::{Link, TestApp};
use super::until::until;

/// They are answered well each time, or the test fails where they [end](Self::end).
pub(crate) struct Readers {
    people: JoinSet<()>,
    answered: Arc<AtomicUsize>,
    over: CancellationToken,
}

impl Readers {
    /// So many of them. No limit is to answer for the link.
    pub(crate) fn start(app: &TestApp, link: &Link, count: usize) -> Self {
        let (answered, over, mut people) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new(), JoinSet::new());
        for _ in 0..count {
            let (http, url, over) = (app.http.clone(), app.url(link, "info"), over.clone());
            let answered = Arc::clone(&answered);
            people.spawn(async move {
                while !over.is_cancelled() {
                    http.get(&url).await.assert_status(200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { people, answered, over }
    }

    /// Until they had more answers than they are many.
    pub(crate) async fn go_on(&self) {
        let so_far = self.answered.load(Ordering::Relaxed);
        let more = so_far + self.people.len();
        until("more answers", async || (self.answered.load(Ordering::Relaxed) > more).then_some(())).await;
    }

    /// What they have asked is answered.
    pub(crate) async fn end(self) {
        self.over.cancel();
        self.people.join_all().await;
    }
}
