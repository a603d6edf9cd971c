//! The document itself, put together out of what the endpoints say.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{Components, ObjectBuilder};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::Server;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema,
};

use super::endpoints::describe;
use super::operation::{Answer, Body, Content, Credential, Operation, Parameter, Place, Tag, file, text};
use super::refusals::{
    PROBLEM, common_headers, header, headers, name_of, problem, response_name, response_of, schema_of,
};
use crate::http::Slug;
use crate::http::route::Endpoint;

/// What stands above all operations.
pub(super) const SAYS: &str = "Recruiters invite; members sign up, log in, reset a password and keep a profile; candidates open the link of an \
    invitation, prove with a one-time code that the mailbox is theirs, and are let in.\n\n\
    JSON is UTF-8 with keys in camelCase; times are RFC 3339 in UTC, durations whole seconds. A body may have 32 KiB \
    where nothing else is said. Members that are not known are ignored; one that comes twice is refused. `HEAD` goes \
    where `GET` does. Every answer carries `Cache-Control: no-store`. A head that cannot be read is answered with 400, \
    414 or 431 and no body.\n\n\
    Errors are `application/problem+json` (RFC 9457): switch on `type`, show `detail`.";

/// The whole document.
pub(super) fn build() -> OpenApi {
    let mut parts = Parts::default();
    let mut paths = PathsBuilder::new();
    let mut tags: Vec<Tag> = Vec::new();
    for endpoint in Endpoint::ALL {
        let operation = describe(*endpoint);
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
        let item = PathItem::new(method_of(*endpoint), parts.operation(*endpoint, &operation));
        paths = paths.path(endpoint.path(), item);
    }
    let license = License::new(env!("CARGO_PKG_LICENSE"));
    let info = InfoBuilder::new()
        .title("Vestibule")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(SAYS))
        .license(Some(license));
    let tags = tags.iter().map(|tag| TagBuilder::new().name(tag.name).description(Some(tag.says)).build());
    OpenApiBuilder::new()
        .info(info.build())
        // Wherever the document was read: a node does not know all its names.
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(parts.components()))
        .tags(Some(tags))
        .build()
}

