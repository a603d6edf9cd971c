//! The endpoints of a profile.

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields;
use super::flow::Kept;
use crate::access::Caller;
use crate::app::App;
use crate::http::{Call, Member, Object, Problem, Reply, Slug, UserBody};
use crate::users::{ProfileChange, full_name};

/// PATCH /profile
pub(crate) async fn change(app: &App, caller: &Caller, call: &mut Call) -> Result<Reply, Problem> {
    let change = read(&mut call.json(app).await?)?;
    let user = app.profiles.change(caller, change).await?.ok_or_else(Problem::session_over)?;
    Ok(Reply::json(&UserBody::of(&user)))
}

/// Every member, judged all at once.
fn read(body: &mut Object) -> Result<ProfileChange, Problem> {
    let name = body.nullable("fullName", Object::text)?;
    let phone = body.nullable("phone", Object::text)?;
    let years = body.nullable("yearsOfExperience", Object::number)?;
    let skills = body.nullable("skills", Object::texts)?;

    let mut wrong = Vec::new();
    let change = ProfileChange {
        full_name: judge("fullName", name, |name| full_name(&name), &mut wrong).map(Option::flatten),
        phone: judge("phone", phone, |phone| fields::phone(&phone).map_err(str::to_owned), &mut wrong),
        years_of_experience: judge("yearsOfExperience", years, fields::years_of_experience, &mut wrong)
            .map(|years| years.map(i32::from)),
        skills: judge("skills", skills, |skills| fields::skills(&skills), &mut wrong).map(Option::unwrap_or_default),
    };
    if wrong.is_empty() { Ok(change) } else { Err(Problem::fields(&wrong)) }
}

/// `None` is left as it is, `Some(None)` is cleared.
fn judge<T, U>(
    field: &'static str,
    member: Member<T>,
    rule: impl FnOnce(T) -> Result<U, String>,
    wrong: &mut Vec<(&'static str, String)>,
) -> Option<Option<U>> {
    match member {
        Member::Absent => None,
        Member::Null => Some(None),
        Member::Value(value) => match rule(value) {
            Ok(value) => Some(Some(value)),
            Err(message) => {
                wrong.push((field, message));
                None
            }
        },
    }
}

/// What was kept.
#[derive(Serialize, ToSchema)]
#[schema(as = Resume)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumeBody {
    /// Told by its content.
    #[schema(examples("application/pdf"))]
    media_type: &'static str,
    /// Bytes.
    size: usize,
}

/// PUT /profile/resume
pub(crate) async fn put_resume(app: &App, caller: &Caller, call: &mut Call) -> Result<Reply, Problem> {
    let content = call.upload(app, caller.user(), app.profiles.resume_bytes_max()).await?;
    let size = content.len();
    match app.profiles.keep(caller, content).await? {
        Kept::Refused(why) => Err(Problem::new(Slug::UnsupportedMediaType, why)),
        Kept::First(kind) => {
            Ok(Reply::json(&ResumeBody { media_type: kind.media_type(), size }).status(StatusCode::CREATED))
        }
        Kept::Again(kind) => Ok(Reply::json(&ResumeBody { media_type: kind.media_type(), size })),
    }
}

/// GET /profile/resume
pub(crate) async fn resume(app: &App, caller: &Caller) -> Result<Reply, Problem> {
    let stored = app.profiles.resume(caller).await?.ok_or_else(none)?;
    let disposition = format!("attachment; filename=\"resume.{}\"", stored.kind.extension());
    let disposition = HeaderValue::from_str(&disposition).expect("an extension is header text");
    let (resumes, user) = (app.profiles.resumes(), caller.user().uuid());
    let reply = Reply::stream(stored.kind.media_type(), stored.size.into(), move |from| {
        let resumes = resumes.clone();
        async move { resumes.chunk(user, stored.id, from).await }
    });
    // A browser is to save it, whatever it thinks that it is.
    Ok(reply
        .header(CONTENT_DISPOSITION, disposition)
        .header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
}

/// DELETE /profile/resume
pub(crate) async fn delete_resume(app: &App, caller: &Caller) -> Result<Reply, Problem> {
    if app.profiles.remove(caller).await? { Ok(Reply::empty(StatusCode::NO_CONTENT)) } else { Err(none()) }
}

fn none() -> Problem {
    Problem::new(Slug::NotFound, "There is no resume. PUT one here.")
}
