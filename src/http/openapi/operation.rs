//! What a feature says of one of its endpoints. What all of them have in common is added
//! here, and nowhere else.

use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::http::Slug;

/// A group of operations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
}

/// What a proxy asks, of every request to the platform behind it.
pub(crate) const PROXY: Tag = Tag {
    name: "For the proxy",
    says: "Forward authentication: 204 lets a request in and says whose it is, 401 and 403 do not, 503 is no answer. \
        A proxy that asks keeps these paths to itself, and takes `x-auth-*` headers of clients away.",
};

/// What proves who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Credential {
    /// A member's access token.
    Bearer,
    /// A candidate's session token.
    Session,
    /// The same, as a bearer token.
    SessionBearer,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Path,
    Query,
}

/// A part of the path, or of the query.
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) schema: Schema,
}

/// A type that bodies are made of: its own schema under its own name, and those that it names.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

/// What a request carries.
pub(super) enum Body {
    Json(Shape),
    /// A file as it is, of one of these media types; or as the part `file` of a form.
    File(&'static [&'static str]),
}

/// What an answer carries.
pub(super) enum Content {
    Nothing,
    Json(Shape),
    /// One of these media types.
    Other(&'static [&'static str], Box<Schema>),
}

/// An answer when all is well.
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) says: &'static str,
    pub(super) content: Content,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

/// One endpoint, as the document tells it.
pub(crate) struct Operation {
    pub(super) tag: Tag,
    pub(super) summary: &'static str,
    pub(super) says: &'static str,
    pub(super) credentials: &'static [Credential],
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) limited: bool,
    refusals: Vec<Slug>,
    alone: bool,
    for_proxy: bool,
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { name, schemas }
    }
}

impl Answer {
    /// With nothing behind it.
    pub(crate) fn empty(status: u16, says: &'static str) -> Self {
        Self { status, says, content: Content::Nothing, headers: Vec::new() }
    }

    /// With JSON.
    pub(crate) fn json<T: ToSchema>(status: u16, says: &'static str) -> Self {
        Self { status, says, content: Content::Json(Shape::of::<T>()), headers: Vec::new() }
    }

    /// With something else, of one of these media types.
    pub(crate) fn other(
        status: u16,
        says: &'static str,
        media_types: &'static [&'static str],
        schema: impl Into<Schema>,
    ) -> Self {
        Self { status, says, content: Content::Other(media_types, Box::new(schema.into())), headers: Vec::new() }
    }

    /// With a header of its own, which is always there.
    pub(crate) fn header(mut self, name: &'static str, says: &'static str) -> Self {
        self.headers.push((name, says));
        self
    }
}

impl Operation {
    /// One that takes nothing, needs nobody's leave and answers nothing yet.
    pub(crate) fn new(tag: Tag, summary: &'static str) -> Self {
        Self {
            tag,
            summary,
            says: "",
            credentials: &[],
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            limited: false,
            refusals: Vec::new(),
            alone: false,
            for_proxy: false,
        }
    }

    /// More than the summary.
    pub(crate) fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }

    /// Any one of these proves who asks.
    pub(crate) fn needs(mut self, credentials: &'static [Credential]) -> Self {
        self.credentials = credentials;
        self.refuses(&[Slug::Unauthenticated])
    }

    /// `{token}` of the path is the credential.
    pub(crate) fn needs_link(self) -> Self {
        self.names_link().refuses(&[Slug::LinkNotFound])
    }

    /// There is `{token}` in the path, and no problem about it.
    pub(crate) fn names_link(self) -> Self {
        /// As `LinkToken` writes them.
        const TOKEN: &str = "^[A-Za-z0-9_-]{32}$";
        let schema = text().pattern(Some(TOKEN)).examples(["7hQ2vXr9TnKcW4mZbYdLpA1sEfGjU0oi"]);
        let says = "The last part of the join link, out of the invitation.";
        self.part("token", says, schema.build().into())
    }

    /// A part of the path. What is none of its kind is not found.
    pub(crate) fn path(self, name: &'static str, says: &'static str, schema: impl Into<Schema>) -> Self {
        self.part(name, says, schema.into()).refuses(&[Slug::NotFound])
    }

    fn part(mut self, name: &'static str, says: &'static str, schema: Schema) -> Self {
        self.parameters.push(Parameter { place: Place::Path, name, says, schema });
        self
    }

    /// A parameter of the query, which may be missing.
    pub(crate) fn query(mut self, name: &'static str, says: &'static str, schema: impl Into<Schema>) -> Self {
        self.parameters.push(Parameter { place: Place::Query, name, says, schema: schema.into() });
        self
    }

    /// It counts requests, and says so in the headers of every answer.
    pub(crate) fn limited(mut self) -> Self {
        self.limited = true;
        self
    }

    /// It takes a JSON body.
    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(Body::Json(Shape::of::<T>()));
        self
    }

    /// It takes a file.
    pub(crate) fn takes_file(mut self, media_types: &'static [&'static str]) -> Self {
        self.body = Some(Body::File(media_types));
        self
    }

    /// When all is well.
    pub(crate) fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// Refusals of its own, beside those that follow from the rest.
    pub(crate) fn refuses(mut self, slugs: &[Slug]) -> Self {
        self.refusals.extend(slugs);
        self
    }

    /// It asks no dependency, and is never unavailable.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// It tells a proxy yes, no or not now, whatever goes wrong.
    pub(crate) fn for_proxy(mut self) -> Self {
        self.for_proxy = true;
        let ids = Answer::empty(204, "Let it in.")
            .header("x-auth-subject", "Id of the user, or of the interview.")
            .header("x-auth-session", "Id of the session; of a candidate, the `sessionId` of start.")
            .header("x-auth-role", "`member`, `recruiter`, `admin` or `candidate`.")
            .header("traceparent", "For the request that is let in: as it came, or of the trace that begins here.");
        self.answers(ids)
    }

    /// Every refusal by status, each with its slugs in the order of the table.
    pub(super) fn refusals(&self) -> Vec<(u16, Vec<Slug>)> {
        let of_bodies = [
            Slug::MalformedBody,
            Slug::RequestTimeout,
            Slug::BodyTooLarge,
            Slug::UnsupportedMediaType,
            Slug::ValidationFailed,
        ];
        let mut by_status: Vec<(u16, Vec<Slug>)> = Vec::new();
        for slug in Slug::ALL {
            let here = match slug {
                Slug::Internal => !self.for_proxy,
                Slug::Unavailable => !self.alone,
                slug if of_bodies.contains(slug) => self.body.is_some() || self.refusals.contains(slug),
                slug => self.refusals.contains(slug),
            };
            if !here {
                continue;
            }
            let status = slug.status().as_u16();
            match by_status.iter_mut().find(|(known, _)| *known == status) {
                Some((_, slugs)) => slugs.push(*slug),
                None => by_status.push((status, vec![*slug])),
            }
        }
        by_status.sort_by_key(|(status, _)| *status);
        by_status
    }
}

/// Text, to be told more of.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Bytes.
pub(crate) fn file() -> Object {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).build()
}
