//! Lists of interviews: pages, places and states.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::{Value, json};

use super::ids;
use crate::support::TestApp;
use crate::support::app::{Link, Setup};
use crate::support::http::Answer;
use crate::support::members::Member;
use crate::support::postgres::query;
use crate::support::recruiters::link_of;
use crate::support::until::until;

async fn ask(app: &TestApp, who: &Member, query: &str) -> Answer {
    app.call(Method::GET, &format!("/interviews?{query}"), &who.access, &Value::Null).await
}

async fn page(app: &TestApp, who: &Member, query: &str) -> Value {
    ask(app, who, query).await.assert_status(200).json()
}

/// Every page from the first to the last.
async fn pages(app: &TestApp, who: &Member, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let page = page(app, who, &format!("{query}{next}")).await;
        pages.push(ids(&page));
        match page["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return pages,
        }
    }
}

/// So many interviews of a recruiter that were all made in the same moment, the newest first.
async fn fill(app: &TestApp, owner: &Member, n: usize) -> Vec<String> {
    let sql = format!(
        "INSERT INTO interviews (id, candidate_name, candidate_email, position, duration_minutes, link_digest, \
            link_expires_at, session_id, owner_id) \
        SELECT gen_random_uuid(), 'Ada', 'ada@example.com', 'Analyst', 60, sha256(gen_random_uuid()::text::bytea), \
            now() + interval '1 day', gen_random_uuid(), '{}' FROM generate_series(1, {n}) RETURNING id::text",
        owner.id
    );
    let mut made: Vec<String> = query(&app.database, &sql).await.iter().map(|row| row.get(0)).collect();
    made.sort_unstable_by(|one, other| other.cmp(one));
    made
}

async fn set(app: &TestApp, id: &str, column: &str, value: &str) {
    query(&app.database, &format!("UPDATE interviews SET {column} = {value} WHERE id = '{id}'")).await;
}

async fn reissue(app: &TestApp, who: &Member, id: &str) -> Link {
    let path = format!("/interviews/{id}/reissue");
    link_of(&app.call(Method::POST, &path, &who.access, &Value::Null).await.assert_status(200).json())
}

async fn revoke(app: &TestApp, who: &Member, id: &str) {
    let path = format!("/interviews/{id}");
    app.call(Method::DELETE, &path, &who.access, &Value::Null).await.assert_status(204);
}

/// 422, which names this parameter alone.
#[track_caller]
fn assert_wrong(answer: Answer, parameter: &str) {
    let told = answer.assert_problem(422, "validation-failed").json();
    let errors = told["errors"].as_array().unwrap();
    assert!(errors.len() == 1 && errors[0]["field"] == parameter, "{parameter}: {told}");
}

#[tokio::test]
async fn a_page_has_20_unless_the_caller_says_otherwise() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 101).await;
    for (query, n) in
        [("", 20), ("Limit=3", 20), ("limit=1", 1), ("limit=%31%30", 10), ("limit=20", 20), ("limit=100", 100)]
    {
        let page = page(&app, &rita, query).await;
        assert_eq!(ids(&page), made[..n], "{query}");
        assert!(page["nextCursor"].is_string(), "{query}");
    }
    for limit in
        ["", "0", "101", "256", "-1", "1.5", "1e1", "ten", "%201", "1%00", "0x10", "18446744073709551617", "%ff"]
    {
        assert_wrong(ask(&app, &rita, &format!("limit={limit}")).await, "limit");
    }
    assert_eq!(pages(&app, &rita, "limit=100").await, [made[..100].to_vec(), made[100..].to_vec()]);
}

