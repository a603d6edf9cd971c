//! What the API's document says of the endpoints of sessions.

use utoipa::ToSchema;

use super::http::ListBody;
use crate::http::openapi::{Answer, Credential, Operation, PROXY, Tag, text};
use crate::http::{SessionBody, Slug};
use crate::users::Role;

const TAG: Tag = Tag {
    name: "Sessions",
    says: "A user's sessions, each on some device. What is ended is ended on every node with the next request.",
};

/// A token, for the next two.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `refresh` reads member by member")]
struct Refresh {
    /// Of the newest answer that opened or refreshed this session.
    #[schema(examples("AZ8h4fXrcYqTn0GmZ2Lw"))]
    refresh_token: String,
}

pub(crate) fn refresh() -> Operation {
    Operation::new(TAG, "Exchange the refresh token")
        .says(
            "Each works once. The one before the newest gets the same successor again for 10 s, for two tabs or a lost \
            answer; later, it ends the session, for somebody has stolen it.",
        )
        .takes::<Refresh>()
        .answers(Answer::json::<SessionBody<'_>>(200, "The session, with new tokens."))
        .refuses(&[Slug::RefreshInvalid])
}

pub(crate) fn log_out() -> Operation {
    Operation::new(TAG, "Log out").needs(&[Credential::Bearer]).answers(Answer::empty(204, "This session has ended."))
}

pub(crate) fn log_out_everywhere() -> Operation {
    Operation::new(TAG, "Log out everywhere")
        .needs(&[Credential::Bearer])
        .answers(Answer::empty(204, "Every session of the user has ended."))
}

pub(crate) fn list() -> Operation {
    Operation::new(TAG, "List my sessions")
        .needs(&[Credential::Bearer])
        .answers(Answer::json::<ListBody>(200, "All of them, the newest first."))
}

pub(crate) fn end() -> Operation {
    let id = text().pattern(Some("^[0-9a-f]{32}$")).examples(["0f8c2b7de94a4f31a6c05d7be1329c84"]).build();
    Operation::new(TAG, "End a session")
        .needs(&[Credential::Bearer])
        .path("id", "Out of the list.", id)
        .answers(Answer::empty(204, "That session has ended."))
}

pub(crate) fn authz(least: Role) -> Operation {
    let summary = match least {
        Role::Member => "May this user pass?",
        Role::Recruiter => "May this user pass, as a recruiter?",
        Role::Admin => "May this user pass, as an admin?",
    };
    Operation::new(PROXY, summary)
        .says(
            "By any method, without a body; a path may stand behind, and a query, which are not read. Asked of every \
            request: it costs one look at Redis, and is not limited. A higher role passes too.",
        )
        .needs(&[Credential::Bearer])
        .for_proxy()
        .refuses(if least == Role::Member { &[] } else { &[Slug::Forbidden] })
}
