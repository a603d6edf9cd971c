//! Candidates' tokens.

use std::time::Duration;

use crate::config::NamedKey;
use crate::id::Id;
use crate::jwt::{self, Jwt};
use crate::{Entry, work};

#[path = "../../../src/candidate/session.rs"]
mod session;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry { name: "token.candidate-sign", prepare: || work(jwt(), sign) },
    Entry {
        name: "token.candidate-verify",
        prepare: || {
            let token = sign(&jwt());
            assert!(session::verify(&jwt(), &token).is_some(), "a good token is refused");
            work((jwt(), token), |(jwt, token)| session::verify(jwt, token))
        },
    },
];

fn jwt() -> Jwt {
    Jwt::new(&[NamedKey::example()], "https://interviews.example.com", Duration::from_secs(30))
}

fn sign(jwt: &Jwt) -> String {
    let interview = "01981c2e-7d4a-7c3e-9d0b-5a1f3c2b4e6d".to_owned();
    session::sign(jwt, interview, &Id::first_of(&[5; 16]), &Id::first_of(&[6; 16]), jwt::now(), 3_600)
}
