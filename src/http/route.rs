//! Which endpoint a method and a path name. Pure: no server is needed to test it.

use hyper::Method;

use crate::id::Id;
use crate::link::LinkToken;

/// An endpoint of the public listener, with what its path holds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "a link is a link, an id an id")]
pub enum Route {
    /// GET /candidate-access/{token}/info
    CandidateInfo { link: LinkToken },
    /// POST /candidate-access/{token}/request-otp
    RequestOtp { link: LinkToken },
    /// POST /candidate-access/{token}/verify-otp
    VerifyOtp { link: LinkToken },
    /// POST /candidate-access/{token}/start
    Start { link: LinkToken },
    /// POST /auth/signup
    SignUp,
    /// POST /auth/login
    LogIn,
    /// POST /auth/refresh
    Refresh,
    /// POST /auth/logout
    LogOut,
    /// POST /auth/logout-all
    LogOutEverywhere,
    /// GET /auth/sessions
    Sessions,
    /// DELETE /auth/sessions/{id}
    EndSession { id: Id },
    /// GET /auth/me
    Me,
    /// POST /auth/change-password
    ChangePassword,
    /// POST /auth/forgot-password
    ForgotPassword,
    /// POST /auth/reset-password
    ResetPassword,
    /// GET /profile
    Profile,
    /// PATCH /profile
    ChangeProfile,
    /// PUT /profile/resume
    PutResume,
    /// GET /profile/resume
    Resume,
    /// DELETE /profile/resume
    DeleteResume,
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

/// Method and path of every endpoint, as the documentation writes them.
pub const ENDPOINTS: [(&str, &str); 20] = [
    ("GET", "/candidate-access/{token}/info"),
    ("POST", "/candidate-access/{token}/request-otp"),
    ("POST", "/candidate-access/{token}/verify-otp"),
    ("POST", "/candidate-access/{token}/start"),
    ("POST", "/auth/signup"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/logout-all"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions/{id}"),
    ("GET", "/auth/me"),
    ("POST", "/auth/change-password"),
    ("POST", "/auth/forgot-password"),
    ("POST", "/auth/reset-password"),
    ("GET", "/profile"),
    ("PATCH", "/profile"),
    ("PUT", "/profile/resume"),
    ("GET", "/profile/resume"),
    ("DELETE", "/profile/resume"),
];

impl Route {
    /// Its name in logs and metrics, which holds nothing of the path's values.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::CandidateInfo { .. } => "candidate_info",
            Self::RequestOtp { .. } => "request_otp",
            Self::VerifyOtp { .. } => "verify_otp",
            Self::Start { .. } => "start",
            Self::SignUp => "signup",
            Self::LogIn => "login",
            Self::Refresh => "refresh",
            Self::LogOut => "logout",
            Self::LogOutEverywhere => "logout_all",
            Self::Sessions => "sessions",
            Self::EndSession { .. } => "session_end",
            Self::Me => "me",
            Self::ChangePassword => "change_password",
            Self::ForgotPassword => "forgot_password",
            Self::ResetPassword => "reset_password",
            Self::Profile => "profile",
            Self::ChangeProfile => "profile_change",
            Self::PutResume => "resume_put",
            Self::Resume => "resume",
            Self::DeleteResume => "resume_delete",
        }
    }
}

/// Finds the endpoint. Paths are exact: no trailing or double slash, no dot segment, no
/// escape names anything. HEAD is GET without a body.
///
/// # Errors
/// Why there is none: the path is judged first, then the method.
pub fn find(method: &Method, path: &str) -> Result<Route, NoRoute> {
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
        _ => Err(NoRoute::Path),
    }
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

    #[test]
    fn every_endpoint_is_found_by_its_own_method_alone() {
        for (_, path) in ENDPOINTS {
            let takes: Vec<&str> =
                ENDPOINTS.iter().filter(|(_, same)| *same == path).map(|(method, _)| *method).collect();
            let path = path.replace("{token}", &LinkToken::fresh().expose()).replace("{id}", &Id::nonce().to_string());
            for other in
                [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
            {
                let right = takes.contains(&other.as_str()) || (other == Method::HEAD && takes.contains(&"GET"));
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
        let mut labels: Vec<&str> = ENDPOINTS
            .iter()
            .map(|(method, path)| {
                let path =
                    path.replace("{token}", &LinkToken::fresh().expose()).replace("{id}", &Id::nonce().to_string());
                find(&method.parse().unwrap(), &path).unwrap().label()
            })
            .collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), ENDPOINTS.len());
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
        ] {
            assert!(matches!(find(&Method::GET, path), Err(NoRoute::Path)), "{path}");
        }
    }
}
