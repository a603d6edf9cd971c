//! JSON bodies: an object without duplicate members, whose members are asked for by name.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Problem, Slug};

/// The members of a body. Those that nobody asks for are ignored, and wiped with it: one of
/// them may be a password under a wrong name.
pub struct Object(Map<String, Value>);

/// A member of a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Member<T> {
    /// Leave it.
    Absent,
    /// Clear it.
    Null,
    /// Set it.
    Value(T),
}

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
            Some(Value::String(text)) => printable(name, &text).map(|()| Some(text)),
            Some(_) => Err(malformed(&format!("{name} must be a string."))),
        }
    }

    /// A token. It is wiped when it is dropped.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn token(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
        let token = self.secret(name)?;
        token.as_ref().map_or(Ok(()), |token| printable(name, token))?;
        Ok(token)
    }

    /// A password: whatever characters it has. It is wiped when it is dropped.
    ///
    /// # Errors
    /// `malformed-body` where it is no text, null among others.
    pub fn secret(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(Zeroizing::new(text))),
            Some(_) => Err(malformed(&format!("{name} must be a string."))),
        }
    }

    /// Passwords that are all needed.
    ///
    /// # Errors
    /// As [`Self::secret`], and `validation-failed` where some are missing.
    pub fn secrets<const N: usize>(&mut self, names: [&str; N]) -> Result<[Zeroizing<String>; N], Problem> {
        let mut found = Vec::with_capacity(N);
        let mut missing = Vec::new();
        for name in names {
            match self.secret(name)? {
                Some(secret) => found.push(secret),
                None => missing.push(name),
            }
        }
        found.try_into().map_err(|_| Problem::missing(&missing))
    }

    /// A whole number; `None` where it is missing. `2.0` is one, as JSON tells no difference.
    ///
    /// # Errors
    /// `malformed-body` where it is no number, null among others; `validation-failed` where
    /// it is not whole, or is too large for anything.
    pub fn number(&mut self, name: &str) -> Result<Option<i64>, Problem> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match whole(&number) {
                Some(number) => Ok(Some(number)),
                None => Err(Problem::field(name, "must be a whole number")),
            },
            Some(_) => Err(malformed(&format!("{name} must be a number."))),
        }
    }

    /// A list of texts; `None` where it is missing.
    ///
    /// # Errors
    /// `malformed-body` where it is none, null among others; `validation-failed` where one
    /// holds control characters.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let wrong = || malformed(&format!("{name} must be an array of strings."));
        let items = match self.0.remove(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong()),
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => printable(name, &text).map(|()| text),
            _ => Err(wrong()),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A member that null clears, read as `read` does otherwise: `nullable("phone", Object::text)`.
    ///
    /// # Errors
    /// As `read`, but for null.
    pub fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<Option<T>, Problem>,
    ) -> Result<Member<T>, Problem> {
        if self.0.get(name).is_some_and(Value::is_null) {
            return Ok(Member::Null);
        }
        Ok(read(self, name)?.map_or(Member::Absent, Member::Value))
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object")
    }
}

fn printable(name: &str, text: &str) -> Result<(), Problem> {
    match text.chars().any(char::is_control) {
        true => Err(Problem::field(name, "must not hold control characters")),
        false => Ok(()),
    }
}

fn whole(number: &Number) -> Option<i64> {
    /// Up to here, a float and its text are the same number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = || number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
    number.as_i64().or_else(|| format!("{:.0}", float()?).parse().ok())
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

    /// What `read` makes of the member `x`, or why not.
    fn read<T>(x: &str, read: impl FnOnce(&mut Object, &str) -> Result<T, Problem>) -> Result<T, Slug> {
        let body = format!("{{\"x\": {x}}}");
        let mut object = Object::parse(body.as_bytes()).unwrap();
        read(&mut object, "x").map_err(|problem| problem.slug())
    }

    #[test]
    fn a_secret_is_any_text_and_is_never_shown() {
        assert_eq!(read(r#""a\u0000\tb""#, Object::secret).unwrap().unwrap().as_str(), "a\0\tb");
        for wrong in ["null", "1", "[\"a\"]"] {
            assert_eq!(read(wrong, Object::secret).err(), Some(Slug::MalformedBody), "{wrong}");
        }
        assert_eq!(read(r#""abc""#, Object::token).unwrap().unwrap().as_str(), "abc");
        assert_eq!(read(r#""a\nb""#, Object::token).err(), Some(Slug::ValidationFailed));
        assert_eq!(read("1", Object::token).err(), Some(Slug::MalformedBody));
        let mut object = Object::parse(br#"{"password": "hunter2"}"#).unwrap();
        assert!(!format!("{object:?}").contains("hunter2"));
        assert!(object.secret("other").unwrap().is_none());
    }

    #[test]
    fn a_number_is_whole() {
        let numbers = [("7", 7), ("-0", 0), ("-3", -3), ("2.0", 2), ("1e3", 1_000), ("9223372036854775807", i64::MAX)];
        for (right, number) in numbers {
            assert_eq!(read(right, Object::number), Ok(Some(number)), "{right}");
        }
        for wrong in ["1.5", "-0.1", "1e300", "9223372036854775808", "18446744073709551615"] {
            assert_eq!(read(wrong, Object::number), Err(Slug::ValidationFailed), "{wrong}");
        }
        for wrong in ["\"7\"", "null", "true", "[7]"] {
            assert_eq!(read(wrong, Object::number), Err(Slug::MalformedBody), "{wrong}");
        }
    }

    #[test]
    fn a_list_holds_texts() {
        assert_eq!(read(r#"["a", "b"]"#, Object::texts), Ok(Some(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(read("[]", Object::texts), Ok(Some(Vec::new())));
        assert_eq!(read(r#"["a", "\n"]"#, Object::texts), Err(Slug::ValidationFailed));
        for wrong in ["\"a\"", "null", "[1]", "[\"a\", null]", "[[\"a\"]]", "{}"] {
            assert_eq!(read(wrong, Object::texts), Err(Slug::MalformedBody), "{wrong}");
        }
    }

    #[test]
    fn null_clears_where_it_may() {
        let text = |object: &mut Object, name: &str| object.nullable(name, Object::text);
        assert_eq!(read("null", text), Ok(Member::Null));
        assert_eq!(read("\"\"", text), Ok(Member::Value(String::new())));
        assert_eq!(read("1", text), Err(Slug::MalformedBody));
        assert_eq!(read("\"\\n\"", text), Err(Slug::ValidationFailed));
        assert_eq!(read("1", |object, _| object.nullable("y", Object::number)), Ok(Member::Absent));
        assert_eq!(read("1", |object, name| object.nullable(name, Object::number)), Ok(Member::Value(1)));
        assert_eq!(read("null", Object::number), Err(Slug::MalformedBody));
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_is() {
        let body = [b"{\"x\":".repeat(10_000), b"1".to_vec()].concat();
        assert_eq!(slug(&body), Some(Slug::MalformedBody));
    }
}
