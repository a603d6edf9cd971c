//! What a proxy is told that asks whether to let a request in: yes, no, or not now.

use std::fmt::Display;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};

use super::{Problem, Reply, Slug};
use crate::users::Role;

/// How the proxy asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// By the path of the endpoint: a query is the proxy's.
    Plainly,
    /// With the client's path behind it, as Envoy can only ask before 1.38: a query is the client's.
    WithPath,
    /// With a bare slash behind it: the client's path, or a slip of whoever set the proxy up.
    WithSlash,
}

/// Lets the request in, and says whose it is.
#[must_use]
pub fn pass(subject: &impl Display, session: &impl Display, role: &'static str) -> Reply {
    let id = |id: String| HeaderValue::from_str(&id).expect("ids are header text");
    Reply::empty(StatusCode::NO_CONTENT)
        .header(HeaderName::from_static("x-auth-subject"), id(subject.to_string()))
        .header(HeaderName::from_static("x-auth-session"), id(session.to_string()))
        .header(HeaderName::from_static("x-auth-role"), HeaderValue::from_static(role))
}

/// The least role that the proxy asks for by `role=recruiter`, if it asks for one.
///
/// # Errors
/// `forbidden` for any other query: a requirement that is misspelt is not one that everybody meets.
pub fn least_role(asked: Asked, query: Option<&str>) -> Result<Option<Role>, Problem> {
    let query = match asked {
        Asked::Plainly => query,
        Asked::WithPath => None,
        Asked::WithSlash => query.filter(|query| query.starts_with("role=")),
    };
    match (asked, query) {
        (Asked::WithSlash, Some(_)) => {
            Err(not_allowed().because("the proxy asks for a role behind a slash: take the slash away"))
        }
        (_, Some(query)) => {
            let role = query.strip_prefix("role=").and_then(Role::named);
            role.map(Some)
                .ok_or_else(|| not_allowed().because("the proxy asks for a role by a query that is not role=<name>"))
        }
        (_, None) => Ok(None),
    }
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
    fn only_a_role_that_there_is_can_be_asked_for() {
        for (query, role) in
            [("role=member", Role::Member), ("role=recruiter", Role::Recruiter), ("role=admin", Role::Admin)]
        {
            assert_eq!(least_role(Asked::Plainly, Some(query)).unwrap(), Some(role), "{query}");
        }
        for query in
            ["", "role", "role=", "role=Recruiter", "role=owner", "Role=admin", "roles=admin", "role=admin&role=member"]
                .into_iter()
                .chain(["x=y", "role=admin&x", "x&role=admin", "role=%61dmin", "role=recruiter/rooms/7", "role=admin "])
        {
            let refused = least_role(Asked::Plainly, Some(query)).unwrap_err();
            assert_eq!(refused.slug(), Slug::Forbidden, "{query}");
        }
        assert_eq!(least_role(Asked::Plainly, None).unwrap(), None);
        assert_eq!(least_role(Asked::WithPath, Some("role=nobody")).unwrap(), None);
        assert_eq!(least_role(Asked::WithSlash, Some("page=2")).unwrap(), None);
        assert!(least_role(Asked::WithSlash, Some("role=recruiter")).is_err());
    }

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
