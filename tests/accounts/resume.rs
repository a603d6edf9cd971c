//! A resume by HTTP: sent raw or in a form, told by its content, served back as an attachment, replaced and removed.

mod files;
mod wire;

use hyper::Method;
use serde_json::{Value, json};
use tokio::join;

use self::files::{deflated, docx, form, stored, zip};
use crate::support::TestApp;
use crate::support::app::{Node, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;

const MAX: usize = 5_242_880;
const PDF: &str = "application/pdf";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const TEXT: &str = "text/plain; charset=utf-8";
const CV: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj";

async fn put(app: &TestApp, member: &Member, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    resume(app, Method::PUT, member, &[("content-type", content_type)], body).await
}

async fn get(app: &TestApp, member: &Member) -> Answer {
    resume(app, Method::GET, member, &[], "").await
}

async fn resume(
    app: &TestApp,
    method: Method,
    member: &Member,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    resume_at(app, &app.nodes[0], method, member, headers, body).await
}

async fn resume_at(
    app: &TestApp,
    node: &Node,
    method: Method,
    member: &Member,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    let url = format!("http://{}/profile/resume", node.public);
    let bearer = format!("Bearer {}", member.access);
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    app.http.send_bytes(method, &url, &headers, body.into()).await
}

#[track_caller]
fn assert_served(answer: &Answer, media_type: &str, name: &str, content: &[u8]) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let disposition = format!("attachment; filename=\"{name}\"");
    let length = content.len().to_string();
    for (header, value) in [
        ("content-type", media_type),
        ("content-disposition", disposition.as_str()),
        ("x-content-type-options", "nosniff"),
        ("content-length", length.as_str()),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}: {:?}", answer.headers);
    }
    assert!(answer.body == content, "{} bytes instead of {}", answer.body.len(), content.len());
}

#[tokio::test]
async fn what_is_sent_comes_back_as_what_it_is() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    get(&app, &member).await.assert_problem(404, "not-found");
    let document = docx(stored("word/media/image1.png", b"\x89PNG\r\n\x1a\n"));
    let page = b"<!DOCTYPE html><script>alert(1)</script>";
    let mut status = 201;
    // The sender's own words about it do not count.
    for (content_type, content, media_type, name) in [
        (PDF, CV, PDF, "resume.pdf"),
        ("text/html", CV, PDF, "resume.pdf"),
        (DOCX, &document[..], DOCX, "resume.docx"),
        ("application/zip", &document, DOCX, "resume.docx"),
        ("text/plain", "Zo\u{eb}: Rust,\r\n\tLua".as_bytes(), TEXT, "resume.txt"),
        ("text/html", page, TEXT, "resume.txt"),
        (PDF, b"not a PDF", TEXT, "resume.txt"),
        ("application/json", b"{}", TEXT, "resume.txt"),
    ] {
        let answer = put(&app, &member, content_type, content).await.assert_status(status);
        assert_eq!(answer.json(), json!({"mediaType": media_type, "size": content.len()}), "{content_type}");
        assert_served(&get(&app, &member).await, media_type, name, content);
        status = 200;
    }
    resume(&app, Method::PUT, &member, &[], "no type").await.assert_status(200);
    assert_served(&get(&app, &member).await, TEXT, "resume.txt", b"no type");
}

#[tokio::test]
async fn a_form_holds_it_in_the_part_file() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let file =
        "content-disposition: form-data; name=\"file\"; filename=\"../../etc/passwd\"\r\ncontent-type: image/png";
    let bare = "Content-Disposition: form-data; name=file";
    let field = "content-disposition: form-data; name=\"csrf\"";
    // 70 characters, which is the longest that a boundary may have, and what it may be made of.
    let long = "'()+_,-./:=?0".repeat(6)[..70].to_owned();
    let mut status = 201;
    for (boundary, parts, content) in [
        ("b", vec![(file, CV)], CV),
        (
            "----WebKitFormBoundary7MA4YWxkTrZu0gW",
            vec![(field, &b"x"[..]), (file, b"My life"), (field, b"")],
            b"My life",
        ),
        (&long, vec![(bare, b"--b\r\n--\r\n")], b"--b\r\n--\r\n"),
        ("a b", vec![(field, b"y"), (bare, b"between spaces")], b"between spaces"),
    ] {
        let content_type = format!("Multipart/Form-Data; boundary=\"{boundary}\"");
        let answer = put(&app, &member, &content_type, form(boundary, &parts)).await.assert_status(status);
        assert_eq!(answer.json()["size"], content.len(), "{boundary}");
        let served = get(&app, &member).await;
        assert_eq!(served.body, content, "{boundary}");
        assert!(!format!("{:?}", served.headers).contains("passwd"), "{:?}", served.headers);
        status = 200;
    }
}

