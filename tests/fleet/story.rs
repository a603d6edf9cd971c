//! What visitors do. Where an answer is not the right one, they begin anew; the ledger has it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::traffic::Visitor;
use crate::support::raw::Raw;
use crate::support::until::until;

/// Somebody who reloads the page.
pub(super) async fn reader(mut visitor: Visitor, link: String) {
    while visitor.road.is_open() {
        if let Some(info) = visitor.get("GET info", &format!("{link}/info"), "", 200).await {
            assert_eq!(info.json()["candidateName"], "Ada", "{info}");
        }
    }
}

/// One candidate after the other, from the invitation into the room.
pub(super) async fn candidates(mut visitor: Visitor, recruiter: String, name: String) {
    let (mut seated, mut number) = (Vec::new(), 0);
    while visitor.road.is_open() {
        number += 1;
        if let Some(seat) = candidate(&mut visitor, &recruiter, &format!("{name}-{number}@example.com")).await {
            seated.push(seat);
            visitor.road.candidates.fetch_add(1, Ordering::Relaxed);
        }
    }
    // What was acknowledged is so, whichever node had said it and is no more.
    for (link, token, session) in seated {
        let headers = format!("x-session-token: {token}\r\n");
        let again = visitor.post("POST start, again", &format!("{link}/start"), &headers, &Value::Null, 200).await;
        assert_eq!(again.expect("a seat that is kept").json()["sessionId"], session.as_str());
    }
}

/// The link, the session's token, and its id.
async fn candidate(visitor: &mut Visitor, recruiter: &str, email: &str) -> Option<(String, String, String)> {
    let link = visitor.invite(recruiter, email).await?;
    visitor.get("GET info", &format!("{link}/info"), "", 200).await?;
    let asked = visitor.post("POST request-otp", &format!("{link}/request-otp"), "", &Value::Null, 202).await?;
    let mark = format!("({})", asked.json()["ref"].as_str().unwrap());
    let code = code(&visitor.road.mailboxes, email, &mark).await;
    let verified =
        visitor.post("POST verify-otp", &format!("{link}/verify-otp"), "", &json!({"otp": code}), 200).await?;
    let token = verified.json()["sessionToken"].as_str().unwrap().to_owned();
    let headers = format!("x-session-token: {token}\r\n");
    let started = visitor.post("POST start", &format!("{link}/start"), &headers, &Value::Null, 201).await?;
    let session = started.json()["sessionId"].as_str().unwrap().to_owned();
    visitor.get("GET /rooms/ of the platform", "/rooms/7", &headers, 200).await?;
    Some((link, token, session))
}

/// Out of the mailbox that the nodes share: whichever of them is there tells what any has sent.
async fn code(mailboxes: &[SocketAddr], email: &str, mark: &str) -> String {
    until("the mail with the code", async || {
        for mailbox in mailboxes {
            let Ok(mut raw) = Raw::try_connect(*mailbox).await else { continue };
            let ask = format!("GET /dev/mail.json?to={email} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
            let (Ok(()), Some(answer)) = (raw.try_send(ask).await, raw.try_answer(false).await) else { continue };
            let mails = answer.json();
            let subjects = mails.as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap());
            let found =
                subjects.into_iter().find(|subject| subject.contains(mark)).map(|subject| subject[..6].to_owned());
            if found.is_some() {
                return found;
            }
        }
        None
    })
    .await
}

/// A member comes and goes, and now and then stays.
pub(super) async fn members(mut visitor: Visitor, name: &'static str) {
    let (mut staying, mut number) = (Vec::new(), 0);
    while visitor.road.is_open() {
        number += 1;
        // Of a user, 50 sessions live.
        let stays = number % 8 == 0 && staying.len() < 20;
        if let Some(access) = member(&mut visitor, name, stays).await {
            staying.extend(Some(access).filter(|_| stays));
            visitor.road.members.fetch_add(1, Ordering::Relaxed);
        }
    }
    for access in staying {
        let bearer = format!("authorization: Bearer {access}\r\n");
        visitor.get("GET /auth/me, in the end", "/auth/me", &bearer, 200).await.expect("a session that lives");
    }
}

async fn member(visitor: &mut Visitor, name: &str, stays: bool) -> Option<String> {
    let access = visitor.log_in(name).await?;
    let bearer = format!("authorization: Bearer {access}\r\n");
    let me = visitor.get("GET /auth/me", "/auth/me", &bearer, 200).await?;
    assert_eq!(me.json()["username"], name, "{me}");
    visitor.get("GET /portal/ of the platform", "/portal/", &bearer, 200).await?;
    if !stays {
        visitor.post("POST /auth/logout", "/auth/logout", &bearer, &Value::Null, 204).await?;
    }
    Some(access)
}
