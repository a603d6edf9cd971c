//! The command line, as an operator uses it.

mod checks;
mod explain;
mod hash;
mod help;
mod invitations;
mod keygen;
mod starting;
mod users;

use std::process::Output;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}\n{}", stdout(output), stderr(output));
}

/// It ends so, and says this on standard error.
#[track_caller]
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    assert_code(output, code);
    let said = stderr(output);
    for words in words {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
}
