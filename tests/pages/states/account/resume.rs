//! Resumes: refused, called back, replaced and deleted.

use hyper::Method;
use serde_json::{Value, json};

use super::sessions::later;
use crate::pages::account::{enter, file, keep};
use crate::support::TestApp;
use crate::support::browser::{Browser, Viewport};
use crate::support::members::Member;
use crate::support::until::until;

const MAX: usize = 5_242_880;

/// A PDF of so many bytes.
fn pdf(bytes: usize) -> Vec<u8> {
    let mut content = b"%PDF-1.7\n".to_vec();
    content.resize(bytes, 0);
    content
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_resume_is_refused_replaced_and_deleted() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    enter(&browser, &app, &ada).await;
    for (name, content, words) in [
        ("cv.pdf", b"\x89PNG\r\n\x1a\n".to_vec(), "Send a PDF, a DOCX or plain text in UTF-8."),
        ("cv.docx", b"PK\x03\x04".to_vec(), "This DOCX is damaged."),
        ("cv.txt", Vec::new(), "This file is empty. Choose another one."),
        ("scan.pdf", pdf(MAX + 1), "This file is too large. Choose one of up to 5 MB."),
    ] {
        browser.choose("Add your resume", &file(name, &content)).await;
        browser.see(words).await;
        assert_eq!(browser.focused().await, "Add your resume", "{name}");
    }
    browser.shot("account-resume-refused").await;
    browser.axe("a resume that is refused").await;

    browser.choose("Add your resume", &file("cv.pdf", &pdf(MAX))).await;
    browser.see("PDF · 5 MB").await;
    browser.not_see("too large").await;
    browser.choose("Replace it with another file", &file("cv.txt", b"Ada Lovelace")).await;
    browser.see("Plain text · 1 kB").await;
    browser.reload().await;
    browser.see("Plain text · 1 kB").await;

    browser.press("Delete").await;
    browser.see("Delete your resume?").await;
    assert_eq!(browser.focused().await, "Keep it");
    browser.shot("account-resume-sure").await;
    browser.axe("a question before a resume is deleted").await;
    browser.press("Keep it").await;
    assert_eq!(browser.focused().await, "Delete");
    browser.press("Delete").await;
    browser.press("Delete it").await;
    browser.see("Your resume is deleted.").await;
    browser.see("Your profile is 0 of 5 complete.").await;
    assert_eq!(browser.focused().await, "Resume");
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_slow_upload_shows_how_far_it_is_and_can_be_called_back() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Phone).await;
    enter(&browser, &app, &ada).await;
    browser.see("Add your resume").await;
    browser.slow_uploads(100_000).await;
    browser.choose("Add your resume", &file("cv.pdf", &pdf(MAX))).await;
    browser.see("Uploading cv.pdf").await;
    assert_eq!(browser.focused().await, "Cancel");
    until("a part of it", async || {
        let part = browser.script("return document.querySelector('#resume-progress').value", &[]).await;
        part.as_f64().filter(|part| *part > 0.0 && *part < 1.0)
    })
    .await;
    browser.shot("account-resume-uploading").await;
    browser.axe("a resume on its way").await;
    browser.press("Cancel").await;
    browser.see("Add your resume").await;
    assert_eq!(browser.focused().await, "Add your resume");

    browser.offline(true).await;
    browser.choose("Add your resume", &file("cv.pdf", &pdf(100))).await;
    browser.see("We cannot reach the server.").await;
    browser.offline(false).await;
    browser.choose("Add your resume", &file("cv.pdf", &pdf(100))).await;
    browser.see("Your resume is uploaded.").await;

    // Called back too late: it is there.
    browser.hold_answers("/profile/resume").await;
    browser.choose("Replace it with another file", &file("cv.pdf", &pdf(MAX))).await;
    until("the whole file", async || (size(&app, &ada).await == Some(MAX.to_string())).then_some(())).await;
    browser.press("Cancel").await;
    browser.let_go().await;
    browser.see("Your resume is uploaded.").await;
    browser.see("PDF · 5 MB").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_resume_goes_out_with_a_session_that_was_renewed() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let browser = Browser::open(Viewport::Desktop).await;
    enter(&browser, &app, &ada).await;
    browser.see("Add your resume").await;
    keep(&browser, &later(&ada)).await;
    browser.choose("Add your resume", &file("cv.pdf", &pdf(MAX))).await;
    browser.see("Your resume is uploaded.").await;
    let answers = "return performance.getEntriesByType('resource') \
        .filter(({ initiatorType }) => initiatorType === 'xmlhttprequest').map(({ responseStatus }) => responseStatus)";
    assert_eq!(browser.script(answers, &[]).await, json!([201]), "a file that goes out to be refused");

    let missed = "const file = new File(['Ada'], 'cv.txt'); const data = new DataTransfer(); data.items.add(file); \
        return ['dragover', 'drop'].map((kind) => document.body.dispatchEvent( \
        new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data })))";
    assert_eq!(browser.script(missed, &[]).await, json!([false, false]), "the browser would open the file");
    browser.close().await;
}

/// What there is. Its content is cut off where it is replaced while it is sent.
async fn size(app: &TestApp, member: &Member) -> Option<String> {
    let answer = app.call(Method::HEAD, "/profile/resume", &member.access, &Value::Null).await;
    answer.header("content-length").map(str::to_owned)
}
