//! Files that are sent to us: how many at a time, and out of a form.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use multer::{Multipart, parse_boundary};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Problem, Slug};
use crate::fault::{Dependency, Fault};
use crate::users::UserId;

/// Bounds the uploads that a node holds, one of each user, and how long the next one waits.
/// What waits holds nothing but its connection, and those are bounded.
#[derive(Clone, Debug)]
pub struct Uploads {
    places: Arc<Semaphore>,
    users: Arc<Mutex<HashSet<UserId>>>,
    wait_max: Duration,
}

/// A place that is taken. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    user: UserId,
    users: Arc<Mutex<HashSet<UserId>>>,
    _place: OwnedSemaphorePermit,
}

impl Uploads {
    /// From `profile.uploads_max` and `profile.upload_wait_max`. One for all workers.
    #[must_use]
    pub fn new(uploads_max: usize, wait_max: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(uploads_max)), users: Arc::default(), wait_max }
    }

    /// One user who sends slowly may not take everybody's places.
    pub(super) async fn enter(&self, user: UserId) -> Result<Place, Fault> {
        let Ok(place) = timeout(self.wait_max, Arc::clone(&self.places).acquire_owned()).await else {
            let cause = format!("an upload waited {} ms for a place", self.wait_max.as_millis());
            return Err(Fault::new(Dependency::Load, cause));
        };
        if !locked(&self.users).insert(user) {
            return Err(Fault::new(Dependency::Load, "another upload of this user is under way"));
        }
        let place = place.expect("the semaphore is never closed");
        Ok(Place { user, users: Arc::clone(&self.users), _place: place })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.users).remove(&self.user);
    }
}

fn locked(users: &Mutex<HashSet<UserId>>) -> MutexGuard<'_, HashSet<UserId>> {
    users.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The media type of a form with files.
pub(super) const FORM: &str = "multipart/form-data";

/// What a form may have beside its file: boundaries of 70 characters, the names and types of
/// the parts, and the few fields that a page sends along.
pub(super) const ENVELOPE_BYTES_MAX: usize = 8_192;

/// The content of the part `file` of a form. The form was read before: the library looks
/// through all that it has for each piece that arrives, and pieces may be as small as the
/// sender likes.
pub(super) async fn file_of(content_type: &str, form: Bytes, bytes_max: usize) -> Result<Bytes, Problem> {
    const FILE: &str = "file";
    let boundary = parse_boundary(content_type).map_err(|error| malformed(&error))?;
    let mut parts = Multipart::new(Full::new(form).into_data_stream(), boundary);
    let mut file = None;
    while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
        if part.name() != Some(FILE) {
            continue;
        }
        if file.is_some() {
            return Err(Problem::field(FILE, "must be one file"));
        }
        file = Some(part.bytes().await.map_err(|error| malformed(&error))?);
    }
    let file = file.ok_or_else(|| Problem::field(FILE, "is required: a part of this name, with the file"))?;
    if file.len() > bytes_max {
        return Err(Problem::new(Slug::BodyTooLarge, format!("The file may have {bytes_max} bytes.")));
    }
    Ok(file)
}

fn malformed(error: &multer::Error) -> Problem {
    Problem::new(Slug::MalformedBody, "Not readable as a form: the boundary, or the headers of a part, are wrong.")
        .because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"b b\"";

    /// What is found in a form whose lines end as they must.
    async fn found(content_type: &str, form: &str) -> Result<String, (Slug, String)> {
        let form = Bytes::from(form.replace('\n', "\r\n"));
        let file = file_of(content_type, form, 10).await;
        let text = |file: Bytes| String::from_utf8(file.to_vec()).unwrap();
        file.map(text).map_err(|problem| (problem.slug(), format!("{problem:?}")))
    }

    fn part(name: &str, content: &str) -> String {
        format!("--b b\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.pdf\"\n\n{content}\n")
    }

    #[tokio::test]
    async fn the_file_is_found_among_other_parts() {
        for (form, file) in [
            (part("file", "0123456789") + "--b b--\n", "0123456789"),
            (part("a", "x") + &part("file", "") + &part("b", "yyyyyyyyyyyyyyyyyyyyyyyy") + "--b b--", ""),
            (part("file", "a\n--b \n\n--") + "--b b--", "a\r\n--b \r\n\r\n--"),
            ("preamble\n".to_owned() + &part("file", "x") + "--b b--\nepilogue", "x"),
            ("--b b\ncontent-disposition: form-data; name=file\ncontent-type: text/html\n\nx\n--b b--".to_owned(), "x"),
        ] {
            let long = file_of(TYPE, Bytes::from(form.replace('\n', "\r\n")), 100).await.unwrap();
            assert_eq!(long, file, "{form}");
        }
        assert_eq!(found(TYPE, &(part("file", "0123456789") + "--b b--")).await.unwrap(), "0123456789");
    }

    #[tokio::test]
    async fn a_form_without_its_file_or_with_two_or_with_too_much_is_refused() {
        let slug = async |form: String| found(TYPE, &form).await.unwrap_err();
        let (none, words) = slug(part("files", "x") + &part("File", "x") + "--b b--").await;
        assert!(none == Slug::ValidationFailed && words.contains("is required"), "{words}");
        let (two, words) = slug(part("file", "x") + &part("file", "x") + "--b b--").await;
        assert!(two == Slug::ValidationFailed && words.contains("one file"), "{words}");
        let (large, words) = slug(part("file", "0123456789a") + "--b b--").await;
        assert!(large == Slug::BodyTooLarge && words.contains("10 bytes"), "{words}");
    }

    #[tokio::test]
    async fn what_is_no_form_is_malformed() {
        let end = "--b b--\n";
        for (content_type, form) in [
            ("multipart/form-data", part("file", "x") + end),
            ("multipart/form-data; boundary=", part("file", "x") + end),
            ("multipart/form-data; boundary=c", part("file", "x") + end),
            (TYPE, String::new()),
            (TYPE, "file=x".to_owned()),
            (TYPE, part("file", "x")),
            (TYPE, "--b b\ncontent-disposition: form-data; name=\"file\"\n".to_owned()),
            (TYPE, "--b b\n: x\n\nx\n--b b--".to_owned()),
            (TYPE, "--b b\n".to_owned() + &"a: b\n".repeat(33) + "\nx\n--b b--"),
        ] {
            let (slug, words) = found(content_type, &form).await.unwrap_err();
            assert_eq!(slug, Slug::MalformedBody, "{content_type} {form} {words}");
        }
    }

    #[tokio::test]
    async fn an_upload_waits_for_a_place_and_not_for_long() {
        let uploads = Uploads::new(1, Duration::from_millis(20));
        let held = uploads.enter(UserId::fresh()).await.unwrap();
        assert!(uploads.clone().enter(UserId::fresh()).await.unwrap_err().to_string().contains("waited 20 ms"));
        let (next, ()) = tokio::join!(uploads.enter(UserId::fresh()), async { drop(held) });
        assert!(next.is_ok());
    }

    #[tokio::test]
    async fn a_user_has_one_place_at_a_time() {
        let (uploads, user) = (Uploads::new(3, Duration::from_millis(20)), UserId::fresh());
        let held = uploads.enter(user).await.unwrap();
        assert!(uploads.enter(user).await.unwrap_err().to_string().contains("another upload"));
        assert!(uploads.enter(UserId::fresh()).await.is_ok());
        drop(held);
        assert!(uploads.enter(user).await.is_ok());
    }
}
