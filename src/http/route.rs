//! Which endpoint a method and a path name. Pure: no server is needed to test it.

use hyper::Method;
use uuid::Uuid;

use crate::id::Id;
use crate::link::LinkToken;
use crate::users::Role;

macro_rules! endpoints {
    ($($name:ident = $method:literal $path:literal, $label:literal;)*) => {
        /// An endpoint of the public listener, whatever its path holds.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Endpoint { $(#[doc = concat!($method, " ", $path)] $name,)* }

        impl Endpoint {
            /// Every one of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn row(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => ($method, $path, $label)),* }
            }
        }
    };
}

endpoints! {
    CandidateInfo = "GET" "/candidate-access/{token}/info", "candidate_info";
    RequestOtp = "POST" "/candidate-access/{token}/request-otp", "request_otp";
    VerifyOtp = "POST" "/candidate-access/{token}/verify-otp", "verify_otp";
    Start = "POST" "/candidate-access/{token}/start", "start";
    SignUp = "POST" "/auth/signup", "signup";
    LogIn = "POST" "/auth/login", "login";
    Refresh = "POST" "/auth/refresh", "refresh";
    LogOut = "POST" "/auth/logout", "logout";
    LogOutEverywhere = "POST" "/auth/logout-all", "logout_all";
    Sessions = "GET" "/auth/sessions", "sessions";
    EndSession = "DELETE" "/auth/sessions/{id}", "session_end";
    Me = "GET" "/auth/me", "me";
    ChangePassword = "POST" "/auth/change-password", "change_password";
    ForgotPassword = "POST" "/auth/forgot-password", "forgot_password";
    ResetPassword = "POST" "/auth/reset-password", "reset_password";
    Profile = "GET" "/profile", "profile";
    ChangeProfile = "PATCH" "/profile", "profile_change";
    PutResume = "PUT" "/profile/resume", "resume_put";
    Resume = "GET" "/profile/resume", "resume";
    DeleteResume = "DELETE" "/profile/resume", "resume_delete";
    CreateInterview = "POST" "/interviews", "interview_create";
    Interviews = "GET" "/interviews", "interviews";
    Interview = "GET" "/interviews/{id}", "interview";
    ReissueInterview = "POST" "/interviews/{id}/reissue", "interview_reissue";
    RevokeInterview = "DELETE" "/interviews/{id}", "interview_revoke";
    AuthzUser = "ANY" "/authz/user", "authz_user";
    AuthzRecruiter = "ANY" "/authz/recruiter", "authz_recruiter";
    AuthzAdmin = "ANY" "/authz/admin", "authz_admin";
    AuthzCandidate = "ANY" "/authz/candidate", "authz_candidate";
    OpenApi = "GET" "/openapi.json", "openapi";
    Docs = "GET" "/docs", "docs";
    JoinPage = "GET" "/interview/join/{token}", "page_join";
    PreCheckPage = "GET" "/interview/pre-check/{token}", "page_pre_check";
    SignUpPage = "GET" "/signup", "page_signup";
    LogInPage = "GET" "/login", "page_login";
    ForgotPasswordPage = "GET" "/forgot-password", "page_forgot_password";
    ResetPasswordPage = "GET" "/reset-password", "page_reset_password";
    AccountPage = "GET" "/account", "page_account";
    Asset = "GET" "/assets/{version}/{name}", "asset";
}

impl Endpoint {
    /// The method that it takes; HEAD goes with GET, and ANY stands for all, also those that nobody knows.
    #[must_use]
    pub fn method(self) -> &'static str {
        self.row().0
    }

    /// Its path, as the documentation writes it.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.row().1
    }

    /// Its name in logs and metrics, which holds nothing of the path's values.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.row().2
    }

    /// Whether it is for a proxy that asks about somebody else's request.
    #[must_use]
    pub fn is_authz(self) -> bool {
        matches!(self, Self::AuthzUser | Self::AuthzRecruiter | Self::AuthzAdmin | Self::AuthzCandidate)
    }
}

