//! What a person does: presses, fills in, pastes, types.

use std::panic::Location;
use std::path::Path;

use serde_json::json;

use super::Browser;
use super::session::Element;

/// What the protocol writes for keys that write nothing.
const KEYS: [(&str, &str); 9] = [
    ("ArrowDown", "\u{e015}"),
    ("ArrowLeft", "\u{e012}"),
    ("ArrowRight", "\u{e014}"),
    ("ArrowUp", "\u{e013}"),
    ("Backspace", "\u{e003}"),
    ("Enter", "\u{e007}"),
    ("Escape", "\u{e00c}"),
    ("Space", " "),
    ("Tab", "\u{e004}"),
];
const SHIFT: &str = "\u{e008}";
/// Control and A; released; Backspace.
const ALL_AWAY: &str = "\u{e009}a\u{e000}\u{e003}";

impl Browser {
    /// Presses a button, once it can be pressed.
    #[track_caller]
    pub(crate) fn press(&self, button: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to press {button:?}"), async move || {
            let button = self.look("button", button).await?;
            if !button.is_usable().await? {
                return Err(String::from("it is disabled"));
            }
            button.click().await
        })
    }

    /// Follows a link.
    #[track_caller]
    pub(crate) fn follow(&self, link: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to follow {link:?}"), async move || {
            self.look("link", link).await?.click().await
        })
    }

    /// Types a text into a field, key by key, over what stood there.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to fill in {label:?}"), async move || {
            let field = self.emptied(label).await?;
            field.send_keys(text).await
        })
    }

    /// Pastes a text into a field, over what stood there: out of the browser's clipboard, as Ctrl-V does.
    #[track_caller]
    pub(crate) fn paste(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to paste into {label:?}"), async move || {
            self.emptied(label).await?;
            // By the hand of the person: a page by itself may not. No event: a copy out of a password would fail.
            let copy = format!("navigator.clipboard.writeText({}).then(() => true)", json!(text));
            let copy = json!({ "expression": copy, "userGesture": true, "awaitPromise": true });
            let copied = self.cdp("Runtime.evaluate", copy).await;
            assert_eq!(copied["result"]["value"], true, "{copied}");
            let key = json!({ "type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86,
                "modifiers": 2, "commands": ["paste"] });
            self.cdp("Input.dispatchKeyEvent", key).await;
            self.cdp("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": "v", "code": "KeyV" })).await;
            Ok(())
        })
    }

    /// Chooses a file.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str, file: &Path) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to choose a file for {label:?}"), async move || {
            self.look("field", label).await?.send_keys(file.to_str().unwrap()).await
        })
    }

    /// Presses a key on whatever has the focus: `Tab`, `Shift+Tab`, or what it writes.
    pub(crate) async fn key(&self, name: &str) {
        let (shift, name) = name.strip_prefix("Shift+").map_or((None, name), |name| (Some(SHIFT), name));
        let named = KEYS.iter().find_map(|(known, key)| (*known == name).then_some(*key));
        let key = named.unwrap_or(name);
        let held = shift.into_iter().chain([key]);
        let down = held.clone().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = held.rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<_> = down.chain(up).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.session.post("/actions", json!({ "actions": [keyboard] })).await.unwrap();
    }

    /// A field that has the focus and is empty.
    async fn emptied(&self, label: &str) -> Result<Element<'_>, String> {
        let field = self.look("field", label).await?;
        field.click().await?;
        if !field.value().await?.is_empty() {
            field.send_keys(ALL_AWAY).await?;
        }
        Ok(field)
    }
}
