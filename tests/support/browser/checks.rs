//! What the browser complains of, how the page looks, and whether everybody can use it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Browser, Viewport};

/// Paths of the API: a page asks there, and says itself what comes of a refusal.
const API: [&str; 4] = ["/auth/", "/candidate-access/", "/interviews", "/profile"];
/// A picture's longest side in units of the page. The phone has two pixels a unit, and Chromium paints 16,384.
const HEIGHT_MAX: f64 = 8_000.0;
/// What a page of ours has to keep to.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/// A world of the tests' own in each page: it sees the document, and the page's policy is not its.
const WORLD: &str = "vestibule-tests";
/// The console knows of most violations already; of the others it hears here.
const WATCH: &str = "document.addEventListener('securitypolicyviolation', (event) => \
    console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI} in ${event.sourceFile}`))";

impl Browser {
    /// From now on, every page tells the console what its policy has forbidden.
    pub(super) async fn watch(&self) {
        self.cdp("Page.enable", json!({})).await;
        let script = json!({ "source": WATCH, "worldName": WORLD });
        self.cdp("Page.addScriptToEvaluateOnNewDocument", script).await;
    }

    /// Lines of the console with these words are what the test provokes. Requests to the API that are refused (4xx,
    /// 503), or fail while the browser is offline, need not be named.
    pub(crate) fn expect(&self, words: &str) {
        self.expected.borrow_mut().push(words.to_owned());
    }

    /// What there was to complain of so far: errors and warnings in the console, exceptions, violated policies.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let log = self.session.post("/se/log", json!({ "type": "browser" })).await.unwrap();
        let new = log.as_array().unwrap().iter();
        let new = new.filter(|entry| entry["level"] == "WARNING" || entry["level"] == "SEVERE");
        let new = new.map(|entry| (text(&entry["source"]), text(&entry["message"])));
        let new = new.filter(|(source, message)| !(source == "network" && self.is_of_api(message)));
        self.console.borrow_mut().extend(new.map(|(source, message)| format!("{source}: {message}")));
        let (console, expected) = (self.console.borrow(), self.expected.borrow());
        let is_expected = |line: &str| expected.iter().any(|words| line.contains(words));
        console.iter().filter(|line| !is_expected(line)).cloned().collect()
    }

    /// Lines are as `http://127.0.0.1:1/auth/me - Failed to load resource: the server responded with a status of 401`.
    fn is_of_api(&self, line: &str) -> bool {
        let path = line.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let status = line.split("with a status of ").nth(1).unwrap_or_default();
        let is_refused = status.starts_with('4') || status.starts_with("503");
        let is_cut_off = self.was_offline.get() && line.contains("net::ERR_INTERNET_DISCONNECTED");
        API.iter().any(|api| path.starts_with(api)) && (is_refused || is_cut_off)
    }

    /// A picture of the whole page, under `target/screenshots`.
    pub(crate) async fn shot(&self, name: &str) -> PathBuf {
        let metrics = self.cdp("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let height = size["height"].as_f64().unwrap().min(HEIGHT_MAX);
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.cdp("Page.captureScreenshot", wanted).await;
        let viewport = match self.window.viewport {
            Viewport::Phone => "phone",
            Viewport::Desktop => "desktop",
        };
        let scheme = if self.window.is_dark { "-dark" } else { "" };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/screenshots/{viewport}{scheme}"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        std::fs::write(&file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
        file
    }

    /// Fails where axe finds that somebody could not use the page. `name` is for the message.
    #[track_caller]
    pub(crate) fn axe(&self, name: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let barriers = self.barriers().await;
            assert!(barriers.is_empty(), "at {at}, {name} has barriers:\n{}", barriers.join("\n"));
        }
    }

    /// What axe finds, the minor findings left out.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        let frames = self.cdp("Page.getFrameTree", json!({})).await;
        let world = json!({ "frameId": frames["frameTree"]["frame"]["id"], "worldName": WORLD });
        let world = self.cdp("Page.createIsolatedWorld", world).await["executionContextId"].clone();
        // What still moves has colours of its own.
        self.evaluate(&world, "document.getAnimations().forEach((moving) => { try { moving.finish() } catch {} })")
            .await;
        self.evaluate(&world, &std::fs::read_to_string(axe()).unwrap()).await;
        let options = json!({ "runOnly": RULES, "resultTypes": ["violations"] });
        let found = self.evaluate(&world, &format!("axe.run({options}).then(({{ violations }}) => violations)")).await;
        let found = found.as_array().expect("a list of violations").iter();
        found.filter(|violation| violation["impact"] != "minor").map(written).collect()
    }

    async fn evaluate(&self, world: &Value, script: &str) -> Value {
        let call = json!({ "expression": script, "contextId": world, "awaitPromise": true, "returnByValue": true });
        let answer = self.cdp("Runtime.evaluate", call).await;
        assert!(answer.get("exceptionDetails").is_none(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }
}

fn written(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().expect("the nodes of a violation").iter();
    let nodes = nodes.map(|node| {
        let summary = text(&node["failureSummary"]).replace('\n', "\n      ");
        format!("    {}\n      {summary}", text(&node["html"]))
    });
    let nodes = nodes.collect::<Vec<_>>().join("\n");
    format!("  {} ({}): {}\n{nodes}", text(&violation["id"]), text(&violation["impact"]), text(&violation["help"]))
}

/// axe's script, which `make test` installs.
fn axe() -> PathBuf {
    let named = std::env::vars().find_map(|(name, value)| (name == "VESTIBULE_TEST_AXE").then_some(value));
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join(".vestibule/axe-core/node_modules/axe-core");
    let script = named.map_or(usual, PathBuf::from).join("axe.min.js");
    assert!(script.exists(), "{} is missing: `make test` installs it", script.display());
    script
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
