//! What a file is, told by its content: names and media types are what the sender likes.

use super::docx;

/// What a résumé may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// PDF.
    Pdf,
    /// A document of Word, without macros.
    Docx,
    /// Plain text in UTF-8.
    Text,
}

const UNKNOWN: &str = "Send a PDF, a DOCX or plain text in UTF-8.";

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Pdf, Self::Docx, Self::Text];

    /// Tells what `content` is. Nothing is unpacked.
    ///
    /// # Errors
    /// Words for the sender: what is wrong with it.
    pub fn of(content: &[u8]) -> Result<Self, &'static str> {
        match content {
            [] => Err("The file is empty."),
            // At the very beginning, where browsers look for it. Some readers search the first
            // KiB, and a file that is a PDF only to them is something else to the others.
            [b'%', b'P', b'D', b'F', b'-', ..] => Ok(Self::Pdf),
            [b'P', b'K', 3, 4, ..] => docx::check(content).map(|()| Self::Docx),
            _ if is_text(content) => Ok(Self::Text),
            _ => Err(UNKNOWN),
        }
    }

    /// As it is kept, and served.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// The end of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Text => "txt",
        }
    }

    pub(super) fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }
}

/// Something to read, in UTF-8, without what only a terminal or a program would understand.
fn is_text(content: &[u8]) -> bool {
    const PAGE_BREAK: char = '\u{c}';
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reads = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | PAGE_BREAK);
    !text.trim().is_empty() && text.chars().all(reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_is_told_by_its_first_bytes() {
        assert_eq!(Kind::of(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"), Ok(Kind::Pdf));
        for wrong in [&b"\n%PDF-1.7\n\xe2\xe3"[..], b"\xef\xbb\xbf%PDF-1.7\n\xe2\xe3", b"MZ\x90\0%PDF-1.7", b"%PDF\xff"]
        {
            assert_eq!(Kind::of(wrong), Err(UNKNOWN), "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn text_is_utf8_that_people_can_read() {
        for right in [
            "Ada Lovelace\r\n\tAnalytical engines\u{c}Page 2\n",
            "\u{feff}Zażółć gęślą jaźń",
            "<html><script>alert(1)</script>",
            "%PDF",
            "PK",
        ] {
            assert_eq!(Kind::of(right.as_bytes()), Ok(Kind::Text), "{right}");
        }
        for wrong in [
            &b"\xef\xbb\xbf"[..],
            b" \r\n\t ",
            b"a\0",
            b"a\x1b[31m",
            b"a\x7f",
            "a\u{9b}".as_bytes(),
            b"caf\xe9",
            b"\xff\xfeA\0d\0a\0",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"\x89PNG\r\n\x1a\n",
            b"PK\x05\x06\0\0\0\0",
        ] {
            assert_eq!(Kind::of(wrong), Err(UNKNOWN), "{}", wrong.escape_ascii());
        }
        assert_eq!(Kind::of(b""), Err("The file is empty."));
    }

    #[test]
    fn what_is_kept_is_found_again() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_media_type(kind.media_type()), Some(kind));
        }
        assert_eq!(Kind::of_media_type("text/plain"), None);
    }
}