/// An endpoint, with what the path of a request holds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the endpoints; a link is a link, an id an id")]
pub enum Route {
    CandidateInfo {
        link: LinkToken,
    },
    RequestOtp {
        link: LinkToken,
    },
    VerifyOtp {
        link: LinkToken,
    },
    Start {
        link: LinkToken,
    },
    SignUp,
    LogIn,
    Refresh,
    LogOut,
    LogOutEverywhere,
    Sessions,
    EndSession {
        id: Id,
    },
    Me,
    ChangePassword,
    ForgotPassword,
    ResetPassword,
    Profile,
    ChangeProfile,
    PutResume,
    Resume,
    DeleteResume,
    CreateInterview,
    Interviews,
    Interview {
        id: Uuid,
    },
    ReissueInterview {
        id: Uuid,
    },
    RevokeInterview {
        id: Uuid,
    },
    AuthzUser {
        least: Role,
    },
    AuthzCandidate,
    OpenApi,
    Docs,
    JoinPage,
    PreCheckPage,
    /// One of these two, with a token that was never issued.
    GonePage {
        of: Endpoint,
    },
    SignUpPage,
    LogInPage,
    ForgotPasswordPage,
    ResetPasswordPage,
    AccountPage,
    Asset {
        version: String,
        name: String,
    },
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoRoute {
    /// No such path.
    Path,
    /// The path holds a token that was never issued.
    Link,
    /// The path takes these methods, as `Allow` tells them.
    Method(&'static str),
}

impl Route {
    /// Which it is.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::CandidateInfo { .. } => Endpoint::CandidateInfo,
            Self::RequestOtp { .. } => Endpoint::RequestOtp,
            Self::VerifyOtp { .. } => Endpoint::VerifyOtp,
            Self::Start { .. } => Endpoint::Start,
            Self::SignUp => Endpoint::SignUp,
            Self::LogIn => Endpoint::LogIn,
            Self::Refresh => Endpoint::Refresh,
            Self::LogOut => Endpoint::LogOut,
            Self::LogOutEverywhere => Endpoint::LogOutEverywhere,
            Self::Sessions => Endpoint::Sessions,
            Self::EndSession { .. } => Endpoint::EndSession,
            Self::Me => Endpoint::Me,
            Self::ChangePassword => Endpoint::ChangePassword,
            Self::ForgotPassword => Endpoint::ForgotPassword,
            Self::ResetPassword => Endpoint::ResetPassword,
            Self::Profile => Endpoint::Profile,
            Self::ChangeProfile => Endpoint::ChangeProfile,
            Self::PutResume => Endpoint::PutResume,
            Self::Resume => Endpoint::Resume,
            Self::DeleteResume => Endpoint::DeleteResume,
            Self::CreateInterview => Endpoint::CreateInterview,
            Self::Interviews => Endpoint::Interviews,
            Self::Interview { .. } => Endpoint::Interview,
            Self::ReissueInterview { .. } => Endpoint::ReissueInterview,
            Self::RevokeInterview { .. } => Endpoint::RevokeInterview,
            Self::AuthzUser { least: Role::Member } => Endpoint::AuthzUser,
            Self::AuthzUser { least: Role::Recruiter } => Endpoint::AuthzRecruiter,
            Self::AuthzUser { least: Role::Admin } => Endpoint::AuthzAdmin,
            Self::AuthzCandidate => Endpoint::AuthzCandidate,
            Self::OpenApi => Endpoint::OpenApi,
            Self::Docs => Endpoint::Docs,
            Self::JoinPage => Endpoint::JoinPage,
            Self::PreCheckPage => Endpoint::PreCheckPage,
            Self::GonePage { of } => *of,
            Self::SignUpPage => Endpoint::SignUpPage,
            Self::LogInPage => Endpoint::LogInPage,
            Self::ForgotPasswordPage => Endpoint::ForgotPasswordPage,
            Self::ResetPasswordPage => Endpoint::ResetPasswordPage,
            Self::AccountPage => Endpoint::AccountPage,
            Self::Asset { .. } => Endpoint::Asset,
        }
    }
}

