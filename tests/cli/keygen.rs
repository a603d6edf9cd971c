//! `vestibule keygen`.

use super::{assert_code, stdout};
use crate::support::app::vestibule;

#[tokio::test]
async fn keygen_prints_an_environment_that_differs_each_time() {
    let (one, two) = (vestibule(&["keygen"], &[]).await, vestibule(&["keygen"], &[]).await);
    assert_code(&one, 0);
    assert_ne!(stdout(&one), stdout(&two));
    let lines = stdout(&one);
    let environment: Vec<(&str, &str)> = lines.lines().map(|line| line.split_once('=').unwrap()).collect();
    let names: Vec<_> = environment.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["VESTIBULE_SECRETS__ROOT_KEYS", "VESTIBULE_SECRETS__JWT_KEYS", "VESTIBULE_SECRETS__PEPPER_KEYS"]
    );
    // They are taken: what fails is Redis, which is nowhere.
    let output = vestibule(&["explain", &"0".repeat(32)], &environment).await;
    assert_code(&output, 69);
}
