//! Sign-up: what an account may be called, what it gets, and whom it must not displace.

use serde_json::{Value, json};

use super::client::{assert_done, assert_quota, assert_refused, assert_wrong, form};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::http::Answer;
use crate::support::jwt::{SECRET, now, parts, signed, with};
use crate::support::members::PASSWORD;

const USERNAME: &str = "must be 3 to 20 letters (A to Z), digits or underscores";
const EMAIL: &str = "must be an e-mail address, as ada@example.com";
const COMMON: &str = "is among the most common passwords; choose one that nobody would guess";
const OWN: &str = "must not be your username or e-mail address; choose another";

/// An app where one address may make so many accounts as this file does.
async fn start() -> TestApp {
    Setup::new().set("limits.signup_ip.max", &200).start().await
}

async fn sign_up(app: &TestApp, body: &Value) -> Answer {
    app.post("/auth/signup", body).await
}

#[tokio::test]
async fn a_session_is_what_the_contract_says_and_no_more() {
    let app = start().await;
    let before = now();
    let body = with(&form("Ada_1"), "fullName", &json!("Ada Lovelace"));
    let answer = sign_up(&app, &body).await;
    assert_done(&answer, 201);
    assert_quota(&answer, Some(("\"signup_ip\";q=200;w=3600", "\"signup_ip\";r=199;t=3600")));
    let session = answer.json();
    let user = &session["user"];
    let expected = json!({
        "accessToken": session["accessToken"].as_str().unwrap(), "tokenType": "Bearer", "expiresIn": 3_600,
        "refreshToken": session["refreshToken"].as_str().unwrap(), "refreshExpiresIn": 2_592_000,
        "user": {
            "id": user["id"].as_str().unwrap(), "username": "Ada_1", "email": "Ada_1@example.com",
            "fullName": "Ada Lovelace", "phone": null, "yearsOfExperience": null, "skills": [], "role": "member",
            "createdAt": user["createdAt"].as_str().unwrap(),
            "profile": {"complete": false, "missing": ["phone", "yearsOfExperience", "skills", "resume"]},
        },
    });
    assert_eq!(session, expected);

    let (header, claims) = parts(session["accessToken"].as_str().unwrap());
    assert_eq!(header, json!({"alg": "HS256", "kid": "j1", "typ": "at+jwt"}));
    let (jti, sid, iat) = (&claims["jti"], &claims["sid"], claims["iat"].as_i64().unwrap());
    assert!((before..=now()).contains(&iat), "{claims}");
    assert!(jti.as_str().unwrap().len() >= 22 && jti != sid, "{claims}");
    let expected = json!({
        "iss": "https://interviews.example.com", "aud": "vestibule:api", "sub": user["id"], "sid": sid, "jti": jti,
        "iat": iat, "exp": iat + 3_600,
    });
    assert_eq!(claims, expected);
    // The key is the decoded one: a proxy that holds it can check a token by itself.
    let access = session["accessToken"].as_str().unwrap();
    assert_eq!(access, signed(access.rsplit_once('.').unwrap().0, &SECRET));
    assert_eq!(app.me(access).await.assert_status(200).json(), *user);
}

#[tokio::test]
async fn a_username_has_3_to_20_of_its_letters() {
    let app = start().await;
    for right in ["abc", "A_9", "___", "000", "abcdefghij0123456789"] {
        let session = sign_up(&app, &form(right)).await.assert_status(201).json();
        assert_eq!(session["user"]["username"], right);
    }
    for wrong in [
        "",
        "ab",
        "abcdefghij0123456789x",
        "ada lovelace",
        "ada-l",
        "ada.l",
        "ada@example.com",
        "élan",
        "a\u{301}da",
        "\u{ff41}\u{ff42}\u{ff43}",
        "ад\u{430}м",
    ] {
        let body = with(&form("grace"), "username", &json!(wrong));
        assert_wrong(&sign_up(&app, &body).await, &[("username", USERNAME)]);
    }
}

