//! Two nodes and a crowd before their doors.

use std::ops::Deref;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

use super::TestApp;
use super::app::Setup;

/// Crowds come one after the other: each takes more than 2,000 files, of an ordinary user's limit.
static CROWDS: Mutex<()> = Mutex::const_new(());

/// The nodes, whose doors are this crowd's until it is dropped.
pub(crate) struct Fleet {
    app: TestApp,
    _turn: MutexGuard<'static, ()>,
}

impl Fleet {
    /// Two nodes, and as many connections to them as the crowd needs, open already: all ask at the same moment.
    pub(crate) async fn of(setup: Setup, crowd: usize) -> Self {
        let turn = CROWDS.lock().await;
        // A machine that others load keeps a crowd waiting: whether it does is not what is asked of it here.
        let patience = [("redis.command_timeout", "3s"), ("redis.wait_max", "3s"), ("http.handler_timeout", "120s")];
        let setup = patience.iter().fold(setup, |setup, (key, value)| setup.set(key, value));
        let app = setup.nodes(2).behind_proxy().set("http.workers", &2).start().await;
        app.clock.freeze();
        let mut arriving = JoinSet::new();
        for n in 0..crowd {
            let (http, url) = (app.http.clone(), format!("http://{}/nothing", app.nodes[n % 2].public));
            arriving.spawn(async move { http.get(&url).await.assert_status(404) });
        }
        arriving.join_all().await;
        Self { app, _turn: turn }
    }
}

impl Deref for Fleet {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}
