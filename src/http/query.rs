//! The query of a request: parameters that are asked for by name.

use percent_encoding::percent_decode_str;

use super::Problem;

/// Parameters. Those that nobody asks for are ignored.
#[derive(Debug)]
pub struct Query<'a>(Option<&'a str>);

impl<'a> Query<'a> {
    pub(super) fn new(query: Option<&'a str>) -> Self {
        Self(query)
    }

    /// The one value of a parameter; `None` where it is missing.
    ///
    /// # Errors
    /// `validation-failed` where it comes twice, or is not text.
    pub fn value(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.unwrap_or_default().split('&').filter_map(|pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == name).then_some(value)
        });
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Problem::field(name, "must not come twice"));
        }
        let text = percent_decode_str(value).decode_utf8().map_err(|_| Problem::field(name, "must be UTF-8"))?;
        Ok(Some(text.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_one_value() {
        let query = Query::new(Some("limit=5&state=open&empty=&flag&odd=a%3Db=c&bad=%ff&twice=1&twice=2"));
        let value = |name| query.value(name).map_err(|problem| problem.slug());
        assert_eq!(value("limit"), Ok(Some("5".to_owned())));
        assert_eq!(value("state"), Ok(Some("open".to_owned())));
        assert_eq!(value("odd"), Ok(Some("a=b=c".to_owned())));
        for empty in ["empty", "flag"] {
            assert_eq!(value(empty), Ok(Some(String::new())), "{empty}");
        }
        for missing in ["other", "lim", "limits"] {
            assert_eq!(value(missing), Ok(None), "{missing}");
        }
        for wrong in ["bad", "twice"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Query::new(None).value("limit").unwrap(), None);
    }
}