/// Finds the endpoint. Paths are exact: no trailing or double slash, no dot segment, no
/// escape names anything. HEAD is GET without a body. Behind `/authz/*` there may be more, of
/// whatever kind: Envoy puts the path there that it asks about.
///
/// # Errors
/// Why there is none: the path is judged first, then the method.
pub fn find(method: &Method, path: &str) -> Result<Route, NoRoute> {
    if let Some(rest) = path.strip_prefix("/authz/") {
        return authz(rest);
    }
    let mut segments = [""; 5];
    let mut count = 0;
    for segment in path.split('/') {
        *segments.get_mut(count).ok_or(NoRoute::Path)? = segment;
        count += 1;
    }
    match segments[..count] {
        ["", "candidate-access", token, endpoint] => candidate(method, token, endpoint),
        ["", "auth", endpoint] => auth(method, endpoint),
        ["", "auth", "sessions", id] => {
            let id = Id::parse(id).ok_or(NoRoute::Path)?;
            only(method, &Method::DELETE, "DELETE", Route::EndSession { id })
        }
        ["", "profile"] => match *method {
            Method::GET | Method::HEAD => Ok(Route::Profile),
            Method::PATCH => Ok(Route::ChangeProfile),
            _ => Err(NoRoute::Method("GET, HEAD, PATCH")),
        },
        ["", "profile", "resume"] => match *method {
            Method::GET | Method::HEAD => Ok(Route::Resume),
            Method::PUT => Ok(Route::PutResume),
            Method::DELETE => Ok(Route::DeleteResume),
            _ => Err(NoRoute::Method("GET, HEAD, PUT, DELETE")),
        },
        ["", "interviews"] => match *method {
            Method::GET | Method::HEAD => Ok(Route::Interviews),
            Method::POST => Ok(Route::CreateInterview),
            _ => Err(NoRoute::Method("GET, HEAD, POST")),
        },
        ["", "interviews", id] => match (interview(id)?, method) {
            (id, &Method::GET | &Method::HEAD) => Ok(Route::Interview { id }),
            (id, &Method::DELETE) => Ok(Route::RevokeInterview { id }),
            _ => Err(NoRoute::Method("GET, HEAD, DELETE")),
        },
        ["", "interviews", id, "reissue"] => {
            let id = interview(id)?;
            post(method, Route::ReissueInterview { id })
        }
        ["", "openapi.json"] => get(method, Route::OpenApi),
        ["", "docs"] => get(method, Route::Docs),
        ["", "interview", "join", token] => get(method, page(token, Route::JoinPage)),
        ["", "interview", "pre-check", token] => get(method, page(token, Route::PreCheckPage)),
        ["", "signup"] => get(method, Route::SignUpPage),
        ["", "login"] => get(method, Route::LogInPage),
        ["", "forgot-password"] => get(method, Route::ForgotPasswordPage),
        ["", "reset-password"] => get(method, Route::ResetPasswordPage),
        ["", "account"] => get(method, Route::AccountPage),
        ["", "assets", version, name] if !version.is_empty() && !name.is_empty() => {
            get(method, Route::Asset { version: version.to_owned(), name: name.to_owned() })
        }
        _ => Err(NoRoute::Path),
    }
}

/// An id as we write it: other spellings of the same bits are other paths.
fn interview(text: &str) -> Result<Uuid, NoRoute> {
    let id = Uuid::parse_str(text).ok().filter(|id| id.to_string() == text);
    id.ok_or(NoRoute::Path)
}

/// A page, or the one that says that there is no such link. Whether the link lives, its script asks.
fn page(token: &str, found: Route) -> Route {
    if LinkToken::parse(token).is_some() { found } else { Route::GonePage { of: found.endpoint() } }
}

fn candidate(method: &Method, token: &str, endpoint: &str) -> Result<Route, NoRoute> {
    let link = || LinkToken::parse(token).ok_or(NoRoute::Link);
    match endpoint {
        "info" => get(method, ()).and_then(|()| Ok(Route::CandidateInfo { link: link()? })),
        "request-otp" => post(method, ()).and_then(|()| Ok(Route::RequestOtp { link: link()? })),
        "verify-otp" => post(method, ()).and_then(|()| Ok(Route::VerifyOtp { link: link()? })),
        "start" => post(method, ()).and_then(|()| Ok(Route::Start { link: link()? })),
        _ => Err(NoRoute::Path),
    }
}

fn auth(method: &Method, endpoint: &str) -> Result<Route, NoRoute> {
    match endpoint {
        "signup" => post(method, Route::SignUp),
        "login" => post(method, Route::LogIn),
        "refresh" => post(method, Route::Refresh),
        "logout" => post(method, Route::LogOut),
        "logout-all" => post(method, Route::LogOutEverywhere),
        "sessions" => get(method, Route::Sessions),
        "me" => get(method, Route::Me),
        "change-password" => post(method, Route::ChangePassword),
        "forgot-password" => post(method, Route::ForgotPassword),
        "reset-password" => post(method, Route::ResetPassword),
        _ => Err(NoRoute::Path),
    }
}

/// Roles stand in the path: a query may be the client's, which some proxies pass on.
fn authz(rest: &str) -> Result<Route, NoRoute> {
    match rest.split('/').next() {
        Some("user") => Ok(Route::AuthzUser { least: Role::Member }),
        Some("recruiter") => Ok(Route::AuthzUser { least: Role::Recruiter }),
        Some("admin") => Ok(Route::AuthzUser { least: Role::Admin }),
        Some("candidate") => Ok(Route::AuthzCandidate),
        _ => Err(NoRoute::Path),
    }
}

fn get<T>(method: &Method, found: T) -> Result<T, NoRoute> {
    let takes = method == Method::GET || method == Method::HEAD;
    if takes { Ok(found) } else { Err(NoRoute::Method("GET, HEAD")) }
}

fn post<T>(method: &Method, found: T) -> Result<T, NoRoute> {
    only(method, &Method::POST, "POST", found)
}

