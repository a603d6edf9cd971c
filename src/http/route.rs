//! Which endpoint a method and a path name. Pure: no server is needed to test it.

use hyper::Method;

use crate::link::LinkToken;

/// An endpoint of the public listener, with what its path holds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "a link is a link")]
pub enum Route {
    /// GET /candidate-access/{token}/info
    CandidateInfo { link: LinkToken },
    /// POST /candidate-access/{token}/request-otp
    RequestOtp { link: LinkToken },
    /// POST /candidate-access/{token}/verify-otp
    VerifyOtp { link: LinkToken },
    /// POST /candidate-access/{token}/start
    Start { link: LinkToken },
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
pub const ENDPOINTS: [(&str, &str); 4] = [
    ("GET", "/candidate-access/{token}/info"),
    ("POST", "/candidate-access/{token}/request-otp"),
    ("POST", "/candidate-access/{token}/verify-otp"),
    ("POST", "/candidate-access/{token}/start"),
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
        ["", "candidate-access", token, "info"] => get(method, token, |link| Route::CandidateInfo { link }),
        ["", "candidate-access", token, "request-otp"] => post(method, token, |link| Route::RequestOtp { link }),
        ["", "candidate-access", token, "verify-otp"] => post(method, token, |link| Route::VerifyOtp { link }),
        ["", "candidate-access", token, "start"] => post(method, token, |link| Route::Start { link }),
        _ => Err(NoRoute::Path),
    }
}

fn get(method: &Method, token: &str, route: fn(LinkToken) -> Route) -> Result<Route, NoRoute> {
    if method != Method::GET && method != Method::HEAD {
        return Err(NoRoute::Method("GET, HEAD"));
    }
    LinkToken::parse(token).map(route).ok_or(NoRoute::Link)
}

fn post(method: &Method, token: &str, route: fn(LinkToken) -> Route) -> Result<Route, NoRoute> {
    if method != Method::POST {
        return Err(NoRoute::Method("POST"));
    }
    LinkToken::parse(token).map(route).ok_or(NoRoute::Link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_by_its_own_method_alone() {
        for (method, path) in ENDPOINTS {
            let path = path.replace("{token}", &LinkToken::fresh().expose());
            for other in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                let right = other.as_str() == method || (other == Method::HEAD && method == "GET");
                let found = find(&other, &path);
                assert!(if right { found.is_ok() } else { matches!(found, Err(NoRoute::Method(_))) }, "{other} {path}");
            }
        }
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
        ] {
            assert!(matches!(find(&Method::GET, path), Err(NoRoute::Path)), "{path}");
        }
    }
}
