//! How the document tells refusals: one schema for each slug, one response for each set of
//! slugs that share a status somewhere.

use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::Header;
use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema};

use super::operation::text;
use crate::http::Slug;

/// What every problem has (RFC 9457).
pub(super) const PROBLEM: &str = "Problem";

/// Of errors, as of nothing else.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// The members that each problem has, whatever its slug.
pub(super) fn problem() -> Schema {
    let urn = text().pattern(Some("^urn:vestibule:problem:[a-z-]+$")).description(Some("What to switch on."));
    let status = integer().minimum(Some(400)).maximum(Some(599)).description(Some("As in the answer's first line."));
    ObjectBuilder::new()
        .description(Some("Why there is no other answer (RFC 9457)."))
        .property("type", urn)
        .required("type")
        .property("title", text().description(Some("The same for every problem of this type.")))
        .required("title")
        .property("status", status)
        .required("status")
        .property("detail", text().description(Some("What to do about it, for people.")))
        .required("detail")
        .build()
        .into()
}

/// The name of the schema of a slug.
pub(super) fn name_of(slug: Slug) -> String {
    format!("{slug:?}Problem")
}

/// A problem of this slug, with the members that are its own.
pub(super) fn schema_of(slug: Slug) -> Schema {
    let fixed = |value: Value| ObjectBuilder::new().schema_type(kind_of(&value)).enum_values(Some([value]));
    let mut own = ObjectBuilder::new()
        .property("type", fixed(slug.urn().into()))
        .property("status", fixed(slug.status().as_u16().into()));
    for (name, schema, always) in members(slug) {
        own = own.property(name, schema);
        if always {
            own = own.required(name);
        }
    }
    let all = AllOfBuilder::new().item(Ref::from_schema_name(PROBLEM)).item(own);
    Schema::AllOf(all.title(Some(slug.title())).build())
}

/// Members beside those that every problem has: name, schema, whether it is always there.
fn members(slug: Slug) -> Vec<(&'static str, RefOr<Schema>, bool)> {
    let wait = || integer().minimum(Some(1)).description(Some("Whole seconds until trying again makes sense.")).into();
    let left = |says| integer().minimum(Some(0)).description(Some(says)).into();
    let errors = || {
        let error = ObjectBuilder::new()
            .property("field", text().description(Some("The member of the body.")))
            .required("field")
            .property("message", text().description(Some("What would be right.")))
            .required("message");
        ArrayBuilder::new().items(error).min_items(Some(1)).into()
    };
    match slug {
        Slug::OtpCooldown => vec![
            ("retryAfter", wait(), true),
            ("attemptsRemaining", left("0, where this very try began the lock."), false),
        ],
        Slug::OtpIncorrect => {
            vec![("attemptsRemaining", left("Wrong codes that may follow before a lock, this one counted."), true)]
        }
        Slug::OtpSuperseded => {
            vec![("ref", text().description(Some("The mark of the mail with the newest code.")).into(), true)]
        }
        Slug::ValidationFailed | Slug::AlreadyTaken => vec![("errors", errors(), true)],
        slug if waits(slug) => vec![("retryAfter", wait(), true)],
        _ => Vec::new(),
    }
}

/// The name of the response that tells these slugs.
pub(super) fn response_name(slugs: &[Slug], limited: bool) -> String {
    let names: Vec<String> = slugs.iter().map(|slug| format!("{slug:?}")).collect();
    format!("{}{}", names.join("Or"), if limited { "Limited" } else { "" })
}

/// The response of slugs that share a status. They are one at least.
pub(super) fn response_of(slugs: &[Slug], limited: bool) -> Response {
    let titles: Vec<String> = slugs.iter().map(|slug| format!("`{}`: {}", slug.name(), slug.title())).collect();
    let schema: RefOr<Schema> = match slugs {
        [slug] => Ref::from_schema_name(name_of(*slug)).into(),
        slugs => slugs
            .iter()
            .fold(OneOfBuilder::new(), |one_of, slug| one_of.item(Ref::from_schema_name(name_of(*slug))))
            .into(),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response = ResponseBuilder::new().description(titles.join(". ")).content(PROBLEM_JSON, content);
    response = common_headers(response, limited);
    if slugs.iter().any(|slug| waits(*slug)) {
        response = response.header_ref("Retry-After", header_ref("Retry-After"));
    }
    if slugs.contains(&Slug::Unauthenticated) {
        let always = slugs.len() == 1;
        let says = "Which token is needed, and whether one was sent that does not work (RFC 6750).";
        response = response.header("WWW-Authenticate", header(text().build(), says, always));
    }
    response.build()
}

/// What every answer has, and every one of a limited operation.
pub(super) fn common_headers(mut response: ResponseBuilder, limited: bool) -> ResponseBuilder {
    response = response.header_ref("X-Request-Id", header_ref("X-Request-Id"));
    if limited {
        for name in ["RateLimit", "RateLimit-Policy"] {
            response = response.header_ref(name, header_ref(name));
        }
    }
    response
}

fn header_ref(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Headers that answers share, by name.
pub(super) fn headers() -> [(&'static str, Header); 4] {
    let id = text().pattern(Some("^[A-Za-z0-9._-]{8,128}$")).build();
    let seconds = integer().minimum(Some(1)).build();
    [
        ("X-Request-Id", header(id, "The caller's, if it is 8 to 128 of `A-Za-z0-9._-`, else a new one.", true)),
        ("Retry-After", header(seconds, "Whole seconds until trying again makes sense.", true)),
        ("RateLimit", header(text().build(), "Where the caller stands with the tightest limit (IETF draft).", false)),
        ("RateLimit-Policy", header(text().build(), "Every limit that applies (IETF draft).", false)),
    ]
}

/// The library knows no `required` of a header, and writes its extensions beside its own.
pub(super) fn header(schema: Object, says: &str, always: bool) -> Header {
    let required = Extensions::from_iter([("required", always)]);
    Header::builder().schema(Some(schema)).description(Some(says)).extensions(Some(required)).build()
}

/// Whether the refusal says when to try again.
fn waits(slug: Slug) -> bool {
    matches!(slug.status().as_u16(), 429 | 503)
}

fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

fn kind_of(value: &Value) -> Type {
    if value.is_number() { Type::Integer } else { Type::String }
}