fn method_of(endpoint: Endpoint) -> HttpMethod {
    match endpoint.method() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// What operations share.
#[derive(Default)]
struct Parts {
    schemas: BTreeMap<String, RefOr<Schema>>,
    responses: BTreeMap<String, RefOr<Response>>,
}

impl Parts {
    fn operation(&mut self, endpoint: Endpoint, operation: &Operation) -> OperationBuilder {
        let mut built = OperationBuilder::new()
            .tag(operation.tag.name)
            .summary(Some(operation.summary))
            .description(Some(operation.says).filter(|says| !says.is_empty()))
            .operation_id(Some(endpoint.label()))
            .request_body(operation.body.as_ref().map(|body| self.body(body)));
        for parameter in &operation.parameters {
            built = built.parameter(parameter_of(parameter));
        }
        let needs =
            operation.credentials.iter().map(|credential| SecurityRequirement::new(scheme(*credential).0, [""; 0]));
        built = built.securities(Some(needs));
        for answer in &operation.answers {
            built = built.response(answer.status.to_string(), self.answer(answer, operation.limited));
        }
        for (status, slugs) in operation.refusals() {
            built = built.response(status.to_string(), self.refusal(&slugs, operation.limited));
        }
        built
    }

    fn body(&mut self, body: &Body) -> RequestBody {
        let request = RequestBodyBuilder::new().required(Some(Required::True));
        match body {
            Body::Json(shape) => {
                self.schemas.extend(shape.schemas.iter().cloned());
                let schema = Ref::from_schema_name(&shape.name);
                let content = ContentBuilder::new().schema(Some(schema)).example(example(&shape.schemas[0].1));
                request.content("application/json", content.build()).build()
            }
            Body::File(media_types) => {
                let form = ObjectBuilder::new().property("file", file()).required("file");
                let form = ContentBuilder::new().schema(Some(form)).build();
                let raw = || ContentBuilder::new().schema(Some(file())).build();
                let request =
                    media_types.iter().fold(request, |request, media_type| request.content(*media_type, raw()));
                request.content("multipart/form-data", form).build()
            }
        }
    }

    fn answer(&mut self, answer: &Answer, limited: bool) -> Response {
        let mut response = common_headers(ResponseBuilder::new().description(answer.says), limited);
        for (name, says) in &answer.headers {
            response = response.header(*name, header(text().build(), says, true));
        }
        match &answer.content {
            Content::Nothing => {}
            Content::Json(shape) => {
                self.schemas.extend(shape.schemas.iter().cloned());
                let schema = ContentBuilder::new().schema(Some(Ref::from_schema_name(&shape.name)));
                response = response.content("application/json", schema.build());
            }
            Content::Other(media_types, schema) => {
                for media_type in *media_types {
                    let schema = ContentBuilder::new().schema(Some((**schema).clone()));
                    response = response.content(*media_type, schema.build());
                }
            }
        }
        response.build()
    }

    fn refusal(&mut self, slugs: &[Slug], limited: bool) -> Ref {
        let name = response_name(slugs, limited);
        self.schemas.extend(slugs.iter().map(|slug| (name_of(*slug), schema_of(*slug).into())));
        let reference = Ref::from_response_name(&name);
        self.responses.entry(name).or_insert_with(|| response_of(slugs, limited).into());
        reference
    }

    fn components(mut self) -> Components {
        self.schemas.insert(PROBLEM.to_owned(), problem().into());
        let mut components = Components::new();
        components.schemas = self.schemas;
        components.responses = self.responses;
        components.headers = headers().into_iter().map(|(name, header)| (name.to_owned(), header.into())).collect();
        for credential in [Credential::Bearer, Credential::Session, Credential::SessionBearer] {
            let (name, scheme) = scheme(credential);
            components.add_security_scheme(name, scheme);
        }
        components
    }
}

fn scheme(credential: Credential) -> (&'static str, SecurityScheme) {
    match credential {
        Credential::Bearer => {
            let says = "The `accessToken` of a session. It works while its session lives.";
            let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(says));
            ("accessToken", SecurityScheme::Http(http.build()))
        }
        Credential::SessionBearer => {
            let says = "The `sessionToken` of a candidate, where a proxy has it as a bearer token.";
            let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(says));
            ("sessionBearer", SecurityScheme::Http(http.build()))
        }
        Credential::Session => {
            let says = "The `sessionToken` that a right code is answered with.";
            let key = ApiKeyValue::with_description("x-session-token", says);
            ("sessionToken", SecurityScheme::ApiKey(ApiKey::Header(key)))
        }
    }
}

fn parameter_of(parameter: &Parameter) -> ParameterBuilder {
    let (place, required) = match parameter.place {
        Place::Path => (ParameterIn::Path, Required::True),
        Place::Query => (ParameterIn::Query, Required::False),
    };
    ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(place)
        .required(required)
        .description(Some(parameter.says))
        .schema(Some(parameter.schema.clone()))
}

/// A body made of the examples of its members.
fn example(schema: &RefOr<Schema>) -> Option<Value> {
    let RefOr::T(Schema::Object(object)) = schema else { return None };
    let members = object.properties.iter().filter_map(|(name, member)| Some((name.clone(), example_of(member)?)));
    Some(json!(members.collect::<Map<_, _>>()))
}

/// The first example of a member.
pub(super) fn example_of(member: &RefOr<Schema>) -> Option<Value> {
    match member {
        RefOr::T(Schema::Object(object)) => object.examples.first().cloned(),
        RefOr::T(Schema::Array(array)) => array.examples.first().cloned(),
        _ => None,
    }
}
