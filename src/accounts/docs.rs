//! What the API's document says of the endpoints of an account.

use utoipa::ToSchema;

use crate::http::openapi::{Answer, Credential, Operation, Tag};
use crate::http::{SessionBody, Slug, UserBody};

const TAG: Tag = Tag {
    name: "Accounts",
    says: "Sign up, log in, change the password. A session is an access token, which works for an hour by default and \
        only while its session lives, and a refresh token, which is exchanged for the next two.",
};

/// A new account.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `sign_up` reads member by member")]
struct SignUp {
    /// Unique without regard to case.
    #[schema(min_length = 3, max_length = 20, pattern = "^[A-Za-z0-9_]+$", examples("ada"))]
    username: String,
    /// Unique without regard to case.
    #[schema(format = Email, max_length = 254, examples("ada@example.com"))]
    email: String,
    /// Any Unicode, never trimmed; none of the most common ones, and not the name or address. Servers may ask for more
    /// characters.
    #[schema(format = Password, min_length = 6, max_length = 1024, examples("correct horse battery"))]
    password: String,
    #[schema(nullable = false, max_length = 100, examples("Ada Lovelace"))]
    full_name: Option<String>,
}

pub(crate) fn sign_up() -> Operation {
    Operation::new(TAG, "Sign up")
        .says("Makes an account and opens its first session. A form that is refused makes none, and counts for none.")
        .limited()
        .takes::<SignUp>()
        .answers(Answer::json::<SessionBody<'_>>(201, "The account's first session."))
        .refuses(&[Slug::AlreadyTaken, Slug::RateLimited])
}

/// Who, and the proof.
#[derive(ToSchema)]
#[expect(dead_code, reason = "tells what `log_in` reads member by member")]
struct LogIn {
    /// Username or e-mail address. `username` and `email` are taken as other names of this member.
    #[schema(examples("ada"))]
    login: String,
    #[schema(format = Password, examples("correct horse battery"))]
    password: String,
}

pub(crate) fn log_in() -> Operation {
    Operation::new(TAG, "Log in")
        .says(
            "The same answer after the same time for an unknown login and for a wrong password. The fifth wrong try \
            under a name starts a wait, which doubles with each further one.",
        )
        .limited()
        .takes::<LogIn>()
        .answers(Answer::json::<SessionBody<'_>>(200, "A new session."))
        .refuses(&[Slug::InvalidCredentials, Slug::TooManyAttempts])
}

pub(crate) fn me() -> Operation {
    Operation::new(TAG, "Who am I").needs(&[Credential::Bearer]).answers(Answer::json::<UserBody<'_>>(200, "The user."))
}

/// The old password, and the new one.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `change_password` reads member by member")]
struct ChangePassword {
    #[schema(format = Password, examples("correct horse battery"))]
    current_password: String,
    /// As at sign-up.
    #[schema(format = Password, min_length = 6, max_length = 1024, examples("staple the battery to a horse"))]
    new_password: String,
}

pub(crate) fn change_password() -> Operation {
    Operation::new(TAG, "Change the password")
        .says(
            "The other sessions end, links to reset the password stop working, and a notice is mailed. Wrong current \
            passwords count as wrong tries to log in.",
        )
        .needs(&[Credential::Bearer])
        .takes::<ChangePassword>()
        .answers(Answer::empty(204, "The password is changed."))
        .refuses(&[Slug::InvalidCredentials, Slug::TooManyAttempts])
}