#[tokio::test]
async fn a_form_without_its_file_is_refused() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let (file, other) =
        ("content-disposition: form-data; name=\"file\"", "content-disposition: form-data; name=\"cv\"");
    let typed = "multipart/form-data; boundary=b";
    for (parts, message) in [
        (vec![(other, CV)], "is required: a part of this name, with the file"),
        (vec![], "is required: a part of this name, with the file"),
        (vec![(file, CV), (file, CV)], "must be one file"),
    ] {
        let answer = put(&app, &member, typed, form("b", &parts)).await.assert_problem(422, "validation-failed");
        assert_eq!(answer.json()["errors"], json!([{"field": "file", "message": message}]));
    }
    let whole = form("b", &[(file, CV)]);
    for (content_type, body) in [
        ("multipart/form-data", &whole[..]),
        ("multipart/form-data; boundary=", &whole),
        ("multipart/form-data; boundary=c", &whole),
        (typed, b""),
        (typed, CV),
        (typed, &whole[..whole.len() - 8]),
        (typed, b"--b\r\n: x\r\n\r\nx\r\n--b--"),
    ] {
        let answer = put(&app, &member, content_type, body).await;
        assert_eq!(answer.status, 400, "{content_type}: {}", answer.text());
        answer.assert_problem(400, "malformed-body");
    }
    put(&app, &member, typed, form("b", &[(file, b"\x89PNG\r\n\x1a\n")]))
        .await
        .assert_problem(415, "unsupported-media-type");
    get(&app, &member).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn what_is_no_resume_is_refused_and_replaces_nothing() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    put(&app, &member, PDF, CV).await.assert_status(201);
    let bomb = docx(deflated("word/media/image1.emf", 11_000, 10_485_760));
    let many_gib = docx(deflated("word/media/image1.emf", 4_300_000, u32::MAX - 10));
    let sheet = zip(&[stored("[Content_Types].xml", b"<Types/>"), stored("xl/workbook.xml", b"x")]);
    for (content, words) in [
        (&b""[..], "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PDF"),
        (b"GIF89a\x01\0\x01\0\x80", "PDF"),
        (b"\x7fELF\x02\x01\x01", "PDF"),
        (b"\n%PDF-1.7\n\xe2", "PDF"),
        (b"\xff\xfeA\0d\0a\0", "UTF-8"),
        (b" \r\n\t", "text"),
        (&bomb, "unpacks to too much"),
        (&many_gib, "unpacks to too much"),
        (&bomb[..bomb.len() - 1], "damaged"),
        (&sheet, "not a document"),
        (&docx(stored("word/vbaProject.bin", b"x")), "macros"),
        (&docx(stored("word/document.xml", b"<w:document/>")), "damaged"),
    ] {
        let answer = put(&app, &member, PDF, content).await;
        assert_eq!(answer.status, 415, "{words}: {}", answer.text());
        let answer = answer.assert_problem(415, "unsupported-media-type");
        assert!(answer.text_of("detail").to_lowercase().contains(&words.to_lowercase()), "{}", answer.text());
    }
    assert_served(&get(&app, &member).await, PDF, "resume.pdf", CV);
}

