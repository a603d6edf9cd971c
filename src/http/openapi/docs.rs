//! What the document says of itself.

use utoipa::openapi::Object;

use super::{Answer, Operation, Tag, text};

const TAG: Tag = Tag { name: "This document", says: "The API tells what it is, and loads nothing from elsewhere." };

pub(super) fn document() -> Operation {
    Operation::new(TAG, "This API, for programs")
        .says("OpenAPI 3.1, made from the types and routes that run.")
        .answers(Answer::other(200, "The document.", &["application/json"], Object::new()))
        .alone()
}

pub(super) fn page() -> Operation {
    Operation::new(TAG, "This API, for people")
        .says("A page that runs no script.")
        .answers(
            Answer::other(200, "The page.", &["text/html; charset=utf-8"], text().build())
                .header("Content-Security-Policy", "Nothing but the page's own style, by its digest.")
                .header("Referrer-Policy", "`no-referrer`")
                .header("X-Content-Type-Options", "`nosniff`"),
        )
        .alone()
}