#[tokio::test]
async fn the_last_page_says_that_it_is_the_last() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    assert_eq!(page(&app, &rita, "").await, json!({"items": [], "nextCursor": null}));
    let made = fill(&app, &rita, 6).await;
    for limit in [1, 2, 3, 4, 5, 6, 7] {
        let expected: Vec<Vec<String>> = made.chunks(limit).map(<[String]>::to_vec).collect();
        assert_eq!(pages(&app, &rita, &format!("limit={limit}")).await, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_place_stays_where_it_is_whatever_is_made_before_it() {
    let app = Setup::new().nodes(2).start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 4).await;
    let first = page(&app, &rita, "limit=2").await;
    assert_eq!(ids(&first), made[..2]);
    let cursor = first["nextCursor"].as_str().unwrap();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");

    let (_, newest) = app.interview(&rita, "eve@example.com").await;
    // Neither what comes before it, nor its own end, moves it.
    revoke(&app, &rita, &made[1]).await;
    reissue(&app, &rita, &made[0]).await;
    let rest = format!("limit=2&cursor={cursor}");
    for node in &app.nodes {
        let path = format!("/interviews?{rest}");
        let page = node.call(&app, Method::GET, &path, &rita.access, &Value::Null).await.assert_status(200).json();
        assert_eq!((ids(&page), &page["nextCursor"]), (made[2..].to_vec(), &Value::Null));
    }
    query(&app.database, &format!("DELETE FROM interviews WHERE id = '{}'", made[1])).await;
    assert_eq!(ids(&page(&app, &rita, &rest).await), made[2..]);
    assert_eq!(ids(&page(&app, &rita, "").await)[..2], [newest.interview, made[0].clone()]);
}

#[tokio::test]
async fn a_cursor_of_somebody_else_shows_nothing_of_theirs() {
    let app = TestApp::start().await;
    let (rita, rolf) = (app.member_with("rita", "recruiter").await, app.member_with("rolf", "recruiter").await);
    let older = fill(&app, &rolf, 2).await;
    let ritas = fill(&app, &rita, 3).await;
    let newer = fill(&app, &rolf, 2).await;
    let cursor = |page: &Value| format!("cursor={}", page["nextCursor"].as_str().unwrap());

    let of_rita = cursor(&page(&app, &rita, "limit=1").await);
    let seen = page(&app, &rolf, &of_rita).await;
    assert_eq!((ids(&seen), &seen["nextCursor"]), (older.clone(), &Value::Null));
    let of_rolf = cursor(&page(&app, &rolf, "limit=1").await);
    assert_eq!(ids(&page(&app, &rita, &of_rolf).await), ritas);
    assert_eq!(ids(&page(&app, &rolf, "").await), [newer, older].concat());
}

#[tokio::test]
async fn what_is_no_cursor_is_refused() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    fill(&app, &rita, 2).await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    let first = page(&app, &rita, "limit=1").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let cut = &cursor[..cursor.len() - 1];
    for wrong in [
        "",
        "1",
        "null",
        cut,
        &format!("{cursor}A"),
        &format!("{cursor}="),
        &format!("{cut}%20"),
        &format!("{cut}!"),
        &format!("{cut}+"),
        "%ff",
        &link.interview,
        &URL_SAFE_NO_PAD.encode([0xff; 23]),
        // 8000 BC, before Postgres' calendar begins; and times that none has.
        &URL_SAFE_NO_PAD.encode([&(-314_000_000_000_000_000_i64).to_be_bytes()[..], &[0; 16]].concat()),
        &URL_SAFE_NO_PAD.encode([0x7f; 24]),
        &URL_SAFE_NO_PAD.encode([0x80; 24]),
        &"A".repeat(4_000),
    ] {
        assert_wrong(ask(&app, &rita, &format!("cursor={wrong}")).await, "cursor");
    }
    assert_wrong(ask(&app, &rita, &format!("cursor={cursor}&cursor={cursor}")).await, "cursor");
    // What reads as a place is one, though nobody was told it: 1970, and the year 2255.
    for (micros, n) in [(0_i64, 0), (1 << 53, 3)] {
        let place = [&micros.to_be_bytes()[..], &[0; 16]].concat();
        let place = format!("cursor={}", URL_SAFE_NO_PAD.encode(place));
        assert_eq!(ids(&page(&app, &rita, &place).await).len(), n);
    }
    // Escapes are read.
    let escaped: String = cursor.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(
        page(&app, &rita, &format!("cursor={escaped}")).await,
        page(&app, &rita, &format!("cursor={cursor}")).await
    );
}

