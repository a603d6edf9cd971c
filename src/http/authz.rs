//! What a proxy is told that asks whether to let a request in: yes, no, or not now.

use std::fmt::Display;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};

use super::{Problem, Reply, Slug};

/// Lets the request in, and says whose it is.
#[must_use]
pub fn pass(subject: &impl Display, session: &impl Display, role: &'static str) -> Reply {
    let id = |id: String| HeaderValue::from_str(&id).expect("ids are header text");
    Reply::empty(StatusCode::NO_CONTENT)
        .header(HeaderName::from_static("x-auth-subject"), id(subject.to_string()))
        .header(HeaderName::from_static("x-auth-session"), id(session.to_string()))
        .header(HeaderName::from_static("x-auth-role"), HeaderValue::from_static(role))
}

/// Not with this role.
#[must_use]
pub fn not_allowed() -> Problem {
    Problem::new(Slug::Forbidden, "You are logged in, and may not do this.")
}

/// Makes a no of a refusal, and "not now" of whatever else went wrong. Of any other status nginx makes 500.
pub(super) fn no_or_not_now(problem: Problem) -> Problem {
    match problem.slug() {
        Slug::Unauthenticated | Slug::Forbidden | Slug::Unavailable => problem,
        other => Problem::unavailable(problem.cause().unwrap_or(other.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_told_no_or_not_now() {
        for slug in Slug::ALL {
            let told = no_or_not_now(Problem::from(*slug));
            assert!(matches!(told.slug().status().as_u16(), 401 | 403 | 503), "{slug:?}");
            let kept = matches!(slug, Slug::Unauthenticated | Slug::Forbidden | Slug::Unavailable);
            assert_eq!(told.slug() == *slug, kept, "{slug:?}");
        }
        let bug = no_or_not_now(Problem::from(Slug::Internal).because("the handler panicked"));
        assert_eq!((bug.slug(), bug.cause()), (Slug::Unavailable, Some("the handler panicked")));
    }
}
