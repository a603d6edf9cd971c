//! What the API's document says of a forgotten password.

use utoipa::ToSchema;

use super::http::AskedBody;
use crate::http::Slug;
use crate::http::openapi::{Answer, Operation, Tag};

const TAG: Tag = Tag {
    name: "Forgotten passwords",
    says: "A link comes by mail, works for 15 minutes and once, and only the newest does. Asking changes nothing.",
};

/// Whose password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "tells what `forgot_password` reads member by member")]
struct ForgotPassword {
    #[schema(format = Email, max_length = 254, examples("ada@example.com"))]
    email: String,
}

pub(crate) fn forgot_password() -> Operation {
    Operation::new(TAG, "Ask for a link")
        .says("The same answer after the same time for every address, known or not.")
        .limited()
        .takes::<ForgotPassword>()
        .answers(Answer::json::<AskedBody>(202, "If there is such an account, a mail is on its way."))
        .refuses(&[Slug::RateLimited])
}

/// The proof, and the new password.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `reset_password` reads member by member")]
struct ResetPassword {
    /// Behind `#token=` of the link.
    #[schema(examples("AZ8h4fXrcYqTn0GmZ2Lw"))]
    token: String,
    /// As at sign-up. One that is refused does not spend the token.
    #[schema(format = Password, min_length = 6, max_length = 1024, examples("staple the battery to a horse"))]
    new_password: String,
}

pub(crate) fn reset_password() -> Operation {
    Operation::new(TAG, "Set a new password")
        .says("Every session ends, and a notice is mailed. It logs nobody in.")
        .limited()
        .takes::<ResetPassword>()
        .answers(Answer::empty(204, "The password is set."))
        .refuses(&[Slug::ResetTokenInvalid, Slug::RateLimited])
}
