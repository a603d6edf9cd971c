//! What the API's document says of a candidate's endpoints.

use utoipa::ToSchema;

use super::http::{InfoBody, RequestedBody, StartedBody, VerifiedBody};
use crate::http::Slug;
use crate::http::openapi::{Answer, Credential, Operation, PROXY, Tag};

const TAG: Tag = Tag {
    name: "Candidates",
    says: "The way in with the link of an invitation: ask for a code, type it, start. There is no account; the link \
        is the credential. A link that expired, was revoked, was reissued over or never was is the same 404.",
};

pub(crate) fn info() -> Operation {
    Operation::new(TAG, "What the link opens, and what may be done now")
        .says("Changes nothing. A page that is reloaded, or opened on another device, shows the right state by it.")
        .needs_link()
        .limited()
        .answers(Answer::json::<InfoBody<'_>>(200, "Whose interview, and what may be done now."))
        .refuses(&[Slug::RateLimited])
}

pub(crate) fn request_otp() -> Operation {
    Operation::new(TAG, "Send a fresh code by mail")
        .says(
            "The code before it stops working; wrong codes that were typed stay counted. Where several refusals \
            apply: cooldown, then window, then resend. A refused request does not count.",
        )
        .needs_link()
        .limited()
        .answers(Answer::json::<RequestedBody>(202, "A code is on its way."))
        .refuses(&[Slug::RateLimited, Slug::OtpResendTooSoon, Slug::OtpRequestLimit, Slug::OtpCooldown])
}

/// A code, typed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "tells what `verify_otp` reads member by member")]
struct VerifyOtp {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$", examples("123456"))]
    otp: String,
}

pub(crate) fn verify_otp() -> Operation {
    Operation::new(TAG, "Spend the code for a session")
        .says(
            "Of any number of simultaneous requests with the right code exactly one succeeds. The third wrong code \
            destroys the code and starts a lock, which doubles each time. What is not six digits costs no attempt.",
        )
        .needs_link()
        .limited()
        .takes::<VerifyOtp>()
        .answers(Answer::json::<VerifiedBody>(200, "The code is used up; this is the session."))
        .refuses(&[Slug::RateLimited, Slug::OtpCooldown, Slug::OtpIncorrect, Slug::OtpSuperseded, Slug::OtpExpired])
}

pub(crate) fn start() -> Operation {
    Operation::new(TAG, "Enter the interview")
        .says("A candidate whose connection broke starts again, and is back in the same interview.")
        .needs_link()
        .needs(&[Credential::Session])
        .limited()
        .answers(Answer::json::<StartedBody>(201, "The interview has begun."))
        .answers(Answer::json::<StartedBody>(200, "It had begun already: the same interview."))
        .refuses(&[Slug::RateLimited, Slug::Forbidden])
}

pub(crate) fn authz() -> Operation {
    Operation::new(PROXY, "May this candidate pass?")
        .says("As for users. The bearer token, a session token too, is read where there is no `x-session-token`.")
        .needs(&[Credential::Session, Credential::SessionBearer])
        .for_proxy()
}
