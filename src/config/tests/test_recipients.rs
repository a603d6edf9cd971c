use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{TempFile, load_with, refused};

const DOMAIN: &str = "VESTIBULE_TEST_RECIPIENTS__DOMAIN";
const UNTIL: &str = "VESTIBULE_TEST_RECIPIENTS__UNTIL";
const KEY: &str = "VESTIBULE_TEST_RECIPIENTS__KEY";
/// Holds one of the telltales: it must not be shown.
const A_KEY: &str = "hunter2-hunter2-hunter2-hunter2-";

fn ahead(by: Duration) -> String {
    (OffsetDateTime::now_utc() + by).format(&Rfc3339).unwrap()
}

#[test]
fn there_are_none_unless_all_is_said_of_them() {
    assert!(load_with(None, &[]).unwrap().test_recipients.is_none());
    let until = ahead(Duration::HOUR);
    let all = [(DOMAIN, "load.test"), (UNTIL, until.as_str()), (KEY, A_KEY)];
    let config = load_with(None, &all).unwrap();
    assert!(!format!("{config:?}").contains("hunter2-"), "{config:?}");
    let tests = config.test_recipients.unwrap();
    assert_eq!((tests.domain.as_str(), tests.key.0.as_str()), ("load.test", A_KEY));
    assert_eq!(tests.until.format(&Rfc3339).unwrap(), until);

    for missing in 0..3 {
        let some: Vec<_> = all.iter().enumerate().filter(|(nth, _)| *nth != missing).map(|(_, pair)| *pair).collect();
        let text = refused(None, &some);
        let name = ["domain", "until", "key"][missing];
        assert!(text.starts_with(&format!("test_recipients.{name}: is nowhere set, and test_recipients.")), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    // One wrong, and one missing: two things to put right.
    assert_eq!(refused(None, &[(DOMAIN, "load.test"), (UNTIL, "soon")]).lines().count(), 2);
}

#[test]
fn they_end_within_a_day_and_one_that_has_ended_keeps_no_node_away() {
    let with = |until: &str| load_with(None, &[(DOMAIN, "load.test"), (UNTIL, until), (KEY, A_KEY)]);
    for by in [-Duration::WEEK, Duration::hours(23)] {
        assert!(with(&ahead(by)).unwrap().test_recipients.is_some(), "{by}");
    }
    for (until, what) in [
        (ahead(Duration::hours(25)), "is too far ahead"),
        ("2999-01-01T00:00:00Z".to_owned(), "is too far ahead"),
        ("tomorrow".to_owned(), "is not a moment"),
        ("2h".to_owned(), "is not a moment"),
    ] {
        let text = with(&until).unwrap_err().to_string();
        assert!(text.contains(what) && text.contains("within \"1d\" from now") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn their_domain_can_be_nobodys_and_their_key_is_long() {
    let until = ahead(Duration::HOUR);
    let with = |domain: &str, key: &str| {
        let env = [(DOMAIN, domain), (UNTIL, &until), (KEY, key)];
        load_with(None, &env).map(drop).map_err(|_| refused(None, &env))
    };
    for domain in ["load.test", "a.load-2.test"] {
        assert_eq!(with(domain, A_KEY), Ok(()), "{domain}");
    }
    for (domain, what) in [
        ("example.com", "may be somebody's"),
        ("test", "may be somebody's"),
        ("load.test.com", "may be somebody's"),
        ("load.test.", "may be somebody's"),
        (".test", "is not a domain"),
        ("a..test", "is not a domain"),
        ("Load.test", "is not a domain"),
        ("ada@load.test", "is not a domain"),
    ] {
        let text = with(domain, A_KEY).unwrap_err();
        assert!(text.contains(what) && text.lines().count() == 1, "{text}");
    }
    for key in [&A_KEY[1..], &A_KEY.repeat(9)] {
        let text = with("load.test", key).unwrap_err();
        assert!(text.contains("the value has not 32 to 256 characters") && text.lines().count() == 1, "{text}");
    }
    let file = TempFile::new(&format!("{A_KEY}\n"));
    let env = [(DOMAIN, "load.test"), (UNTIL, &until), ("VESTIBULE_TEST_RECIPIENTS__KEY_FILE", &file.path())];
    assert_eq!(*load_with(None, &env).unwrap().test_recipients.unwrap().key.0, A_KEY);
}
