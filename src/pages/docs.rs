//! What the API's document says of the pages.

use crate::http::openapi::{Answer, Operation, Tag, text};

const TAG: Tag = Tag {
    name: "Pages",
    says: "For people, in a browser. They ask the endpoints above, load nothing from elsewhere, and are the same for \
        everybody: to fetch one changes nothing, spends nothing and asks no dependency.",
};

const HTML: &[&str] = &["text/html; charset=utf-8"];

fn page(summary: &'static str) -> Operation {
    let html = Answer::other(200, "The page.", HTML, text().build());
    Operation::new(TAG, summary).answers(guarded(html)).alone()
}

fn candidates(summary: &'static str) -> Operation {
    let gone = Answer::other(404, "A page that says what to do without a link.", HTML, text().build());
    page(summary).names_link().answers(guarded(gone))
}

fn guarded(answer: Answer) -> Answer {
    answer
        .header("Content-Security-Policy", "Nothing from elsewhere, nothing inline, no frame around it.")
        .header("Referrer-Policy", "`no-referrer`")
        .header("Permissions-Policy", "Camera and microphone for the pre-check alone.")
        .header("X-Content-Type-Options", "`nosniff`")
        .header("Vary", "`accept-encoding`")
}

pub(crate) fn join() -> Operation {
    candidates("A candidate asks for a code and types it")
        .says("Whether the link still works, its script asks. A token that cannot have been issued is 404 at once.")
}

pub(crate) fn pre_check() -> Operation {
    candidates("A candidate tries camera and microphone, and starts")
}

pub(crate) fn sign_up() -> Operation {
    page("Sign up")
}

pub(crate) fn log_in() -> Operation {
    page("Log in")
}

pub(crate) fn forgot_password() -> Operation {
    page("Ask for a link to reset a password")
}

pub(crate) fn reset_password() -> Operation {
    page("Set a new password").says("Its token stands behind `#token=`, which no server sees.")
}

pub(crate) fn account() -> Operation {
    page("A member's profile, resume and sessions")
}

pub(crate) fn asset() -> Operation {
    let media_types = &["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"];
    Operation::new(TAG, "What pages load")
        .says(
            "To be kept for ever: a path changes with what it names. Another release has other paths, and is 404 here.",
        )
        .path("version", "Names all assets of a release.", text().min_length(Some(1)))
        .path("name", "Of one of them.", text().examples(["style.css"]))
        .answers(
            Answer::other(200, "The asset.", media_types, text().build())
                .header("Vary", "`accept-encoding`")
                .header("Cache-Control", "`public, max-age=31536000, immutable`"),
        )
        .alone()
}
