//! What the scripts promise of themselves.

use vestibule::config::Config;
use vestibule::redis::ops;

use crate::support::app::Setup;
use crate::support::resp::Value;

/// A default of the configuration, as a script writes it.
fn in_lua(default: &str) -> String {
    let number = default.trim_end_matches(char::is_alphabetic);
    let unit_ms = match &default[number.len()..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 1,
    };
    (number.parse::<u64>().unwrap() * unit_ms).to_string()
}

#[test]
fn the_limits_that_scripts_know_are_the_default_ones() {
    let reference = Config::reference();
    for (script, source) in ops::listed() {
        let entries: Vec<&str> = source.split("['").skip(1).filter(|entry| entry.contains("'] = ")).collect();
        for entry in &entries {
            let (name, rest) = entry.split_once("'] = ").unwrap();
            let said: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let key = reference.iter().find(|key| key.name == name || key.name == format!("limits.{name}"));
            let default = key.unwrap_or_else(|| panic!("{script}: {name} is no key")).default.unwrap();
            assert_eq!(said, in_lua(default), "{script}: {name}");
        }
        let knows_limits = ["ops/inspect", "ops/top"].contains(&script);
        assert_eq!(entries.len() > 15, knows_limits, "{script}: {entries:?}");
    }
}

#[tokio::test]
async fn those_that_read_run_where_nothing_may_be_written() {
    let app = Setup::new().nodes(0).start().await;
    for (script, source) in ops::listed() {
        let key = match script {
            "ops/outbox" => "vb:mail:{00}",
            "ops/trail" => "vb:audit:{00}",
            _ => "vb:otp:{00}:00000000000000000000000000000000",
        };
        let keys = if script == "ops/top" { &["0"][..] } else { &["1", key] };
        let answer = app.resp().call(&[&["EVAL_RO", source], keys].concat());
        let refused = matches!(&answer, Value::Error(words) if words.contains("write flag"));
        assert_eq!(refused, script == "ops/unlock", "{script}: {answer:?}");
        assert!(refused || matches!(answer, Value::Array(_)), "{script}: {answer:?}");
    }
}
