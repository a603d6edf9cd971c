//! What the API's document says of interviews.

use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaFormat, Type};

use super::http::{InterviewBody, IssuedBody, ListBody};
use super::page::{LIMIT, LIMIT_MAX, State};
use crate::http::Slug;
use crate::http::openapi::{Answer, Credential, Operation, Tag, text};

const TAG: Tag = Tag {
    name: "Interviews",
    says: "For recruiters, who see their own, and for admins, who see all. An interview of somebody else is not found. \
        The join link is told when it is made, and never again: only its digest is kept.",
};

/// An interview to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `create` reads member by member")]
struct NewInterview {
    #[schema(min_length = 1, max_length = 200, examples("Ada Lovelace"))]
    candidate_name: String,
    /// Where the invitation and the codes go.
    #[schema(format = Email, max_length = 254, examples("ada@example.com"))]
    candidate_email: String,
    #[schema(min_length = 1, max_length = 200, examples("Analyst"))]
    position: String,
    #[schema(minimum = 1, maximum = 1440, examples(60))]
    duration_minutes: i32,
    /// How long the link works; a week, unless this server is told otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 8760, examples(48))]
    expires_in_hours: Option<i32>,
}

fn recruiters(summary: &'static str) -> Operation {
    Operation::new(TAG, summary).needs(&[Credential::Bearer]).refuses(&[Slug::Forbidden])
}

fn of_one(summary: &'static str) -> Operation {
    let id = text().format(Some(SchemaFormat::Custom("uuid".to_owned())));
    recruiters(summary).path("id", "Of the interview.", id.examples(["019f21e1-7c1e-7b3a-9d52-3f1c5a7e9b04"]).build())
}

pub(crate) fn create() -> Operation {
    recruiters("Invite a candidate")
        .says("Mails the link to the candidate. After a 503 look into the list: what could be was taken back.")
        .limited()
        .takes::<NewInterview>()
        .answers(
            Answer::json::<IssuedBody<'_>>(201, "The interview, and its link.")
                .header("Location", "The path of the interview."),
        )
        .refuses(&[Slug::RateLimited])
}

pub(crate) fn list() -> Operation {
    let cursor = text().pattern(Some("^[A-Za-z0-9_-]{32}$")).examples(["AAZgwf4mQVABnyHhfB57Op1SPxxafpsE"]).build();
    recruiters("List interviews")
        .says("The newest first. A page may hold fewer than `limit`; the list ends where `nextCursor` is null.")
        .query("state", "Those in this state.", text().enum_values(Some(State::ALL.map(State::name))).build())
        .query("limit", "How many on a page; 20 where nothing is said.", limit())
        .query("cursor", "The `nextCursor` of the page before.", cursor)
        .answers(Answer::json::<ListBody<'_>>(200, "A page."))
        .refuses(&[Slug::ValidationFailed])
}

fn limit() -> Object {
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(LIMIT_MAX));
    limit.default(Some(LIMIT.into())).build()
}

pub(crate) fn read() -> Operation {
    of_one("What became of an interview")
        .says(
            "What is told of mails, codes and locks is of the newest link, and kept until a day after its end; a link \
            that was revoked has no code and no lock. The rest is kept for good.",
        )
        .answers(Answer::json::<InterviewBody<'_>>(200, "The interview."))
}

pub(crate) fn reissue() -> Operation {
    of_one("Give it a new link")
        .says(
            "Mails the new link, which works as long as one of this server does by default; where the mail cannot be \
            queued, `invitationMail` is null. The old link, its code and its session are dead on every node when this \
            answers. After a 503 the old link may be dead already: do it again.",
        )
        .limited()
        .answers(Answer::json::<IssuedBody<'_>>(200, "The interview, and its new link."))
        .refuses(&[Slug::RateLimited])
}

pub(crate) fn revoke() -> Operation {
    of_one("Take the link away")
        .says("It, its code and its session are dead on every node when this answers. A second time changes nothing.")
        .answers(Answer::empty(204, "The link is dead."))
}