#[tokio::test]
async fn an_address_is_one_that_a_relay_would_take_of_254_bytes_at_most() {
    let app = start().await;
    let domain = format!("{}.{}.{}.example", "a".repeat(60), "b".repeat(60), "c".repeat(60));
    let longest = format!("{}@{domain}", "j".repeat(253 - domain.len()));
    // Two bytes each: it is bytes that are counted.
    let accented = format!("{}@{domain}", "é".repeat((253 - domain.len()) / 2));
    assert_eq!(longest.len(), 254);
    let rights = [longest.as_str(), accented.as_str(), "a@b.co", "o'neill+tag@example.com", "élodie@exämple.example"];
    for (n, right) in rights.into_iter().enumerate() {
        let body = with(&form(&format!("right_{n}")), "email", &json!(right));
        assert_eq!(sign_up(&app, &body).await.assert_status(201).json()["user"]["email"], right);
    }
    let too_long = [format!("j{longest}"), format!("éé{accented}")];
    for wrong in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada lovelace@example.com",
        "Ada <ada@example.com>",
        "ada@example.com,eve@example.com",
    ]
    .into_iter()
    .chain(too_long.iter().map(String::as_str))
    {
        let body = with(&form("grace"), "email", &json!(wrong));
        assert_wrong(&sign_up(&app, &body).await, &[("email", EMAIL)]);
        assert_wrong(&app.post("/auth/forgot-password", &json!({"email": wrong})).await, &[("email", EMAIL)]);
    }
}

#[tokio::test]
async fn a_full_name_is_trimmed_and_has_100_characters_at_most() {
    let app = start().await;
    let hundred = "e\u{301}".repeat(100);
    for (n, (typed, kept)) in [
        (" Ada \u{a0}", json!("Ada")),
        (" \u{3000} ", Value::Null),
        ("", Value::Null),
        (hundred.as_str(), json!("é".repeat(100))),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(&form(&format!("ada_{n}")), "fullName", &json!(typed));
        let user = sign_up(&app, &body).await.assert_status(201).json()["user"].clone();
        assert_eq!(user["fullName"], kept);
        let is_missing = user["profile"]["missing"].as_array().unwrap().contains(&json!("fullName"));
        assert_eq!(is_missing, kept.is_null(), "{user}");
    }
    let body = with(&form("grace"), "fullName", &json!("é".repeat(101)));
    assert_wrong(&sign_up(&app, &body).await, &[("fullName", "must have at most 100 characters")]);
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let app = start().await;
    let body = json!({"username": "a", "email": "b", "password": "c", "fullName": "d".repeat(101)});
    let wrong = [
        ("username", USERNAME),
        ("email", EMAIL),
        ("password", "must have at least 6 characters"),
        ("fullName", "must have at most 100 characters"),
    ];
    assert_wrong(&sign_up(&app, &body).await, &wrong);
    // Nothing of it was kept.
    let rows = crate::support::postgres::query(&app.database, "SELECT FROM users").await;
    assert!(rows.is_empty());
}

/// 409, which names these.
#[track_caller]
fn assert_taken(answer: &Answer, fields: &[&str]) {
    let errors: Vec<_> = fields.iter().map(|field| json!({"field": field, "message": "is taken already"})).collect();
    assert_refused(answer, 409, "already-taken", &json!({ "errors": errors }));
}

