//! The pre-check where something is missing, refused or over.

use serde_json::json;

use super::super::pre_check::{arrive, arrive_with, page_of, shown};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::browser::{Browser, Devices, Viewport, Window};
use crate::support::until::until;
use crate::support::wire::Wired;

/// What the browser answers to the next question for devices.
const REFUSE: &str = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', arguments[0]))";
/// A camera, and a microphone that says nothing until `speak` is called: with this loudness, which goes up and down twice
/// a second by so much.
const SILENCE: &str = "
    const real = MediaDevices.prototype.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async () => {
        const context = new AudioContext();
        const [sound, stream] = [context.createMediaStreamDestination(), await real({ video: true })];
        const [voice, words] = [new OscillatorNode(context), new OscillatorNode(context, { type: 'square', frequency: 2 })];
        const [loud, swing] = [new GainNode(context, { gain: 0 }), new GainNode(context, { gain: 0 })];
        voice.connect(loud).connect(sound);
        words.connect(swing).connect(loud.gain);
        voice.start();
        words.start();
        window.speak = (loudness, change) => [loud.gain.value, swing.gain.value] = [loudness, change];
        window.microphone = sound.stream.getAudioTracks()[0];
        stream.addTrack(window.microphone);
        return stream;
    };";
/// As if it were pulled out, or a call took it.
const HAPPENS: &str = "preview.srcObject.getTracks()[0].dispatchEvent(new Event(arguments[0]))";
const MICROPHONE: &str = "microphone.dispatchEvent(new Event(arguments[0]))";
/// Chooses the last microphone, and keeps what the page asks the browser for.
const CHOOSE: &str = "
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wanted) => real(window.asked = wanted);
    const choice = document.getElementById('microphone-choice');
    choice.selectedIndex = choice.length - 1;
    choice.dispatchEvent(new Event('change'));
    return choice.value;";
/// A browser that opens a microphone, and cannot listen to it.
const DEAF: &str = "
    window.listens = window.AudioContext;
    window.AudioContext = function () { throw new DOMException('', 'NotSupportedError') };";
const OLD: &str = "delete window.RTCPeerConnection; delete Navigator.prototype.mediaDevices;";

/// What a screen reader was told last.
async fn said(browser: &Browser) -> String {
    let said = browser.script("return document.getElementById('announcer').textContent", &[]).await;
    said.as_str().unwrap().to_owned()
}

async fn unready(browser: &Browser) {
    assert!(!browser.is_enabled("Start the interview").await);
}

