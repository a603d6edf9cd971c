//! The page of the API, which people read in a browser, too.

use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport};

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn the_page_of_the_api_can_be_read_by_all() {
    let app = TestApp::start().await;
    for viewport in [Viewport::Phone, Viewport::Desktop] {
        let browser = Browser::open(viewport).await;
        browser.goto(&format!("http://{}/docs", app.nodes[0].public)).await;
        browser.see("Vestibule API").await;
        browser.shot("docs").await;
        browser.axe("docs").await;
        browser.close().await;
    }
}
