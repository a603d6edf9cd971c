//! What stands on the page, and where the browser is.

use std::panic::Location;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::Browser;
use crate::support::until::answered;

/// Longer than any page takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A question costs two processes about 3 ms: the page has most of the time to itself.
const PERIOD: Duration = Duration::from_millis(25);

impl Browser {
    pub(crate) async fn goto(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Path, query and fragment of where the browser is.
    pub(crate) async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default()
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
        self.wait(Location::caller(), format!("for {css:?}"), async move || {
            let element = self.driver.find(By::Css(css)).await.map_err(told)?;
            element.text().await.map_err(told)
        })
    }

    /// What stands in a field.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> impl Future<Output = String> {
        self.wait(Location::caller(), format!("for the field {label:?}"), async move || {
            let field = self.look("field", label).await?;
            field.value().await.map_err(told).map(Option::unwrap_or_default)
        })
    }

    /// Whether a button can be pressed.
    #[track_caller]
    pub(crate) fn is_enabled(&self, button: &str) -> impl Future<Output = bool> {
        self.wait(Location::caller(), format!("for the button {button:?}"), async move || {
            let button = self.look("button", button).await?;
            usable(&button).await
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
        let answer = self.driver.execute(script, arguments.to_vec()).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub(crate) async fn before_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// All that a person can read on the page.
    pub(super) async fn text(&self) -> Result<String, String> {
        let answer = self.driver.execute("return document.body?.innerText ?? ''", vec![]).await.map_err(told)?;
        let text = answer.json().as_str().unwrap_or_default();
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The one that can be seen of this kind (see `find.js`), with this accessible name.
    pub(super) async fn look(&self, kind: &str, name: &str) -> Result<WebElement, String> {
        let arguments = vec![json!(kind), json!(name)];
        let answer = self.driver.execute(include_str!("find.js"), arguments).await.map_err(told)?;
        let found = answer.json()["found"].as_array().cloned().unwrap_or_default();
        match found.as_slice() {
            [one] => WebElement::from_json(one.clone(), self.driver.handle().clone()).map_err(told),
            others => Err(format!("{} have this name of {}", others.len(), answer.json()["names"])),
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

/// Whether pressing it does anything.
pub(super) async fn usable(element: &WebElement) -> Result<bool, String> {
    let is_enabled = element.is_enabled().await.map_err(told)?;
    let aria = element.attr("aria-disabled").await.map_err(told)?;
    Ok(is_enabled && aria.as_deref() != Some("true"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn told(error: WebDriverError) -> String {
    error.to_string()
}