fn only<T>(method: &Method, takes: &Method, allow: &'static str, found: T) -> Result<T, NoRoute> {
    if method == takes { Ok(found) } else { Err(NoRoute::Method(allow)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of an endpoint, with values that its parts may have.
    fn example(endpoint: Endpoint) -> String {
        let id = match endpoint.path().starts_with("/interviews/") {
            true => Uuid::now_v7().to_string(),
            false => Id::nonce().to_string(),
        };
        endpoint
            .path()
            .replace("{token}", &LinkToken::fresh().expose())
            .replace("{id}", &id)
            .replace("{version}", "v")
            .replace("{name}", "style.css")
    }

    #[test]
    fn every_endpoint_is_found_by_its_own_method_alone() {
        for endpoint in Endpoint::ALL {
            let here = Endpoint::ALL.iter().filter(|same| same.path() == endpoint.path());
            let takes: Vec<&str> = here.map(|same| same.method()).collect();
            let path = example(*endpoint);
            assert_eq!(find(&endpoint.method().parse().unwrap(), &path).unwrap().endpoint(), *endpoint);
            for other in
                [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
            {
                let right = takes.contains(&other.as_str())
                    || takes.contains(&"ANY")
                    || (other == Method::HEAD && takes.contains(&"GET"));
                match find(&other, &path) {
                    Ok(_) => assert!(right, "{other} {path}"),
                    Err(NoRoute::Method(allow)) => {
                        assert!(!right && takes.iter().all(|method| allow.contains(method)), "{other} {path}: {allow}");
                    }
                    Err(missing) => panic!("{other} {path}: {missing:?}"),
                }
            }
        }
    }

    #[test]
    fn every_endpoint_has_a_label_of_its_own() {
        let mut labels: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Endpoint::ALL.len());
    }

    #[test]
    fn a_token_that_was_never_issued_is_no_link() {
        for token in ["", "abc", "..", &"%41".repeat(11)] {
            let path = format!("/candidate-access/{token}/info");
            assert!(matches!(find(&Method::GET, &path), Err(NoRoute::Link)), "{path}");
            assert!(matches!(find(&Method::PUT, &path), Err(NoRoute::Method(_))), "{path}");
        }
    }

    #[test]
    fn a_page_of_a_token_that_was_never_issued_says_so() {
        for (path, of) in [("join", Endpoint::JoinPage), ("pre-check", Endpoint::PreCheckPage)] {
            for token in ["abc", "..", &"%41".repeat(11)] {
                let found = find(&Method::GET, &format!("/interview/{path}/{token}"));
                assert!(matches!(found, Ok(Route::GonePage { of: page }) if page == of), "{path} {token}");
            }
        }
    }

    #[test]
    fn a_proxy_asks_by_any_method_and_may_add_the_path_it_asks_about() {
        let found = |path: &str| find(&Method::from_bytes(b"BREW").unwrap(), path).map(|route| route.endpoint());
        for (who, endpoint) in [
            ("user", Endpoint::AuthzUser),
            ("recruiter", Endpoint::AuthzRecruiter),
            ("admin", Endpoint::AuthzAdmin),
            ("candidate", Endpoint::AuthzCandidate),
        ] {
            for behind in ["", "/", "/rooms/7", "/user", "//a/../b/c/d/e/f/g/%2e/"] {
                assert_eq!(found(&format!("/authz/{who}{behind}")), Ok(endpoint), "{behind}");
            }
        }
        for path in ["/authz", "/authz/", "/authz//user", "/authz/users", "/authz/User", "/Authz/user", "//authz/user"]
        {
            assert_eq!(found(path), Err(NoRoute::Path), "{path}");
        }
    }

    #[test]
    fn paths_are_exact() {
        for path in [
            "",
            "/",
            "//",
            "*",
            "/candidate-access",
            "/candidate-access/abc",
            "/candidate-access/abc/info/",
            "/candidate-access//abc/info/x",
            "//candidate-access/abc/info",
            "/candidate-access/abc/x/../info",
            "/candidate-access/abc/info/more/and/more",
            "/Candidate-Access/abc/info",
            "/auth",
            "/auth/",
            "/auth/login/",
            "/auth/Login",
            "/auth/sessions/",
            "/auth/sessions/not-an-id",
            "/profile/",
            "/profile/resume/x",
            "/interviews/",
            "/interviews/019F21E1-0000-7000-8000-000000000000",
            "/interviews/019f21e1000070008000000000000000",
            "/interviews/019f21e1-0000-7000-8000-000000000000/",
            "/interviews/019f21e1-0000-7000-8000-000000000000/revoke",
            "/openapi",
            "/docs/",
            "/login/",
            "/account/",
            "/interview/join",
            "/interview/join/abc/",
            "/interview/Join/abc",
            "/assets",
            "/assets/v",
            "/assets//style.css",
            "/assets/v/",
            "/assets/v/x/style.css",
        ] {
            assert!(matches!(find(&Method::GET, path), Err(NoRoute::Path)), "{path}");
        }
    }
}