#[tokio::test]
async fn it_has_5_mib_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let file = "content-disposition: form-data; name=\"file\"; filename=\"cv.pdf\"";
    let typed = "multipart/form-data; boundary=b";
    let mut most = CV.repeat(MAX / CV.len() + 1);
    most.truncate(MAX);
    let answer = put(&app, &member, PDF, most.clone()).await.assert_status(201);
    assert_eq!(answer.json()["size"], MAX);
    assert_served(&get(&app, &member).await, PDF, "resume.pdf", &most);
    put(&app, &member, typed, form("b", &[(file, &most)])).await.assert_status(200);
    assert_served(&get(&app, &member).await, PDF, "resume.pdf", &most);

    let more = [&most[..], b"x"].concat();
    put(&app, &member, PDF, more.clone()).await.assert_problem(413, "body-too-large");
    put(&app, &member, typed, form("b", &[(file, &more)])).await.assert_problem(413, "body-too-large");
    // What surrounds the file is bounded too.
    let padding = vec![b'x'; 8_192];
    let padded = form("b", &[(file, &most), ("content-disposition: form-data; name=\"x\"", &padding)]);
    put(&app, &member, typed, padded).await.assert_problem(413, "body-too-large");
    assert_served(&get(&app, &member).await, PDF, "resume.pdf", &most);
}

#[tokio::test]
async fn it_is_removed_once_and_sent_again_as_the_first() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    let delete = || resume(&app, Method::DELETE, &member, &[], "");
    delete().await.assert_problem(404, "not-found");
    put(&app, &member, PDF, CV).await.assert_status(201);
    let gone = delete().await.assert_status(204);
    assert_eq!((gone.body.len(), gone.header("cache-control")), (0, Some("no-store")));
    delete().await.assert_problem(404, "not-found");
    get(&app, &member).await.assert_problem(404, "not-found");
    put(&app, &member, "text/plain", "again").await.assert_status(201);
}

#[tokio::test]
async fn of_two_sent_at_once_one_is_the_first_and_one_is_kept_whole() {
    // Each on a node of its own: on one, a user sends one at a time.
    let app = Setup::new().nodes(2).start().await;
    let member = app.member("ada").await;
    let (one, two) = ("1".repeat(300_000), "2".repeat(500_000));
    let put_at = |node, body| resume_at(&app, node, Method::PUT, &member, &[], body);
    let (a, b) = join!(put_at(&app.nodes[0], one.clone()), put_at(&app.nodes[1], two.clone()));
    assert_eq!([a.status, b.status].iter().sum::<u16>(), 201 + 200, "{} {}", a.text(), b.text());
    let kept = get(&app, &member).await.assert_status(200).body;
    assert!(kept == one.as_bytes() || kept == two.as_bytes(), "{} bytes", kept.len());
}

#[tokio::test]
async fn everybody_has_their_own() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.member("ada").await, app.member("eve").await);
    put(&app, &ada, PDF, CV).await.assert_status(201);
    get(&app, &eve).await.assert_problem(404, "not-found");
    resume(&app, Method::DELETE, &eve, &[], "").await.assert_problem(404, "not-found");
    put(&app, &eve, "text/plain", "Eve's life").await.assert_status(201);
    assert_served(&get(&app, &ada).await, PDF, "resume.pdf", CV);
    assert_served(&get(&app, &eve).await, TEXT, "resume.txt", b"Eve's life");
    // With its user goes what is kept of them.
    query(&app.database, &format!("DELETE FROM users WHERE id = '{}'", ada.id)).await;
    let left = query(&app.database, "SELECT user_id::text FROM resumes").await;
    assert_eq!(left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), [eve.id.as_str()]);
}

#[tokio::test]
async fn who_asks_is_judged_before_the_file_is() {
    let app = TestApp::start().await;
    let mut member = app.member("ada").await;
    put(&app, &member, PDF, CV).await.assert_status(201);
    app.call(Method::POST, "/auth/logout", &member.access, &Value::Null).await.assert_status(204);
    for access in [member.access.clone(), format!("{}x", member.access), String::new()] {
        member.access = access;
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            resume(&app, method, &member, &[], CV).await.assert_problem(401, "unauthenticated");
        }
    }
    let url = format!("http://{}/profile/resume", app.nodes[0].public);
    let answer = app.http.post(&url).await.assert_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
}

#[tokio::test]
async fn a_kind_of_a_newer_version_is_not_guessed_at() {
    let app = TestApp::start().await;
    let member = app.member("ada").await;
    put(&app, &member, PDF, CV).await.assert_status(201);
    query(&app.database, "UPDATE resumes SET media_type = 'application/rtf'").await;
    get(&app, &member).await.assert_problem(503, "unavailable");
    put(&app, &member, PDF, CV).await.assert_status(200);
    assert_served(&get(&app, &member).await, PDF, "resume.pdf", CV);
}
