//! The document as a page for people: the same operations, without a script, and with nothing
//! that a browser would have to load.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use utoipa::openapi::{RefOr, Schema};

use super::document::{SAYS, example_of};
use super::endpoints::describe;
use super::operation::{Answer, Body, Content, Credential, Operation, Shape, Tag};
use super::words::{Member, kind_of, marked, members_of, parameter};
use crate::http::Slug;
use crate::http::route::Endpoint;

/// All of the page's looks. The policy names its digest: no other style is used, and no script.
const STYLE: &str = include_str!("page.css");

#[derive(Template)]
#[template(path = "http/openapi/page.html")]
struct Page {
    style: &'static str,
    version: &'static str,
    says: Vec<String>,
    groups: Vec<Group>,
    types: Vec<Type>,
    slugs: &'static [Slug],
}

struct Group {
    tag: Tag,
    anchor: String,
    says: String,
    entries: Vec<Entry>,
}

/// One operation.
struct Entry {
    method: &'static str,
    path: &'static str,
    anchor: &'static str,
    summary: &'static str,
    says: String,
    needs: Vec<&'static str>,
    parameters: Vec<Member>,
    body: Option<Request>,
    answers: Vec<Line>,
    refusals: Vec<Slug>,
    limited: bool,
}

/// What a request carries.
struct Request {
    media_types: Vec<&'static str>,
    members: Vec<Member>,
    example: String,
}

/// An answer when all is well.
struct Line {
    status: u16,
    says: String,
    media_types: Vec<&'static str>,
    shape: Option<String>,
}

/// What answers are made of.
struct Type {
    name: String,
    says: String,
    kind: String,
    members: Vec<Member>,
}

/// The page.
pub(super) fn render() -> String {
    let (mut groups, mut types) = (Vec::<Group>::new(), Vec::<Type>::new());
    for endpoint in Endpoint::ALL {
        let operation = describe(*endpoint);
        for answer in &operation.answers {
            note_types(answer, &mut types);
        }
        let entry = Entry::of(*endpoint, &operation);
        match groups.iter_mut().find(|group| group.tag == operation.tag) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group::of(operation.tag, entry)),
        }
    }
    let says = SAYS.split("\n\n").map(marked).collect();
    let page = Page { style: STYLE, version: env!("CARGO_PKG_VERSION"), says, groups, types, slugs: Slug::ALL };
    page.render().expect("writing text into a String cannot fail")
}

/// What a browser may do with the page: nothing but show it.
pub(super) fn policy() -> String {
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

impl Group {
    fn of(tag: Tag, entry: Entry) -> Self {
        Self { tag, anchor: tag.name.to_lowercase().replace(' ', "-"), says: marked(tag.says), entries: vec![entry] }
    }
}

impl Entry {
    fn of(endpoint: Endpoint, operation: &Operation) -> Self {
        let needs = operation.credentials.iter().map(|credential| match credential {
            Credential::Bearer => "Authorization: Bearer <accessToken>",
            Credential::Session => "x-session-token: <sessionToken>",
            Credential::SessionBearer => "Authorization: Bearer <sessionToken>",
        });
        Self {
            method: endpoint.method(),
            path: endpoint.path(),
            anchor: endpoint.label(),
            summary: operation.summary,
            says: marked(operation.says),
            needs: needs.collect(),
            parameters: operation.parameters.iter().map(parameter).collect(),
            body: operation.body.as_ref().map(Request::of),
            answers: operation.answers.iter().map(Line::of).collect(),
            refusals: operation.refusals().into_iter().flat_map(|(_, slugs)| slugs).collect(),
            limited: operation.limited,
        }
    }
}

impl Request {
    fn of(body: &Body) -> Self {
        match body {
            Body::Json(shape) => {
                let schema = &shape.schemas[0].1;
                Self { media_types: vec!["application/json"], members: members_of(schema), example: example(schema) }
            }
            Body::File(media_types) => {
                let media_types = media_types.iter().copied().chain(["multipart/form-data"]);
                Self { media_types: media_types.collect(), members: Vec::new(), example: String::new() }
            }
        }
    }
}

impl Line {
    fn of(answer: &Answer) -> Self {
        let (media_types, shape) = match &answer.content {
            Content::Nothing => (Vec::new(), None),
            Content::Json(shape) => (vec!["application/json"], Some(shape.name.clone())),
            Content::Other(media_types, _) => (media_types.to_vec(), None),
        };
        Self { status: answer.status, says: marked(answer.says), media_types, shape }
    }
}

fn note_types(answer: &Answer, types: &mut Vec<Type>) {
    let Content::Json(Shape { schemas, .. }) = &answer.content else { return };
    for (name, schema) in schemas {
        if types.iter().all(|known| known.name != *name) {
            let says = match schema {
                RefOr::T(Schema::Object(object)) => marked(object.description.as_deref().unwrap_or_default()),
                _ => String::new(),
            };
            types.push(Type { name: name.clone(), says, kind: kind_of(schema), members: members_of(schema) });
        }
    }
}

/// A body, its members in the order in which people fill in a form.
fn example(schema: &RefOr<Schema>) -> String {
    let RefOr::T(Schema::Object(object)) = schema else { return String::new() };
    let lines =
        object.properties.iter().filter_map(|(name, member)| Some(format!("  {name:?}: {}", example_of(member)?)));
    format!("{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
}