#[tokio::test]
async fn what_nobody_asks_for_is_ignored_and_what_comes_twice_is_refused() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 3).await;
    for query in ["offset=2", "offset=1&offset=2", "&&=&=x", "a%00=%ff", "?limit=1"] {
        assert_eq!(ids(&page(&app, &rita, query).await), made, "{query}");
    }
    assert_eq!(ids(&page(&app, &rita, "more=1&limit=%32&state=%6fpen&more=2").await), made[..2]);
    for name in ["limit", "state", "cursor"] {
        for values in [("", ""), ("1", "1"), ("open", "open")] {
            assert_wrong(ask(&app, &rita, &format!("{name}={}&x=y&{name}={}", values.0, values.1)).await, name);
        }
    }
    for state in ["", "Open", "locked", "open,revoked", "open%20", "op%65", "*", "all", "'", "%ff"] {
        assert_wrong(ask(&app, &rita, &format!("state={state}")).await, "state");
    }
    assert_eq!(ids(&page(&app, &rita, "state=op%65n").await), made);
}

/// That each is in the one list that is its state's, where the list and the interview both say so.
async fn assert_states(app: &TestApp, rita: &Member, expected: &[(&str, &str)]) {
    for state in ["open", "started", "expired", "revoked"] {
        let page = page(app, rita, &format!("state={state}")).await;
        assert!(page["items"].as_array().unwrap().iter().all(|item| item["state"] == state), "{page}");
        let mut here: Vec<&str> = expected.iter().filter(|(_, its)| *its == state).map(|(id, _)| *id).collect();
        let mut found = ids(&page);
        here.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, here, "{state}");
    }
    for (id, state) in expected {
        assert_eq!(app.told(rita, id).await.assert_status(200).json()["state"], *state, "{id}");
    }
}

/// Lets a candidate in; Postgres knows it afterwards.
async fn start(app: &TestApp, rita: &Member, link: &Link) {
    let session = app.verify(link, &app.code(link).await).await.assert_status(200).text_of("sessionToken");
    app.begin(link, &session).await.assert_status(201);
    until("Postgres to know of the start", || async {
        ids(&page(app, rita, "state=started").await).contains(&link.interview).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_interview_is_in_the_list_of_its_state_and_in_no_other() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 3).await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    let [open, expired, revoked] = [0, 1, 2].map(|n| made[n].as_str());
    let started = link.interview.as_str();
    set(&app, expired, "link_expires_at", "now() - interval '1 second'").await;
    revoke(&app, &rita, revoked).await;
    start(&app, &rita, &link).await;
    let mut expected = [(open, "open"), (started, "started"), (expired, "expired"), (revoked, "revoked")];
    assert_states(&app, &rita, &expected).await;
    assert_eq!(ids(&page(&app, &rita, "").await).len(), 4);

    // Whoever was let in is in, though the link ends; but not after it is taken away.
    set(&app, started, "link_expires_at", "now() - interval '1 second'").await;
    assert_states(&app, &rita, &expected).await;
    for id in [started, expired] {
        revoke(&app, &rita, id).await;
    }
    (expected[1].1, expected[2].1) = ("revoked", "revoked");
    assert_states(&app, &rita, &expected).await;
    for id in [started, expired, revoked] {
        reissue(&app, &rita, id).await;
    }
    assert_states(&app, &rita, &expected.map(|(id, _)| (id, "open"))).await;
}

#[tokio::test]
async fn a_new_link_opens_what_has_expired_or_was_started() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (_, one) = app.interview(&rita, "ada@example.com").await;
    let (_, other) = app.interview(&rita, "bob@example.com").await;
    start(&app, &rita, &one).await;
    set(&app, &other.interview, "link_expires_at", "now() - interval '1 second'").await;
    assert_states(&app, &rita, &[(&one.interview, "started"), (&other.interview, "expired")]).await;
    let links = [reissue(&app, &rita, &one.interview).await, reissue(&app, &rita, &other.interview).await];
    assert_states(&app, &rita, &[(&one.interview, "open"), (&other.interview, "open")]).await;
    for link in links {
        start(&app, &rita, &link).await;
    }
}

