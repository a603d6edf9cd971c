//! The way in, as a candidate goes it.

use crate::support::TestApp;

#[tokio::test]
async fn a_code_opens_one_session() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let code = app.code(&link).await;

    let verified = app.verify(&link, &code).await.assert_status(200);
    app.verify(&link, &code).await.assert_problem(401, "otp-expired");

    let token = verified.text_of("sessionToken");
    let first = app.begin(&link, &token).await.assert_status(201);
    let again = app.begin(&link, &token).await.assert_status(200);
    assert_eq!(first.text_of("sessionId"), again.text_of("sessionId"));
    assert_eq!(first.text_of("startedAt"), again.text_of("startedAt"));
}
