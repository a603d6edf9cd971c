//! What of the WebDriver protocol a person's steps are made of. The library that has all of it would change what
//! the tests build: with it, `serde_json` keeps members in another order than in the product.

use hyper::Method;
use serde_json::{Value, json};

use super::driver;
use crate::support::http::Http;

/// What the protocol calls a member that refers to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser.
pub(super) struct Session {
    http: Http,
    url: String,
}

/// Something on the page, for as long as it stands there.
pub(super) struct Element<'a> {
    session: &'a Session,
    reference: Value,
}

impl Session {
    /// Starts a browser with these capabilities.
    pub(super) async fn start(capabilities: Value) -> Self {
        let url = tokio::task::spawn_blocking(driver::url).await.unwrap();
        // It is not held against our document.
        let starter = Self { http: Http::new().to_proxy(), url: url.to_owned() };
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = starter.call(Method::POST, "/session", wanted).await.unwrap_or_else(|error| panic!("{error}"));
        let id = session["sessionId"].as_str().expect("the id of a session");
        Self { http: starter.http, url: format!("{url}/session/{id}") }
    }

    pub(super) async fn quit(&self) -> Result<Value, String> {
        self.call(Method::DELETE, "", Value::Null).await
    }

    /// The same without a runtime.
    pub(super) fn quit_blocking(&self) {
        driver::end(&self.url);
    }

    pub(super) async fn get(&self, what: &str) -> Result<Value, String> {
        self.call(Method::GET, what, Value::Null).await
    }

    pub(super) async fn post(&self, what: &str, parameters: Value) -> Result<Value, String> {
        self.call(Method::POST, what, parameters).await
    }

    /// A command of the DevTools protocol.
    pub(super) async fn cdp(&self, method: &str, parameters: Value) -> Result<Value, String> {
        let answer = self.post("/goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await;
        answer.map_err(|error| format!("{method}: {error}"))
    }

    pub(super) async fn execute(&self, script: &str, arguments: &[Value]) -> Result<Value, String> {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    pub(super) async fn find(&self, css: &str) -> Result<Element<'_>, String> {
        let found = self.post("/element", json!({ "using": "css selector", "value": css })).await?;
        Ok(self.element(found))
    }

    /// What a script has found.
    pub(super) fn element(&self, reference: Value) -> Element<'_> {
        Element { session: self, reference }
    }

    async fn call(&self, method: Method, what: &str, parameters: Value) -> Result<Value, String> {
        let body = if parameters.is_null() { String::new() } else { parameters.to_string() };
        let url = format!("{}{what}", self.url);
        let answer = self.http.send(method, &url, &[("content-type", "application/json")], &body).await;
        let value = answer.json()["value"].take();
        match answer.status {
            200 => Ok(value),
            _ => Err(format!("{}: {}", value["error"], value["message"])),
        }
    }
}

impl Element<'_> {
    pub(super) async fn text(&self) -> Result<String, String> {
        self.get("text").await.map(|text| text.as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn value(&self) -> Result<String, String> {
        self.get("property/value").await.map(|value| value.as_str().unwrap_or_default().to_owned())
    }

    /// Whether pressing it does anything.
    pub(super) async fn is_usable(&self) -> Result<bool, String> {
        Ok(self.get("enabled").await? == true && self.get("attribute/aria-disabled").await? != "true")
    }

    pub(super) async fn click(&self) -> Result<(), String> {
        self.post("click", json!({})).await
    }

    /// Keys that write nothing have characters too: see `steps.rs`.
    pub(super) async fn send_keys(&self, keys: &str) -> Result<(), String> {
        self.post("value", json!({ "text": keys })).await
    }

    async fn get(&self, what: &str) -> Result<Value, String> {
        self.session.get(&self.path(what)).await
    }

    async fn post(&self, what: &str, parameters: Value) -> Result<(), String> {
        self.session.post(&self.path(what), parameters).await.map(drop)
    }

    fn path(&self, what: &str) -> String {
        format!("/element/{}/{what}", self.reference[ELEMENT].as_str().expect("a reference to an element"))
    }
}
