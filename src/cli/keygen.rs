//! `vestibule keygen`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, say};
use crate::random;

pub(super) fn print() -> Result<(), Failure> {
    say(format_args!("VESTIBULE_SECRETS__ROOT_KEYS={}", fresh("r")))?;
    say(format_args!("VESTIBULE_SECRETS__JWT_KEYS={}", fresh("j")))?;
    say(format_args!("VESTIBULE_SECRETS__PEPPER_KEYS={}", fresh("p")))?;
    eprintln!(
        "To rotate, append the new key on every node, then put it first; take the old one away when nothing of it lives.\n\
         A pepper lives as long as any password that was hashed with it."
    );
    Ok(())
}

/// A key of 32 bytes under an id that another run is unlikely to give: `r4f2a:...`.
pub(super) fn fresh(kind: &str) -> String {
    let [a, b] = random::bytes();
    format!("{kind}{a:02x}{b:02x}:{}", STANDARD.encode(random::bytes::<32>()))
}
