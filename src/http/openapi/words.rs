//! Schemas in words, for the page.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use super::operation::{Parameter, Place};

/// A member of a body, or a parameter.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: String,
    /// The type that it is, where that has a name.
    pub(super) shape: Option<String>,
    pub(super) required: bool,
    /// In HTML.
    pub(super) says: String,
    /// What it must keep to.
    pub(super) rules: Vec<String>,
}

/// The members of an object, in the order of its type; those of a larger one under its name.
pub(super) fn members_of(schema: &RefOr<Schema>) -> Vec<Member> {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let members = object.properties.iter();
            members.map(|(name, member)| describe(name, member, object.required.contains(name))).collect()
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter().flat_map(members_of).collect(),
        whole @ RefOr::Ref(_) => vec![Member { kind: "all of".to_owned(), ..describe("...", whole, true) }],
        RefOr::T(_) => Vec::new(),
    }
}

/// A parameter.
pub(super) fn parameter(parameter: &Parameter) -> Member {
    let schema = RefOr::T(parameter.schema.clone());
    let member = describe(parameter.name, &schema, parameter.place == Place::Path);
    Member { says: marked(parameter.says), ..member }
}

/// What a type is, beside its members: for one that is a list of words.
pub(super) fn kind_of(schema: &RefOr<Schema>) -> String {
    let schema = json(schema);
    [kind(&schema)].into_iter().filter(|kind| kind != "object").chain(rules(&schema)).collect::<Vec<_>>().join(", ")
}

fn describe(name: &str, schema: &RefOr<Schema>, required: bool) -> Member {
    let schema = json(schema);
    // One of a type, or null.
    let (schema, kind) = match &schema["oneOf"][0] {
        Value::Null => (&schema, kind(&schema)),
        one => (one, "null or".to_owned()),
    };
    let says = marked(schema["description"].as_str().unwrap_or_default());
    let shape = shape(schema).or_else(|| shape(&schema["items"]));
    Member { name: name.to_owned(), kind, shape, required, says, rules: rules(schema) }
}

fn json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).expect("a schema is JSON")
}

fn shape(schema: &Value) -> Option<String> {
    Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned())
}

fn kind(schema: &Value) -> String {
    let types = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    let format = schema["format"].as_str().filter(|format| !format.starts_with("int"));
    match (format, &schema["items"]) {
        (Some(format), _) => format!("{types}, {format}"),
        (None, Value::Object(_)) => {
            types.replace("array", &format!("array of {}", kind(&schema["items"]))).trim().to_owned()
        }
        (None, _) => types,
    }
}

fn rules(schema: &Value) -> Vec<String> {
    let items = rules_of_items(&schema["items"]);
    let mut rules = Vec::new();
    rules.extend(range(&schema["minLength"], &schema["maxLength"], " characters"));
    // Nothing counts below zero anyway.
    rules.extend(range(&schema["minimum"], &schema["maximum"], "").filter(|rule| rule != "at least 0"));
    rules.extend(range(&schema["minItems"], &schema["maxItems"], " items"));
    rules.extend(schema["pattern"].as_str().map(str::to_owned));
    if let Some(words) = schema["enum"].as_array() {
        rules.push(format!("one of {}", words.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")));
    }
    rules.extend(items);
    rules
}

fn rules_of_items(items: &Value) -> Vec<String> {
    if items.is_null() { Vec::new() } else { rules(items).into_iter().map(|rule| format!("each {rule}")).collect() }
}

fn range(min: &Value, max: &Value, unit: &str) -> Option<String> {
    match (min.as_u64(), max.as_u64()) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (None, None) => None,
    }
}

/// Words as HTML: `code` stands between backticks.
pub(super) fn marked(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let parts = escaped.split('`').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;
    use utoipa::{PartialSchema as _, ToSchema};

    use super::*;

    #[test]
    fn rules_are_words() {
        for (schema, kind, words) in [
            (json!({"type": "string", "minLength": 3, "maxLength": 20}), "string", "3 to 20 characters"),
            (json!({"type": "string", "format": "email", "maxLength": 254}), "string, email", "at most 254 characters"),
            (json!({"type": ["integer", "null"], "minimum": 0, "maximum": 60}), "integer or null", "0 to 60"),
            (json!({"type": "integer", "format": "int64", "minimum": 0}), "integer", ""),
            (json!({"type": "string", "enum": ["a", "b"]}), "string", "one of \"a\", \"b\""),
            (
                json!({"type": "array", "maxItems": 50, "items": {"type": "string", "minLength": 1}}),
                "array of string",
                "at most 50 items; each at least 1 characters",
            ),
        ] {
            assert_eq!((super::kind(&schema).as_str(), rules(&schema).join("; ").as_str()), (kind, words));
        }
    }

    #[test]
    fn a_larger_type_names_the_one_that_it_is_made_of() {
        #[derive(Serialize, ToSchema)]
        struct Small {
            size: u32,
        }
        #[derive(Serialize, ToSchema)]
        struct Large {
            #[serde(flatten)]
            small: Small,
            /// None, or one.
            more: Option<Small>,
        }
        let members = members_of(&Large::schema());
        let told: Vec<_> = members
            .iter()
            .map(|it| (it.name.as_str(), it.kind.as_str(), it.shape.as_deref(), it.says.as_str()))
            .collect();
        let small = Some("Small");
        assert_eq!(told, [("...", "all of", small, ""), ("more", "null or", small, "None, or one.")]);
    }

    #[test]
    fn words_cannot_be_markup() {
        assert_eq!(marked("a < `b` & \"c\""), "a &lt; <code>b</code> &amp; &quot;c&quot;");
    }
}
