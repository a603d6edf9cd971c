//! Pages and what they load.

use hyper::StatusCode;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::{File, assets};
use crate::http::{Call, Problem, Reply, Slug};

/// Nothing from elsewhere, nothing inline, no text that becomes markup or code, no frame around it, and no form that
/// the browser would send by itself: before the script runs, a password would go into a request that nobody reads.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; \
     frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Of what a page might ask the browser for, the pre-check needs these.
const WITH_DEVICES: &str = "camera=(self), microphone=(self), geolocation=()";
const WITHOUT_DEVICES: &str = "camera=(), microphone=(), geolocation=()";

/// GET of a page.
pub(crate) fn page(file: &File, call: &Call) -> Reply {
    shown(file, call, WITHOUT_DEVICES)
}

/// GET /interview/pre-check/{token}
pub(crate) fn page_with_devices(file: &File, call: &Call) -> Reply {
    shown(file, call, WITH_DEVICES)
}

/// What a person sees where there is nothing: no such link, or no such page.
pub(crate) fn nowhere(file: &File, call: &Call) -> Reply {
    page(file, call).status(StatusCode::NOT_FOUND)
}

/// GET /assets/{version}/{name}
pub(crate) fn asset(version: &str, name: &str, call: &Call) -> Result<Reply, Problem> {
    let file = assets::find(version, name).ok_or(Slug::NotFound)?;
    // RFC 8246: its address changes with it.
    Ok(sent(file, call).header(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")))
}

fn shown(file: &File, call: &Call, permissions: &'static str) -> Reply {
    sent(file, call)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        // The address of a candidate's page is a secret.
        .header(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .header(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(permissions))
        .header(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"))
        // For browsers that do not know frame-ancestors.
        .header(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}

fn sent(file: &File, call: &Call) -> Reply {
    let reply = match takes_gzip(call) {
        false => Reply::fixed(file.media_type, file.plain.clone()),
        true => Reply::fixed(file.media_type, file.gzip()).header(CONTENT_ENCODING, HeaderValue::from_static("gzip")),
    };
    reply
        .header(VARY, HeaderValue::from_static("accept-encoding"))
        .header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .header(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"))
}

/// RFC 9110, 12.5.3. What is not plainly asked for is not sent: every browser names it.
fn takes_gzip(call: &Call) -> bool {
    let accepted = call.header(ACCEPT_ENCODING.as_str()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}
