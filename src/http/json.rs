//! JSON bodies: an object without duplicate members, whose members are asked for by name.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Problem, Slug};

/// The members of a body. Those that nobody asks for are ignored.
#[derive(Debug)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Reads a body.
    ///
    /// # Errors
    /// `malformed-body` where it is not JSON in UTF-8, not an object, or has a member twice.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        match value {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(malformed("Send a JSON object.")),
            // The library's words name a line and a column, never a value of ours; they
            // may name a member that came twice, which the sender knows.
            Err(error) => Err(malformed(&format!("Not readable as JSON: {error}."))),
        }
    }

    /// A text member; `None` where it is missing.
    ///
    /// # Errors
    /// `malformed-body` where it is no text, null among others; `validation-failed` where
    /// it holds control characters.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(Problem::field(name, "must not hold control characters"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(&format!("{name} must be a string."))),
        }
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Slug::MalformedBody, detail.to_owned())
}

/// Builds a [`Value`], refusing what serde_json would silently resolve: a member that
/// comes twice, of which two readers may believe different ones.
#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(self)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member comes twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(body: &[u8]) -> Option<Slug> {
        let text = Object::parse(body).and_then(|mut object| object.text("otp"));
        text.err().map(|problem| problem.slug())
    }

    #[test]
    fn bodies_are_told_apart() {
        assert_eq!(slug(br#"{"otp": "123456", "more": {"x": [1, 2.5, null, true]}}"#), None);
        for malformed in [
            &b""[..],
            b"[]",
            b"null",
            b"\"otp\"",
            b"{",
            b"{\"otp\": \"1\"} x",
            b"{\"otp\": 1}",
            b"{\"otp\": null}",
            b"{\"otp\": \"1\", \"otp\": \"1\"}",
            b"{\"x\": {\"a\": 1, \"a\": 2}}",
            b"{\"otp\": \"\xff\"}",
            b"{'otp': '1'}",
        ] {
            assert_eq!(slug(malformed), Some(Slug::MalformedBody), "{}", malformed.escape_ascii());
        }
        assert_eq!(slug(br#"{"otp": "12\u0000"}"#), Some(Slug::ValidationFailed));
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_is() {
        let body = [b"{\"x\":".repeat(10_000), b"1".to_vec()].concat();
        assert_eq!(slug(&body), Some(Slug::MalformedBody));
    }
}
