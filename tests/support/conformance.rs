//! Every answer of the public listener is held against the document that the service gives of
//! itself: its status, its headers, its media type, its body.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use hyper::Method;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::http::Answer;

/// As it is served.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(vestibule::http::openapi_json()).unwrap());

/// Its schemas, which admit no member that is not written in whatever they are made of. They
/// stay open themselves, for some are parts of larger ones: who refers to one closes it.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    schemas.as_object_mut().unwrap().values_mut().for_each(within);
    schemas
});

/// Compiled, by the JSON pointer of the response.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Panics where an answer is none that the document tells.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let Some((template, operation)) = operation(method, path) else { return };
    let what = format!("{method} {template} answers, and the document does not tell: {}", answer.text());
    let status = answer.status.to_string();
    let response = resolve(&operation["responses"][&status]);
    assert!(response.is_object(), "the status. {what}");
    headers(response, answer, &what);

    let content = response["content"].as_object();
    let Some(media_type) = answer.header("content-type") else {
        assert!(content.is_none() && answer.body.is_empty(), "nothing. {what}");
        return;
    };
    let told = content.and_then(|content| content.get(media_type));
    let schema = &told.unwrap_or_else(|| panic!("{media_type}. {what}"))["schema"];
    if *method != Method::HEAD && media_type.ends_with("json") {
        let validator = validator(&format!("{method} {template} {status}"), schema);
        let body = answer.json();
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|wrong| format!("{}: {wrong}", wrong.instance_path())).collect();
        assert!(wrong.is_empty(), "{}. {what}", wrong.join("; "));
    }
}

/// The operation that a request asks for. What is no path of ours, or takes another method,
/// has none.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let fits = |template: &str| {
        let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        let same = |(said, is): (&&str, &&str)| said == is || (said.starts_with('{') && !is.is_empty());
        template.len() == path.len() && template.iter().zip(&path).all(same)
    };
    let (template, item) = DOCUMENT["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template))?;
    Some((template, item.get(method.as_str().to_lowercase())?))
}

/// Those that are always there are there; those of a limit are told where they are.
#[track_caller]
fn headers(response: &'static Value, answer: &Answer, what: &str) {
    let told: HashMap<String, &Value> = response["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, header)| (name.to_lowercase(), resolve(header)))
        .collect();
    for (name, header) in &told {
        let value = answer.header(name);
        assert!(value.is_some() || header["required"] != true, "without {name}, and {what}");
        let number = header["schema"]["type"] == "integer";
        assert!(!number || value.is_none_or(|value| value.parse::<u64>().is_ok()), "{name}: {value:?}, and {what}");
    }
    for name in ["ratelimit", "ratelimit-policy", "retry-after", "www-authenticate", "content-disposition"] {
        assert!(answer.header(name).is_none() || told.contains_key(name), "{name}. {what}");
    }
}

fn resolve(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, |reference| DOCUMENT.pointer(&reference[1..]).unwrap())
}

fn validator(key: &str, schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(key.to_owned()).or_insert_with(|| {
        let mut schema = schema.clone();
        // Any object, as the document itself.
        if schema.as_object().is_some_and(|schema| schema.len() > 1 || schema.contains_key("$ref")) {
            close(&mut schema);
        }
        let schema = json!({"allOf": [schema], "components": {"schemas": *STRICT}});
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("{key}: {error}")))
    });
    Arc::clone(validator)
}

/// Forbids what is not written, in `schema` and in what it is made of.
fn close(schema: &mut Value) {
    within(schema);
    if let Some(members) = schema.as_object_mut() {
        members.insert("unevaluatedProperties".to_owned(), false.into());
    }
}

/// The same for what `schema` is made of alone.
fn within(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    let properties = members.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(close);
    members.get_mut("items").into_iter().for_each(close);
    let either = members.get_mut("oneOf").and_then(Value::as_array_mut);
    either.into_iter().flatten().for_each(close);
    let parts = members.get_mut("allOf").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(within);
}
