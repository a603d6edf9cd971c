//! The document against the code that it is made of.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use super::endpoints::describe;
use super::json;
use super::operation::{Body, Content};
use crate::http::Slug;
use crate::http::route::Endpoint;

fn document() -> Value {
    serde_json::from_str(json()).unwrap()
}

/// Every operation of the document: method, path, what is said.
fn operations(document: &Value) -> Vec<(String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item)| Value::as_object(item).unwrap().iter().map(move |(method, it)| (method, path, it));
    paths.iter().flat_map(of_path).map(|(method, path, it)| (method.to_uppercase(), path, it)).collect()
}

/// Every value below `value`, itself included.
fn all(value: &Value) -> Vec<&Value> {
    let below: Vec<&Value> = match value {
        Value::Array(items) => items.iter().flat_map(all).collect(),
        Value::Object(members) => members.values().flat_map(all).collect(),
        _ => Vec::new(),
    };
    std::iter::once(value).chain(below).collect()
}

#[test]
fn endpoints_and_operations_are_the_same() {
    let document = document();
    let written: BTreeSet<String> = operations(&document)
        .iter()
        .map(|(method, path, it)| format!("{method} {path} {}", it["operationId"]))
        .collect();
    let method = |it: &Endpoint| it.method().replace("ANY", "GET");
    let row = |it: &Endpoint| format!("{} {} \"{}\"", method(it), it.path(), it.label());
    let so: BTreeSet<String> = Endpoint::ALL.iter().map(row).collect();
    assert_eq!(written, so);
}

#[test]
fn every_reference_resolves_and_every_component_is_referred_to() {
    let document = document();
    let references: BTreeSet<&str> = all(&document).into_iter().filter_map(|value| value["$ref"].as_str()).collect();
    for reference in &references {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(references.contains(reference.as_str()), "{reference}");
        }
    }
}

#[test]
fn a_name_is_of_one_type() {
    let mut known: HashMap<String, RefOr<Schema>> = HashMap::new();
    for operation in Endpoint::ALL.iter().map(|endpoint| describe(*endpoint)) {
        let body = operation.body.as_ref().and_then(|body| match body {
            Body::Json(shape) => Some(shape),
            Body::File(_) => None,
        });
        let answers = operation.answers.iter().filter_map(|answer| match &answer.content {
            Content::Json(shape) => Some(shape),
            Content::Nothing | Content::Other(..) => None,
        });
        for (name, schema) in body.into_iter().chain(answers).flat_map(|shape| shape.schemas.clone()) {
            assert!(!name.ends_with("Problem"), "{name}");
            let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
            assert!(*first == schema, "{name}");
        }
    }
    assert!(known.len() > 10);
}

#[test]
fn the_parts_of_a_path_are_its_parameters() {
    for (method, path, operation) in operations(&document()) {
        let parts: Vec<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named: Vec<&str> =
            parameters.iter().filter(|it| it["in"] == "path").map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(named, parts, "{method} {path}");
    }
}

#[test]
fn every_operation_has_words_and_an_answer_when_all_is_well() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let tag = &operation["tags"][0];
        assert!(document["tags"].as_array().unwrap().iter().any(|it| it["name"] == *tag), "{method} {path}: {tag}");
        assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{method} {path}");
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert!(statuses.iter().any(|status| status.starts_with('2')), "{method} {path}: {statuses:?}");
        let for_proxy = path.starts_with("/authz/");
        assert_ne!(statuses.iter().any(|status| *status == "500"), for_proxy, "{method} {path}: {statuses:?}");
        if !operation["security"].as_array().is_none_or(Vec::is_empty) {
            assert!(statuses.iter().any(|status| *status == "401"), "{method} {path}: {statuses:?}");
        }
    }
}

#[test]
fn every_slug_that_an_endpoint_can_answer_is_written() {
    /// What a path or a method is refused with, where there is no operation.
    const NOWHERE: [Slug; 1] = [Slug::MethodNotAllowed];
    for slug in Slug::ALL {
        let written = json().contains(&format!("\"{}\"", slug.urn()));
        assert_eq!(written, !NOWHERE.contains(slug), "{slug:?}");
    }
}
