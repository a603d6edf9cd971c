//! `vestibule hash --calibrate`: before anything is configured, and with what is.

use std::process::{Command, Output};

use vestibule::password::implementation;

use super::{assert_code, assert_refused, stdout};
use crate::support::app::vestibule;

/// A tiny cost, so that a series of hashes is short, too.
const TINY: [(&str, &str); 3] = [
    ("VESTIBULE_ACCOUNTS__HASH_MEMORY", "32"),
    ("VESTIBULE_ACCOUNTS__HASH_ITERATIONS", "1"),
    ("VESTIBULE_ACCOUNTS__HASH_THREADS", "2"),
];

fn calibrate(environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["hash", "--calibrate"]).env_clear().envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn it_measures_where_nothing_else_is_configured() {
    let output = calibrate(&TINY);
    assert_code(&output, 0);
    let said = stdout(&output);
    let rows: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let costs: Vec<_> = rows.iter().filter(|row| row.first().is_some_and(|cell| cell.parse::<u32>().is_ok())).collect();
    assert_eq!(
        costs.iter().map(|row| (row[0], row[1])).collect::<Vec<_>>(),
        [("16", "1"), ("32", "1"), ("32", "2"), ("64", "1"), ("128", "1")]
    );
    for row in costs {
        assert!(row[3].parse::<f64>().is_ok() && row[4].parse::<f64>().unwrap() > 0.0, "{said}");
        assert_eq!(row.get(5), (row[..2] == ["32", "1"]).then_some(&"configured"), "{said}");
    }
    assert!(
        said.contains(&format!("Argon2id ({}) on 2 of", implementation()))
            && said.contains("Recommendation: raise accounts.hash_memory"),
        "{said}"
    );
}

#[tokio::test]
async fn it_reads_its_section_and_leaves_the_others() {
    assert_code(&vestibule(&["hash", "--calibrate"], &TINY).await, 0);
    let wrong = [TINY[0], TINY[1], ("VESTIBULE_HTTP__LISTEN", "nowhere")];
    assert_code(&calibrate(&wrong), 0);
    let wrong = [("VESTIBULE_ACCOUNTS__HASH_MEMORY", "1"), ("VESTIBULE_ACCOUNTS__HASH_MEMROY", "64")];
    assert_refused(&calibrate(&wrong), 64, &["accounts.hash_memory: \"1\"", "did you mean"]);
    assert_refused(&vestibule(&["hash"], &TINY).await, 64, &["--calibrate", "Usage: vestibule hash"]);
}
