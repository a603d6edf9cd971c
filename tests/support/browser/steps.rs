//! What a person does: presses, fills in, pastes, types.

use std::panic::Location;

use serde_json::json;
use thirtyfour::TypingData;
use thirtyfour::prelude::*;

use super::Browser;
use super::page::{told, usable};

/// Puts a text into the clipboard. The page hears nothing of it.
const COPY: &str = "(text) => {
    const put = (event) => {
        event.clipboardData?.setData('text/plain', text);
        event.preventDefault();
        event.stopImmediatePropagation();
    };
    const kinds = ['beforecopy', 'copy'];
    for (const kind of kinds) addEventListener(kind, put, true);
    const copied = document.execCommand('copy');
    for (const kind of kinds) removeEventListener(kind, put, true);
    return copied;
}";

impl Browser {
    /// Presses a button, once it can be pressed.
    #[track_caller]
    pub(crate) fn press(&self, button: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to press {button:?}"), async move || {
            let button = self.look("button", button).await?;
            if !usable(&button).await? {
                return Err(String::from("it is disabled"));
            }
            button.click().await.map_err(told)
        })
    }

    /// Follows a link.
    #[track_caller]
    pub(crate) fn follow(&self, link: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to follow {link:?}"), async move || {
            self.look("link", link).await?.click().await.map_err(told)
        })
    }

    /// Types a text into a field, key by key, over what stood there.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to fill in {label:?}"), async move || {
            let field = self.emptied(label).await?;
            field.send_keys(text).await.map_err(told)
        })
    }

    /// Pastes a text into a field, over what stood there: out of the browser's clipboard, as Ctrl-V does.
    #[track_caller]
    pub(crate) fn paste(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.wait(Location::caller(), format!("to paste into {label:?}"), async move || {
            self.emptied(label).await?;
            // By the hand of the person: a page by itself may not.
            let copy = format!("({COPY})({})", json!(text));
            let copied = self.cdp("Runtime.evaluate", json!({ "expression": copy, "userGesture": true })).await;
            assert_eq!(copied["result"]["value"], true, "{copied}");
            let key = json!({ "type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86,
                "modifiers": 2, "commands": ["paste"] });
            self.cdp("Input.dispatchKeyEvent", key).await;
            self.cdp("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": "v", "code": "KeyV" })).await;
            Ok(())
        })
    }

    /// Types keys to whatever has the focus: `Key::Tab`, or a text.
    pub(crate) async fn key(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// A field that has the focus and is empty.
    async fn emptied(&self, label: &str) -> Result<WebElement, String> {
        let field = self.look("field", label).await?;
        field.click().await.map_err(told)?;
        if field.value().await.map_err(told)?.is_some_and(|value| !value.is_empty()) {
            field.send_keys(Key::Control + "a").await.map_err(told)?;
            field.send_keys(Key::Backspace).await.map_err(told)?;
        }
        Ok(field)
    }
}
