//! Two nodes and a crowd before their doors.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

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

/// What a storm goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weather {
    Calm,
    /// Redis forgets its scripts as soon as one was brought along.
    Flushing,
}

pub(crate) const WEATHERS: [Weather; 2] = [Weather::Calm, Weather::Flushing];

/// The weather, until it is told to clear up.
pub(crate) struct Sky {
    clear: Arc<AtomicBool>,
    /// A thread of its own: whatever keeps the crowd waiting, it goes on. It ends with how often a script was brought.
    flushing: Option<JoinHandle<u64>>,
}

impl Weather {
    pub(crate) fn over(self, app: &TestApp) -> Sky {
        let clear = Arc::new(AtomicBool::new(false));
        let flushing = (self == Self::Flushing).then(|| {
            let (mut resp, clear) = (app.resp(), Arc::clone(&clear));
            std::thread::spawn(move || {
                let before = resp.calls_of("eval");
                let mut flushed_at = None;
                while !clear.load(Ordering::Relaxed) {
                    let brought = resp.calls_of("eval");
                    if flushed_at != Some(brought) {
                        resp.call(&["SCRIPT", "FLUSH"]);
                        flushed_at = Some(brought);
                    }
                }
                resp.calls_of("eval") - before
            })
        });
        Sky { clear, flushing }
    }
}

impl Sky {
    /// After the storm: it has seen weather such as was announced.
    pub(crate) fn clear(self) {
        self.clear.store(true, Ordering::Relaxed);
        if let Some(flushing) = self.flushing {
            let brought = flushing.join().unwrap();
            assert!(brought >= 5, "the weather was calm: {brought} scripts were brought along");
        }
    }
}
