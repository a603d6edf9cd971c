//! What tests of random stories share. They come from a fixed seed, so that a run can be repeated;
//! `VESTIBULE_TEST_SEED=<64 hex digits>` gives others.

use proptest::test_runner::{RngAlgorithm, TestRng};

use super::TestApp;

/// Dice from the seed that is given, or from the test's own.
pub(crate) fn dice(own: &str) -> TestRng {
    let given = std::env::vars().find_map(|(name, value)| (name == "VESTIBULE_TEST_SEED").then_some(value));
    let text = given.unwrap_or_else(|| own.to_owned());
    println!("VESTIBULE_TEST_SEED={text}");
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes.collect::<Vec<u8>>())
}

/// Leaves the keyspace to the next story.
pub(crate) fn forget(app: &TestApp) {
    let mut resp = app.resp();
    for key in resp.keys().iter().filter(|key| !key.ends_with(":meta")) {
        resp.call(&["DEL", key]);
    }
}
