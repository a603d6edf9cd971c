//! Tabs of one browser: they share what it keeps.

use serde_json::json;

use super::Browser;

/// A tab, as the driver calls it.
pub(crate) struct Tab(String);

impl Browser {
    /// The tab that is looked at.
    pub(crate) async fn tab(&self) -> Tab {
        let handle = self.session.get("/window").await.unwrap();
        Tab(handle.as_str().unwrap().to_owned())
    }

    /// Opens another tab, and looks at it.
    pub(crate) async fn open_tab(&self) -> Tab {
        let opened = self.session.post("/window/new", json!({ "type": "tab" })).await.unwrap();
        let tab = Tab(opened["handle"].as_str().unwrap().to_owned());
        self.look_at(&tab).await;
        self.watch().await;
        tab
    }

    /// Looks at this tab.
    pub(crate) async fn look_at(&self, tab: &Tab) {
        self.session.post("/window", json!({ "handle": tab.0 })).await.unwrap();
    }
}