#[tokio::test]
async fn a_start_that_postgres_has_not_heard_of_is_no_open_interview() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let (_, link) = app.interview(&rita, "ada@example.com").await;
    start(&app, &rita, &link).await;
    let told = app.told(&rita, &link.interview).await.json();
    set(&app, &link.interview, "started_at", "NULL").await;
    assert_eq!(page(&app, &rita, "state=open").await, json!({"items": [], "nextCursor": null}));
    let all = page(&app, &rita, "").await;
    assert_eq!((&all["items"][0]["state"], &all["items"][0]["startedAt"]), (&json!("started"), &told["startedAt"]));
}

#[tokio::test]
async fn a_state_is_listed_page_by_page_as_well() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 8).await;
    let (odd, even): (Vec<_>, Vec<_>) = made.iter().cloned().enumerate().partition(|(n, _)| n % 2 == 1);
    let [odd, even] = [odd, even].map(|half| half.into_iter().map(|(_, id)| id).collect::<Vec<String>>());
    for id in &odd {
        set(&app, id, "revoked_at", "now()").await;
    }
    for (state, half) in [("revoked", &odd), ("open", &even)] {
        for limit in [1, 2, 3, 4] {
            let expected: Vec<Vec<String>> = half.chunks(limit).map(<[String]>::to_vec).collect();
            assert_eq!(pages(&app, &rita, &format!("state={state}&limit={limit}")).await, expected, "{state} {limit}");
        }
    }
    // A place of one list is a place of every other.
    let cursor = page(&app, &rita, "state=revoked&limit=1").await["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(ids(&page(&app, &rita, &format!("state=open&cursor={cursor}")).await), even[1..]);
    assert_eq!(ids(&page(&app, &rita, &format!("cursor={cursor}")).await), made[2..]);
}

#[tokio::test]
async fn an_admins_list_goes_through_everybodys() {
    let app = TestApp::start().await;
    let [rita, rolf] = [app.member_with("rita", "recruiter").await, app.member_with("rolf", "recruiter").await];
    let anna = app.member_with("anna", "admin").await;
    let ritas = fill(&app, &rita, 2).await;
    let operators = app.invite("bob@example.com").await.interview;
    let rolfs = fill(&app, &rolf, 2).await;
    let annas = app.interview(&anna, "eve@example.com").await.1.interview;
    let all = [&[annas][..], &rolfs, &[operators], &ritas].concat();
    for limit in [1, 2, 4, 6] {
        let expected: Vec<Vec<String>> = all.chunks(limit).map(<[String]>::to_vec).collect();
        assert_eq!(pages(&app, &anna, &format!("limit={limit}")).await, expected);
    }
    revoke(&app, &rolf, &rolfs[0]).await;
    revoke(&app, &anna, &ritas[1]).await;
    assert_eq!(pages(&app, &anna, "state=revoked&limit=1").await, [[rolfs[0].clone()], [ritas[1].clone()]]);
    assert_eq!(ids(&page(&app, &rita, "state=revoked").await), ritas[1..]);
    assert_eq!(pages(&app, &rolf, "limit=2").await, [rolfs]);
}

#[tokio::test]
async fn no_page_looks_at_more_than_a_thousand_interviews() {
    let app = TestApp::start().await;
    let rita = app.member_with("rita", "recruiter").await;
    let made = fill(&app, &rita, 1_002).await;
    for oldest in &made[1_000..] {
        set(&app, oldest, "revoked_at", "now()").await;
    }
    let first = page(&app, &rita, "state=revoked&limit=1").await;
    assert_eq!(ids(&first), [""; 0]);
    let place = first["nextCursor"].as_str().expect("a list that goes on");
    let second = page(&app, &rita, &format!("state=revoked&limit=1&cursor={place}")).await;
    assert_eq!(ids(&second), made[1_000..1_001]);
    let place = second["nextCursor"].as_str().expect("a list that goes on");
    let last = page(&app, &rita, &format!("state=revoked&limit=1&cursor={place}")).await;
    assert_eq!((ids(&last), &last["nextCursor"]), (made[1_001..].to_vec(), &Value::Null));
}