/// A candidate need not try a device here.
fn optional() -> Setup {
    Setup::new().set("candidate.devices", &"optional")
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_refused_permission_can_be_given() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Window::new(Viewport::Phone).devices(Devices::Denied).open().await;
    arrive(&browser, &app, &link).await;
    browser.press("Check camera and microphone").await;
    browser.see("Camera Needs attention This page may not use it.").await;
    browser.see("Microphone Needs attention This page may not use it.").await;
    unready(&browser).await;
    assert_eq!(browser.focused().await, "Try again");
    assert!(said(&browser).await.contains("Microphone: Needs attention. This page may not use it."));
    browser.key("Tab").await;
    assert_eq!(browser.focused().await, "Start the interview");
    browser.key("Enter").await;
    until("why not", async || said(&browser).await.contains("Still to do: Camera, Microphone.").then_some(())).await;
    shown(&browser, "pre-check-denied").await;

    // One of two stays refused.
    browser.permission("camera", "granted").await;
    browser.press("Try again").await;
    browser.see("Camera Ready").await;
    browser.see("Still to do: Microphone.").await;
    browser.permission("microphone", "granted").await;
    browser.press("Try again").await;
    browser.see("Everything is ready. You can start.").await;

    browser.script(HAPPENS, &[json!("ended")]).await;
    browser.see("Camera Needs attention It was disconnected.").await;
    unready(&browser).await;
    shown(&browser, "pre-check-unplugged").await;
    browser.press("Try again").await;
    browser.see("Everything is ready. You can start.").await;

    browser.script(HAPPENS, &[json!("mute")]).await;
    browser.see("Camera Needs attention It stopped sending").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn what_fails_says_how_to_fix_it() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Window::new(Viewport::Desktop).dark().devices(Devices::Absent).open().await;
    arrive(&browser, &app, &link).await;
    browser.press("Check camera and microphone").await;
    browser.see("Camera Needs attention We found none.").await;
    browser.see("Microphone Ready").await;
    browser.see("Still to do: Camera.").await;
    unready(&browser).await;
    shown(&browser, "pre-check-absent").await;

    // The browser has several microphones.
    let chosen = browser.script(CHOOSE, &[]).await;
    until("the other one", async || {
        let asked = browser.script("return window.asked", &[]).await;
        (asked == json!({ "audio": { "deviceId": { "exact": chosen } } })).then_some(())
    })
    .await;
    browser.see("Microphone Ready").await;
    assert_eq!(browser.value("Microphone in use").await, chosen.as_str().unwrap());

    for (name, words) in [
        ("NotReadableError", "Another program is using it."),
        ("OverconstrainedError", "The one that you chose is not there any more."),
        ("NotAllowedError", "Your browser itself may not use it."),
        ("SecurityError", "Your browser itself may not use it."),
        ("TypeError", "Your browser could not open it."),
    ] {
        browser.script(REFUSE, &[json!(name)]).await;
        browser.press("Try again").await;
        browser.see(&format!("Camera Needs attention {words}")).await;
    }
    browser.permission("camera", "prompt").await;
    browser.script(REFUSE, &[json!("NotAllowedError")]).await;
    browser.press("Try again").await;
    browser.see("There was no “Allow”.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_silent_microphone_is_told_and_listened_to() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Window::new(Viewport::Desktop).dark().devices(Devices::Granted).open().await;
    arrive(&browser, &app, &link).await;
    browser.script(DEAF, &[]).await;
    browser.press("Check camera and microphone").await;
    browser.see("Microphone Needs attention Your browser could not open it.").await;
    browser.see("Camera Ready").await;
    browser.script("window.AudioContext = window.listens", &[]).await;
    browser.script(SILENCE, &[]).await;
    browser.press("Try again").await;
    browser.see("Say a few words").await;
    browser.see("Microphone Needs attention We hear nothing.").await;
    unready(&browser).await;
    shown(&browser, "pre-check-silent").await;
    // Peaks of -42 dB, and no louder: a fan, or somebody far away.
    browser.script("speak(0.008, 0)", &[]).await;
    browser.see("Microphone Needs attention It is very quiet.").await;
    unready(&browser).await;
    shown(&browser, "pre-check-quiet").await;
    browser.press("The bar moves: go on with it").await;
    browser.see("Microphone Ready").await;
    browser.not_see("The bar moves").await;
    assert_eq!(browser.focused().await, "Start the interview");

    // No louder, but somebody who pauses.
    browser.script(MICROPHONE, &[json!("mute")]).await;
    browser.see("Microphone Needs attention It stopped sending").await;
    browser.script("speak(0.005, 0.003)", &[]).await;
    browser.script(MICROPHONE, &[json!("unmute")]).await;
    browser.see("Microphone Ready").await;
    let level = "return Number(document.getElementById('level').getAttribute('aria-valuenow'))";
    assert!(browser.script(level, &[]).await.as_u64().unwrap() < 50);
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_browser_that_lacks_something_says_what() {
    let app = TestApp::start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Browser::open(Viewport::Phone).await;
    browser.before_pages(OLD).await;
    arrive(&browser, &app, &link).await;
    browser.see("This browser lacks what an interview needs: access to camera and microphone, video calls").await;
    browser.not_see("Check camera and microphone").await;
    unready(&browser).await;
    shown(&browser, "pre-check-lacking").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn where_devices_are_optional_one_starts_and_is_led_on() {
    let app = optional().set("candidate.after_start_url", &"/docs?room={session_id}").start().await;
    let link = app.invite("ada@example.com").await;
    let browser = Browser::open(Viewport::Desktop).await;
    let token = arrive(&browser, &app, &link).await;
    browser.see("You may start without these checks. Not tested, or not ready: Camera, Microphone.").await;
    shown(&browser, "pre-check-optional").await;
    browser.press("Start the interview").await;
    let session = app.begin(&link, &token).await.assert_status(200).text_of("sessionId");
    let room = format!("/docs?room={session}");
    browser.at(&room).await;

    browser.back().await;
    browser.see("Your interview has begun").await;
    browser.press("Check my devices first").await;
    browser.see("Not tested yet").await;
    assert_eq!(browser.focused().await, "Before you start");
    browser.reload().await;
    browser.press("Rejoin the interview").await;
    browser.at(&room).await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn without_a_session_one_joins_first() {
    let app = optional().start().await;
    let link = app.invite_with("ada@example.com", &["--expires-hours", "1"]).await;
    let other = app.invite("bob@example.com").await;
    let node = app.nodes[0].public;
    let join = format!("/interview/join/{}", link.token);
    let browser = Browser::open(Viewport::Phone).await;
    browser.goto(&format!("http://{node}{}", page_of(&link))).await;
    browser.at(&join).await;

    // A session that is over, or another's.
    let foreign = arrive(&browser, &app, &other).await;
    for token in ["no session token", &foreign] {
        arrive_with(&browser, node, &link, token).await;
        browser.press("Start the interview").await;
        browser.at(&join).await;
        browser.see("Your session is over. Ask for a new code to go on.").await;
        assert_eq!(browser.storage("interview_session_token").await, None);
    }
    shown(&browser, "join-session-over").await;
    // In no words at all.
    arrive_with(&browser, node, &link, &foreign).await;
    browser.script("window.fetch = async () => new Response(null, { status: 401 })", &[]).await;
    browser.press("Start the interview").await;
    browser.at(&join).await;
    browser.reload().await;
    browser.see("Welcome, Ada Lovelace").await;
    browser.not_see("Your session is over.").await;

    let own = arrive(&browser, &app, &link).await;
    browser.goto(&format!("http://{node}{}", page_of(&other))).await;
    browser.at(&format!("/interview/join/{}", other.token)).await;

    // The link's time is over, and the session's is not.
    arrive_with(&browser, node, &link, &own).await;
    app.pass(3_600_000);
    browser.goto(&format!("http://{node}{join}")).await;
    browser.see("Thank you, Ada Lovelace.").await;
    browser.not_see("Use a new code").await;
    shown(&browser, "join-verified-expired").await;
    browser.follow("Continue").await;
    browser.press("Start the interview").await;
    browser.see("You are in").await;

    app.revoke(&link).await;
    browser.reload().await;
    browser.press("Rejoin the interview").await;
    browser.see("This link no longer works").await;
    assert_eq!(browser.focused().await, "This link no longer works");
    assert_eq!(browser.storage("interview_session_token").await, None);
    shown(&browser, "pre-check-gone").await;
    browser.goto(&format!("http://{node}{join}")).await;
    browser.see("This link no longer works").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "make test-all runs it"]
async fn a_start_waits_for_whatever_is_away() {
    let Some(Wired { app, wire }) = Wired::start(optional()).await else { return };
    let link = app.invite("ada@example.com").await;
    let browser = Browser::open(Viewport::Phone).await;
    let token = arrive(&browser, &app, &link).await;

    wire.refuse();
    browser.press("Start the interview").await;
    browser.see("The server cannot answer just now.").await;
    unready(&browser).await;
    shown(&browser, "pre-check-unavailable").await;
    wire.heal();
    browser.see("You are in").await;

    browser.reload().await;
    browser.offline(true).await;
    browser.press("Rejoin the interview").await;
    browser.see("We cannot reach the server.").await;
    shown(&browser, "pre-check-offline").await;
    browser.offline(false).await;
    browser.see("You are in").await;

    let limits = [("limits.candidate_ip.max", "1"), ("limits.candidate_ip.window", "5s")];
    let narrow = app.node_with(&limits).await;
    arrive_with(&browser, narrow.public, &link, &token).await;
    // What this client has asked so far counts no more.
    app.pass(60_000);
    app.http.get(&narrow.url(&link, "info")).await.assert_status(200);
    browser.press("Start the interview").await;
    browser.see("Too many tries. You can go on in 0:0").await;
    shown(&browser, "pre-check-limited").await;
    browser.not_see("Too many tries.").await;
    until("start", async || browser.is_enabled("Start the interview").await.then_some(())).await;
    browser.press("Start the interview").await;
    browser.see("You are in").await;
    browser.close().await;
}