#[tokio::test]
async fn a_name_and_an_address_are_taken_however_they_are_written() {
    let app = start().await;
    let with_email = |username: &str, email: &str| with(&form(username), "email", &json!(email));
    sign_up(&app, &with_email("Ada_1", "Ada@Example.com")).await.assert_status(201);
    for name in ["Ada_1", "ada_1", "ADA_1", " aDa_1 "] {
        assert_taken(&sign_up(&app, &with_email(name, "other@example.com")).await, &["username"]);
    }
    for email in ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com "] {
        assert_taken(&sign_up(&app, &with_email("grace", email)).await, &["email"]);
        assert_taken(&sign_up(&app, &with_email("ADA_1", email)).await, &["username", "email"]);
    }
    // Of two people, too.
    sign_up(&app, &with_email("bob", "bob@example.com")).await.assert_status(201);
    assert_taken(&sign_up(&app, &with_email("BOB", "ada@example.com")).await, &["username", "email"]);
    // What was refused displaced nobody.
    for login in ["ada_1", "ada@example.com", "bob"] {
        app.log_in(login, PASSWORD).await.assert_status(200);
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_is_one_whatever_its_case_and_its_accents() {
    let app = start().await;
    for (n, (first, others)) in [
        (
            "Zoë@Example.com",
            vec!["zoë@example.com", "ZOË@EXAMPLE.COM", "zoe\u{308}@example.com", "ZOE\u{308}@example.com"],
        ),
        ("ada@exämple.example", vec!["ADA@EXÄMPLE.EXAMPLE", "ada@exa\u{308}mple.example"]),
        ("иван@пример.example", vec!["ИВАН@ПРИМЕР.EXAMPLE"]),
        ("ΟΔΥΣΣΕΥΣ@example.com", vec!["οδυσσευς@example.com"]),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(&form(&format!("first_{n}")), "email", &json!(first));
        assert_eq!(sign_up(&app, &body).await.assert_status(201).json()["user"]["email"], first);
        for other in others {
            let body = with(&form("grace"), "email", &json!(other));
            assert_taken(&sign_up(&app, &body).await, &["email"]);
            app.log_in(other, PASSWORD).await.assert_status(200);
            let asked = app.post("/auth/forgot-password", &json!({"email": other})).await;
            assert_done(&asked, 202);
        }
    }
    // However it is typed, it is kept, and written to, in one form.
    let body = with(&form("noel"), "email", &json!("noe\u{308}l@example.com"));
    assert_eq!(sign_up(&app, &body).await.assert_status(201).json()["user"]["email"], "no\u{eb}l@example.com");
    // In capitals these have no single letter of their own.
    for (name, small, capital) in [
        ("jure", "\u{1f0}ure@example.com", "J\u{30c}URE@EXAMPLE.COM"),
        ("maiou", "μα\u{390}ου@example.com", "ΜΑ\u{3aa}\u{301}ΟΥ@EXAMPLE.COM"),
    ] {
        sign_up(&app, &with(&form(name), "email", &json!(small))).await.assert_status(201);
        app.log_in(capital, PASSWORD).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_password_has_6_to_1024_characters_after_nfc() {
    let app = start().await;
    let decomposed = |n: usize| "e\u{301}".repeat(n);
    for (n, right) in
        [decomposed(6), decomposed(1_024), "\u{1f511}".repeat(1_024), "      ".to_owned()].into_iter().enumerate()
    {
        let name = format!("right_{n}");
        sign_up(&app, &with(&form(&name), "password", &json!(right))).await.assert_status(201);
        app.log_in(&name, &right).await.assert_status(200);
    }
    let (short, long) = ("must have at least 6 characters", "must have at most 1024 characters");
    for (wrong, words) in [
        (String::new(), short),
        ("abcde".to_owned(), short),
        (decomposed(5), short),
        ("\u{1f511}".repeat(5), short),
        ("x".repeat(1_025), long),
        (decomposed(1_025), long),
    ] {
        let answer = sign_up(&app, &with(&form("grace"), "password", &json!(wrong))).await;
        assert_wrong(&answer, &[("password", words)]);
    }
}

#[tokio::test]
async fn a_password_is_one_however_its_accents_were_typed_and_otherwise_exact() {
    let app = start().await;
    let (composed, decomposed) = ("na\u{ef}ve caf\u{e9}", "nai\u{308}ve cafe\u{301}");
    for (name, kept, typed) in [("ada", composed, decomposed), ("bob", decomposed, composed)] {
        sign_up(&app, &with(&form(name), "password", &json!(kept))).await.assert_status(201);
        app.log_in(name, typed).await.assert_status(200);
        app.log_in(name, kept).await.assert_status(200);
        app.log_in(name, "naive cafe").await.assert_problem(401, "invalid-credentials");
    }
    let long = "0123456789".repeat(102) + "0123";
    for (n, (kept, others)) in [
        (" two words ", vec!["two words", " two words", "two words ", " two  words "]),
        ("tab\tand\u{0}nul", vec!["tab\tand", "tab and\u{0}nul", "tab\tand\u{0}null"]),
        ("Correct Horse", vec!["correct horse", "CORRECT HORSE"]),
        (long.as_str(), vec![&long[..1_023], &long[..72]]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("exact_{n}");
        sign_up(&app, &with(&form(&name), "password", &json!(kept))).await.assert_status(201);
        for other in others {
            app.log_in(&name, other).await.assert_problem(401, "invalid-credentials");
        }
        app.log_in(&name, kept).await.assert_status(200);
        app.log_in(&name, &format!("{kept}x")).await.assert_problem(401, "invalid-credentials");
    }
}

#[tokio::test]
async fn a_password_that_everybody_tries_or_that_is_ones_own_name_is_refused() {
    let app = start().await;
    for common in ["password", "123456", "PassWord1", "QWERTY"] {
        let answer = sign_up(&app, &with(&form("grace"), "password", &json!(common))).await;
        assert_wrong(&answer, &[("password", COMMON)]);
    }
    let own = |username: &str, password: &str| json!({"username": username, "email": "Zoe\u{308}@Example.com", "password": password});
    for (username, password) in [
        ("grace_hopper", "grace_hopper"),
        ("grace_hopper", "GRACE_Hopper"),
        ("grace_hopper", "zo\u{eb}@example.com"),
        ("grace_hopper", "ZOE\u{308}@EXAMPLE.COM"),
    ] {
        assert_wrong(&sign_up(&app, &own(username, password)).await, &[("password", OWN)]);
    }
    sign_up(&app, &own("grace_hopper", "grace_hopper2")).await.assert_status(201);

    // Whoever changes it, or sets it anew, is told the same.
    let member = app.member("ada_lovelace").await;
    for (new, words) in [("Password1", COMMON), ("Ada_Lovelace", OWN), ("ADA_lovelace@example.com", OWN)] {
        let change = json!({"currentPassword": PASSWORD, "newPassword": new});
        let answer = app.call(hyper::Method::POST, "/auth/change-password", &member.access, &change).await;
        assert_wrong(&answer, &[("newPassword", words)]);
    }
    app.post("/auth/forgot-password", &json!({"email": member.email})).await.assert_status(202);
    let token = app.reset_token(&member.email, 1).await;
    for (new, words) in [("Password1", COMMON), ("Ada_Lovelace", OWN), ("ADA_lovelace@example.com", OWN)] {
        assert_wrong(&app.reset(&token, new).await, &[("newPassword", words)]);
    }
    // What was refused spent nothing.
    app.log_in("ada_lovelace", PASSWORD).await.assert_status(200);
    assert_done(&app.reset(&token, "another horse battery").await, 204);
}

#[tokio::test]
async fn the_list_of_common_passwords_can_be_switched_off() {
    let setup = Setup::new().set("accounts.common_passwords", &"allow").set("accounts.password_min", &"8");
    let app = setup.start().await;
    sign_up(&app, &with(&form("ada"), "password", &json!("password"))).await.assert_status(201);
    let answer = sign_up(&app, &with(&form("bob"), "password", &json!("1234567"))).await;
    assert_wrong(&answer, &[("password", "must have at least 8 characters")]);
}
