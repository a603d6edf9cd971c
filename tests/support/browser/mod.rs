//! A browser, as a person uses it: what they see, press and fill in, by the words on the page.
//!
//! Every step waits for what it needs. `close` tells what the browser complained of, and a browser that is not closed
//! fails its test: an error in the console is nobody's to overlook.

mod checks;
mod driver;
mod page;
mod session;
mod steps;
mod tabs;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::session::Session;
use super::postgres::fresh_folder;

/// Two cores start a browser in half a second each, and other tests run beside.
const BROWSERS_MAX: usize = 3;
static PLACES: Semaphore = Semaphore::const_new(BROWSERS_MAX);

/// The size of the screen, and how it is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Viewport {
    /// 390 by 844, at two pixels a unit, by touch.
    Phone,
    /// 1280 by 800, by mouse.
    Desktop,
}

/// What becomes of a page that asks for camera and microphone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Devices {
    /// They are there, and nobody has answered yet.
    Unasked,
    Granted,
    Denied,
    /// There are none.
    Absent,
}

/// What a test wants of its browser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    viewport: Viewport,
    is_dark: bool,
    reduces_motion: bool,
    devices: Devices,
    runs_scripts: bool,
}

/// A browser with a fresh profile and one window.
pub(crate) struct Browser {
    session: Session,
    window: Window,
    console: RefCell<Vec<String>>,
    expected: RefCell<Vec<String>>,
    was_offline: Cell<bool>,
    is_closed: Cell<bool>,
    _profile: Profile,
    _place: Option<SemaphorePermit<'static>>,
}

/// A folder, removed in the end.
struct Profile(PathBuf);

impl Window {
    pub(crate) fn new(viewport: Viewport) -> Self {
        Self { viewport, is_dark: false, reduces_motion: false, devices: Devices::Unasked, runs_scripts: true }
    }

    pub(crate) fn dark(mut self) -> Self {
        self.is_dark = true;
        self
    }

    pub(crate) fn reduced_motion(mut self) -> Self {
        self.reduces_motion = true;
        self
    }

    pub(crate) fn devices(mut self, devices: Devices) -> Self {
        self.devices = devices;
        self
    }

    pub(crate) fn without_scripts(mut self) -> Self {
        self.runs_scripts = false;
        self
    }

    /// Waits for its turn: only so many run at a time.
    pub(crate) async fn open(self) -> Browser {
        let place = PLACES.acquire().await.unwrap();
        self.start(Some(place)).await
    }

    /// Another browser of a test that has one. It takes no place: tests that have one and wait for another would wait
    /// for each other.
    pub(crate) async fn open_beside(self, _first: &Browser) -> Browser {
        self.start(None).await
    }

    async fn start(self, place: Option<SemaphorePermit<'static>>) -> Browser {
        let profile = Profile(fresh_folder("browser"));
        let session = Session::start(self.capabilities(&profile.0)).await;
        let browser = Browser {
            session,
            window: self,
            console: RefCell::default(),
            expected: RefCell::default(),
            was_offline: Cell::new(false),
            is_closed: Cell::new(false),
            _profile: profile,
            _place: place,
        };
        self.prepare(&browser).await;
        browser
    }

    fn capabilities(self, profile: &Path) -> Value {
        let fake_devices = match self.devices {
            Devices::Absent => "--use-fake-device-for-media-stream=device-count=0",
            Devices::Unasked | Devices::Granted | Devices::Denied => "--use-fake-device-for-media-stream",
        };
        let user_data = format!("--user-data-dir={}", profile.display());
        let arguments = [
            "--headless",
            // Root has no sandbox, and these pages are ours.
            "--no-sandbox",
            // It ends with its driver, however that ends.
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-crash-reporter",
            "--no-first-run",
            // No test has a word with the world.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            "--lang=en-GB",
            fake_devices,
            &user_data,
        ];
        let mut options = json!({ "args": arguments });
        if self.viewport == Viewport::Phone {
            let screen = json!({ "width": 390, "height": 844, "pixelRatio": 2, "touch": true, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        }
        let log = json!({ "browser": "ALL" });
        json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": log })
    }

    async fn prepare(self, browser: &Browser) {
        let scheme = if self.is_dark { "dark" } else { "light" };
        let motion = if self.reduces_motion { "reduce" } else { "no-preference" };
        let features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", motion)];
        let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
        browser.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        if self.viewport == Viewport::Desktop {
            let screen = json!({ "width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false });
            browser.cdp("Emulation.setDeviceMetricsOverride", screen).await;
        }
        if !self.runs_scripts {
            browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        }
        let setting = match self.devices {
            Devices::Unasked => None,
            Devices::Granted | Devices::Absent => Some("granted"),
            Devices::Denied => Some("denied"),
        };
        for name in ["camera", "microphone"] {
            if let Some(setting) = setting {
                browser.permission(name, setting).await;
            }
        }
        browser.watch().await;
    }
}

impl Browser {
    pub(crate) async fn open(viewport: Viewport) -> Self {
        Window::new(viewport).open().await
    }

    /// Ends it; fails where the browser complained of anything, or the pages did.
    #[track_caller]
    pub(crate) fn close(self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let complaints = self.quit().await;
            assert!(complaints.is_empty(), "at {at}, the browser complained:\n  {}", complaints.join("\n  "));
        }
    }

    /// Ends it, and answers what there was to complain of.
    pub(crate) async fn quit(self) -> Vec<String> {
        let complaints = self.complaints().await;
        self.is_closed.set(true);
        self.session.quit().await.unwrap();
        complaints
    }

    /// Camera, microphone and whatever else a page asks for: `granted`, `denied` or `prompt`.
    pub(crate) async fn permission(&self, name: &str, setting: &str) {
        let permission = json!({ "permission": { "name": name }, "setting": setting });
        self.cdp("Browser.setPermission", permission).await;
    }

    /// Cuts it off, or connects it again.
    pub(crate) async fn offline(&self, is_offline: bool) {
        self.was_offline.set(self.was_offline.get() || is_offline);
        self.cdp("Network.enable", json!({})).await;
        let conditions =
            json!({ "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }

    /// Makes the window so wide, until the next page.
    pub(crate) async fn width(&self, width: u32) {
        let screen = json!({ "width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        self.cdp("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// From now on, so many bytes a second go out.
    pub(crate) async fn slow_uploads(&self, bytes: u32) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes });
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }

    /// Keeps the answers of this path, which the server has given, from the pages until `let_go`.
    pub(crate) async fn hold_answers(&self, path: &str) {
        let held = json!({ "urlPattern": format!("*{path}"), "requestStage": "Response" });
        self.cdp("Fetch.enable", json!({ "patterns": [held] })).await;
    }

    pub(crate) async fn let_go(&self) {
        self.cdp("Fetch.disable", json!({})).await;
    }

    /// A command of the DevTools protocol.
    async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.session.cdp(method, parameters).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.is_closed.get() {
            return;
        }
        self.session.quit_blocking();
        assert!(std::thread::panicking(), "close the browser: only that tells what it complained of");
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // What it still writes while it ends goes with the folder of this process.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
