//! Every endpoint, with what its feature says of it.

use super::operation::Operation;
use crate::http::route::Endpoint;
use crate::users::Role;
use crate::{accounts, candidate, interviews, pages, profile, reset, sessions};

/// An endpoint that nobody describes does not compile.
pub(super) fn describe(endpoint: Endpoint) -> Operation {
    match endpoint {
        Endpoint::CandidateInfo => candidate::docs::info(),
        Endpoint::RequestOtp => candidate::docs::request_otp(),
        Endpoint::VerifyOtp => candidate::docs::verify_otp(),
        Endpoint::Start => candidate::docs::start(),
        Endpoint::SignUp => accounts::docs::sign_up(),
        Endpoint::LogIn => accounts::docs::log_in(),
        Endpoint::Refresh => sessions::docs::refresh(),
        Endpoint::LogOut => sessions::docs::log_out(),
        Endpoint::LogOutEverywhere => sessions::docs::log_out_everywhere(),
        Endpoint::Sessions => sessions::docs::list(),
        Endpoint::EndSession => sessions::docs::end(),
        Endpoint::Me => accounts::docs::me(),
        Endpoint::ChangePassword => accounts::docs::change_password(),
        Endpoint::ForgotPassword => reset::docs::forgot_password(),
        Endpoint::ResetPassword => reset::docs::reset_password(),
        Endpoint::Profile => profile::docs::profile(),
        Endpoint::ChangeProfile => profile::docs::change(),
        Endpoint::PutResume => profile::docs::put_resume(),
        Endpoint::Resume => profile::docs::resume(),
        Endpoint::DeleteResume => profile::docs::delete_resume(),
        Endpoint::CreateInterview => interviews::docs::create(),
        Endpoint::Interviews => interviews::docs::list(),
        Endpoint::Interview => interviews::docs::read(),
        Endpoint::ReissueInterview => interviews::docs::reissue(),
        Endpoint::RevokeInterview => interviews::docs::revoke(),
        Endpoint::AuthzUser => sessions::docs::authz(Role::Member),
        Endpoint::AuthzRecruiter => sessions::docs::authz(Role::Recruiter),
        Endpoint::AuthzAdmin => sessions::docs::authz(Role::Admin),
        Endpoint::AuthzCandidate => candidate::docs::authz(),
        Endpoint::OpenApi => super::docs::document(),
        Endpoint::Docs => super::docs::page(),
        Endpoint::JoinPage => pages::docs::join(),
        Endpoint::PreCheckPage => pages::docs::pre_check(),
        Endpoint::SignUpPage => pages::docs::sign_up(),
        Endpoint::LogInPage => pages::docs::log_in(),
        Endpoint::ForgotPasswordPage => pages::docs::forgot_password(),
        Endpoint::ResetPasswordPage => pages::docs::reset_password(),
        Endpoint::AccountPage => pages::docs::account(),
        Endpoint::Asset => pages::docs::asset(),
    }
}
