//! What stands on the page, and where the browser is.

use std::panic::Location;
use std::time::Duration;

use serde_json::{Value, json};

use super::Browser;
use super::session::Element;
use crate::support::until::answered;

/// Longer than any page takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A question costs two processes about 3 ms: the page has most of the time to itself.
const PERIOD: Duration = Duration::from_millis(25);

impl Browser {
    pub(crate) async fn goto(&self, url: &str) {
        self.session.post("/url", json!({ "url": url })).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.session.post("/refresh", json!({})).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.session.post("/back", json!({})).await.unwrap();
    }

    /// Path, query and fragment of where the browser is.
    pub(crate) async fn path(&self) -> String {
        let url = self.session.get("/url").await.unwrap();
        url.as_str().unwrap_or_default().splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default()
    }

    /// Waits until the browser is at this path, query and fragment.
    #[track_caller]
    pub(crate) fn at(&self, path: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to be at {path:?}"), async move || {
            let there = self.path().await;
            if there == path { Ok(()) } else { Err(format!("it is at {there:?}")) }
        })
    }

    /// Waits until a person sees this text; how it is broken into lines is nothing to them.
    #[track_caller]
    pub(crate) fn see(&self, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to see {text:?}"), async move || {
            if self.text().await?.contains(text) { Ok(()) } else { Err(String::from("it is not there")) }
        })
    }

    /// Waits until nobody sees this text.
    #[track_caller]
    pub(crate) fn not_see(&self, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("not to see {text:?}"), async move || {
            if self.text().await?.contains(text) { Err(String::from("it is there")) } else { Ok(()) }
        })
    }

    /// Waits for the first element that the selector fits, and answers its text.
    #[track_caller]
    pub(crate) fn text_of(&self, css: &str) -> impl Future<Output = String> {
        self.wait(Location::caller(), format!("for {css:?}"), async move || self.session.find(css).await?.text().await)
    }

    /// What stands in a field.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> impl Future<Output = String> {
        self.wait(Location::caller(), format!("for the field {label:?}"), async move || {
            self.look("field", label).await?.value().await
        })
    }

    /// Whether a button can be pressed.
    #[track_caller]
    pub(crate) fn is_enabled(&self, button: &str) -> impl Future<Output = bool> {
        self.wait(Location::caller(), format!("for the button {button:?}"), async move || {
            self.look("button", button).await?.is_usable().await
        })
    }

    /// The accessible name of what has the focus, as a screen reader has it; empty where nothing has.
    pub(crate) async fn focused(&self) -> String {
        let active = self.cdp("Runtime.evaluate", json!({ "expression": "document.activeElement" })).await;
        let element = json!({ "objectId": active["result"]["objectId"], "fetchRelatives": false });
        let tree = self.cdp("Accessibility.getPartialAXTree", element).await;
        let node = &tree["nodes"][0];
        // Where nothing has the focus, the body has it.
        let name = node["name"]["value"].as_str().filter(|_| node["ignored"] != true);
        name.unwrap_or_default().to_owned()
    }

    /// What the page keeps for this tab, or else for this origin.
    pub(crate) async fn storage(&self, key: &str) -> Option<String> {
        let script = "return sessionStorage.getItem(arguments[0]) ?? localStorage.getItem(arguments[0])";
        self.script(script, &[json!(key)]).await.as_str().map(str::to_owned)
    }

    /// Runs a script with these `arguments`, and answers what it returns.
    pub(crate) async fn script(&self, script: &str, arguments: &[Value]) -> Value {
        self.session.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub(crate) async fn before_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// All that a person can read on the page.
    pub(super) async fn text(&self) -> Result<String, String> {
        let text = self.session.execute("return document.body?.innerText ?? ''", &[]).await?;
        let text = text.as_str().unwrap_or_default();
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The one that can be seen of this kind (see `find.js`), with this accessible name.
    pub(super) async fn look(&self, kind: &str, name: &str) -> Result<Element<'_>, String> {
        let answer = self.session.execute(include_str!("find.js"), &[json!(kind), json!(name)]).await?;
        let found = answer["found"].as_array().cloned().unwrap_or_default();
        match found.as_slice() {
            [one] => Ok(self.session.element(one.clone())),
            others => Err(format!("{} have this name of {}", others.len(), answer["names"])),
        }
    }

    /// Asks until there is a value. In vain, it tells what stood in the way, and shows the page.
    pub(super) async fn wait<T>(&self, at: &Location<'_>, what: String, ask: impl AsyncFn() -> Result<T, String>) -> T {
        match answered(PERIOD, PATIENCE, ask).await {
            Ok(value) => value,
            Err(reason) => {
                let (path, text) = (self.path().await, self.text().await.unwrap_or_default());
                let test = std::thread::current().name().unwrap_or("unnamed").replace("::", "-");
                let picture = self.shot(&format!("failed-{test}")).await;
                panic!("{at}: waited in vain {what}: {reason}\nAt {path}: {text}\n{}", picture.display())
            }
        }
    }
}
