//! Whom limits keep out, the busiest first.

use super::{assert_says, lock, noon, redis_cli, shell};
use crate::support::TestApp;
use crate::support::app::Setup;

#[track_caller]
fn top(app: &TestApp, arguments: &str) -> Vec<String> {
    let said = shell(&format!("{} --eval lua/ops/top.lua , {arguments}", redis_cli(app)));
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_busiest_are_told_whatever_their_slots() {
    let app = noon(Setup::new()).await;
    let link = app.invite("ada@example.com").await;
    lock(&app, &link).await;
    for (name, tries) in [("ada", 2), ("eve", 6), ("bob", 5)] {
        for nth in 0..tries {
            if nth == 5 {
                app.pass(60_000);
            }
            app.log_in(name, "wrong").await.assert_problem(401, "invalid-credentials");
        }
    }
    let said = top(&app, "0");
    assert!(said[0].starts_with("Looked at ") && said[0].ends_with(" keys; that was all."), "{said:#?}");
    let of_who = |line: &str| line.split_once(' ').unwrap().1.to_owned();
    let told: Vec<String> = said[1..].iter().map(|line| of_who(line)).collect();
    // A wait of 2 min, one of a minute that began when the clock stood there, and the lock of 10 min, of which one has passed.
    assert_says(&told, &["e***: wrong tries, 6 of 5: OUT for 120 s", "a link: lock, 1 of 1: OUT for 540 s"]);
    assert!(told.contains(&"b***: wrong tries, 5 of 5: OUT for 60 s".to_owned()), "{told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("a***: wrong")), "{told:#?}");
    assert!(said[1].starts_with("vb:login_account:{"), "{said:#?}");
    // Limits that are not the default ones are told to it.
    let told: Vec<String> = top(&app, "0 'login_account.max=2'")[1..].iter().map(|line| of_who(line)).collect();
    assert_says(
        &told,
        &["e***: wrong tries, 6 of 2: ...", "b***: wrong tries, 5 of 2: ...", "a***: wrong tries, 2 of 2"],
    );
}

#[tokio::test]
async fn one_call_looks_at_a_bounded_number_of_keys_and_says_where_to_go_on() {
    let app = Setup::new().nodes(0).start().await;
    // A tag of each: on a cluster, slots of all kinds.
    let fill = "#!lua\nfor i = 1, 3000 do redis.call('SET', KEYS[1] .. i, '', 'PX', '600000') end";
    for tag in ["{a}:", "{b}:"] {
        app.resp().call(&["EVAL", fill, "1", tag]);
    }
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), 0, 0);
    loop {
        let said = top(&app, &cursor);
        let words: Vec<&str> = said[0].split([' ', ';', '.']).collect();
        let looked: u64 = words[2].parse().unwrap();
        assert!(looked < 2_000 + 1_000, "{said:#?}");
        (seen, calls) = (seen + looked, calls + 1);
        match said[0].split_once("go on with cursor ") {
            Some((_, next)) => cursor = next.trim_end_matches('.').to_owned(),
            None => break,
        }
    }
    assert!(seen >= 6_000 && (3..=4).contains(&calls), "{seen} keys in {calls} calls");
}
