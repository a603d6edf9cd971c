//! What the API's document says of a profile.

use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, SchemaType, Type};

use super::http::ResumeBody;
use crate::http::openapi::{Answer, Credential, Operation, Tag, file, text};
use crate::http::{Slug, UserBody};

const TAG: Tag = Tag {
    name: "Profile",
    says: "What a member tells of themselves, and their resume: a PDF, a DOCX or plain text, told by its content.",
};

/// What a resume may be, as `Kind` writes it.
const MEDIA_TYPES: &[&str] = &[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/plain; charset=utf-8",
];

pub(crate) fn profile() -> Operation {
    Operation::new(TAG, "My profile")
        .needs(&[Credential::Bearer])
        .answers(Answer::json::<UserBody<'_>>(200, "The user."))
}

/// What is to change. What is absent is left, null clears.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "tells what `change` reads member by member")]
struct ProfileChange {
    #[schema(max_length = 100, examples("Ada Lovelace"))]
    full_name: Option<String>,
    /// With its country's code; kept in E.164.
    #[schema(max_length = 40, pattern = r"^\s*\+", examples("+41 44 668 18 00"))]
    phone: Option<String>,
    #[schema(minimum = 0, maximum = 60, examples(12))]
    years_of_experience: Option<i32>,
    #[schema(schema_with = skills)]
    skills: Option<Vec<String>>,
}

fn skills() -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(text().min_length(Some(1)).max_length(Some(50)))
        .max_items(Some(50))
        .description(Some("Each is kept once, as it was first spelt."))
        .examples([["Rust", "Lua"].as_slice()])
        .build()
}

pub(crate) fn change() -> Operation {
    Operation::new(TAG, "Change my profile")
        .says("All members are judged at once, and where one is refused nothing changes.")
        .needs(&[Credential::Bearer])
        .takes::<ProfileChange>()
        .answers(Answer::json::<UserBody<'_>>(200, "The user, changed."))
}

pub(crate) fn put_resume() -> Operation {
    Operation::new(TAG, "Upload my resume")
        .says(
            "The file as it is, or as the part `file` of a form; 5 MiB at most, unless this server is told otherwise. \
            The media type of the request is not believed.",
        )
        .needs(&[Credential::Bearer])
        .takes_file(MEDIA_TYPES)
        .answers(Answer::json::<ResumeBody>(201, "Kept; there was none before."))
        .answers(Answer::json::<ResumeBody>(200, "Kept in place of the one before."))
}

pub(crate) fn resume() -> Operation {
    Operation::new(TAG, "Download my resume")
        .needs(&[Credential::Bearer])
        .answers(
            Answer::other(200, "The file.", MEDIA_TYPES, file())
                .header("Content-Disposition", "An attachment, with a name by its kind.")
                .header("X-Content-Type-Options", "`nosniff`"),
        )
        .refuses(&[Slug::NotFound])
}

pub(crate) fn delete_resume() -> Operation {
    Operation::new(TAG, "Delete my resume")
        .needs(&[Credential::Bearer])
        .answers(Answer::empty(204, "There is none any more."))
        .refuses(&[Slug::NotFound])
}
