//! Members' tokens.

use std::time::Duration;

use crate::config::NamedKey;
use crate::id::Id;
use crate::jwt::Jwt;
use crate::users::UserId;
use crate::{Entry, work};

#[path = "../../../src/access/tokens.rs"]
mod tokens;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry {
        name: "token.access-sign",
        prepare: || work(jwt(), |jwt| tokens::sign(jwt, user(), &session(), Duration::from_secs(600))),
    },
    Entry {
        name: "token.access-verify",
        prepare: || {
            let token = tokens::sign(&jwt(), user(), &session(), Duration::from_secs(600));
            assert!(tokens::verify(&jwt(), &token).is_some(), "a good token is refused");
            work((jwt(), token), |(jwt, token)| tokens::verify(jwt, token))
        },
    },
];

fn jwt() -> Jwt {
    Jwt::new(&[NamedKey::example()], "https://interviews.example.com", Duration::from_secs(30))
}

fn user() -> UserId {
    UserId::from_bytes([5; 16])
}

fn session() -> Id {
    Id::first_of(&[6; 16])
}
