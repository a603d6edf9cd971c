//! Mail that stays in the house: kept in memory, or in a folder that nodes share, newest first, for developers and tests.

mod folder;

use super::compose::Letter;
use askama::Template;
use folder::Folder;
use serde::Serialize;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};
use time::OffsetDateTime;
use time::macros::format_description;

/// Some 10 KiB each: 10 MiB at most.
const KEPT_MAX: usize = 1_000;

/// Each is a frame of its own in the browser.
const SHOWN_MAX: usize = 100;

/// The mailbox of development mode.
#[derive(Clone, Default)]
pub struct Capture(Arc<Mutex<Kept>>);

enum Kept {
    /// Newest first.
    Memory(VecDeque<Arc<Captured>>),
    Folder(Folder),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Memory(VecDeque::new())
    }
}

/// A letter that was kept, and when.
#[expect(missing_debug_implementations, reason = "holds a code or a link")]
pub struct Captured {
    /// As a relay would have got it.
    pub letter: Letter,
    /// When it was kept.
    pub at: OffsetDateTime,
}

impl Capture {
    /// An empty one, in memory.
    pub fn new() -> Capture {
        Capture::default()
    }

    /// In a folder, which is made where it is not there: whoever keeps mail in it, everybody sees it.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn shared(folder: PathBuf) -> io::Result<Capture> {
        Ok(Capture(Arc::new(Mutex::new(Kept::Folder(Folder::open(folder)?)))))
    }

    /// The oldest goes when there are too many.
    ///
    /// # Errors
    /// A folder that cannot be written to, as on a full disk.
    pub fn keep(&self, letter: &Letter) -> io::Result<()> {
        let captured = Captured { letter: letter.clone(), at: OffsetDateTime::now_utc() };
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Kept::Memory(kept) => {
                kept.push_front(Arc::new(captured));
                kept.truncate(KEPT_MAX);
                Ok(())
            }
            Kept::Folder(folder) => folder.keep(&captured, KEPT_MAX),
        }
    }

    /// All, or those to one address, without regard to case.
    pub fn newest_first(&self, to: Option<&str>) -> Vec<Arc<Captured>> {
        let to = to.map(str::to_lowercase);
        let wanted = |captured: &Captured| to.as_ref().is_none_or(|to| captured.letter.to.to_lowercase() == *to);
        self.all().into_iter().filter(|captured| wanted(captured)).collect()
    }

    /// `[{to, subject, text, html, at}]`
    pub fn to_json(&self, to: Option<&str>) -> String {
        let kept = self.newest_first(to);
        let entries: Vec<Entry<'_>> = kept.iter().map(|captured| Entry::of(captured)).collect();
        serde_json::to_string(&entries).expect("plain strings are always JSON")
    }

    /// For people. Loads nothing from elsewhere, and no letter can run a script or send a form.
    pub fn page(&self) -> String {
        let kept = self.newest_first(None);
        let entries = kept.iter().take(SHOWN_MAX).map(|captured| Entry::of(captured)).collect();
        let page = Page { count: kept.len(), entries };
        page.render().expect("writing text into a String cannot fail")
    }

    fn all(&self) -> Vec<Arc<Captured>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Kept::Memory(kept) => kept.iter().cloned().collect(),
            Kept::Folder(folder) => folder.newest_first(),
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capture({} letters)", self.all().len())
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    at: String,
}

#[derive(Template)]
#[template(path = "mail/templates/captured.html")]
struct Page<'a> {
    count: usize,
    entries: Vec<Entry<'a>>,
}

impl<'a> Entry<'a> {
    fn of(captured: &'a Captured) -> Entry<'a> {
        let Letter { to, name: _, subject, text, html } = &captured.letter;
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let at = captured.at.format(format).expect("every moment has these parts");
        Entry { to, subject, text, html, at }
    }

    /// What the frame shows: its links open beside it, since within it nothing may be loaded.
    fn framed(&self) -> String {
        self.html.replacen("<head>", "<head><base target=\"_blank\">", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(to: &str, subject: &str) -> Letter {
        Letter {
            name: String::new(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: format!("text of {subject}"),
            html: format!("<html><head></head><body>\"{subject}\" <script>alert(1)</script></body></html>"),
        }
    }

    fn subjects(kept: &[Arc<Captured>]) -> Vec<&str> {
        kept.iter().map(|captured| captured.letter.subject.as_str()).collect()
    }

    #[test]
    fn newest_first_and_by_address_without_regard_to_case() {
        let capture = Capture::new();
        let same = capture.clone();
        capture.keep(&letter("ada@example.com", "one")).unwrap();
        same.keep(&letter("Eve@Example.com", "two")).unwrap();
        capture.keep(&letter("ADA@example.com", "three")).unwrap();

        assert_eq!(subjects(&capture.newest_first(None)), ["three", "two", "one"]);
        assert_eq!(subjects(&capture.newest_first(Some("Ada@Example.COM"))), ["three", "one"]);
        assert_eq!(subjects(&capture.newest_first(Some("eve@example.com"))), ["two"]);
        assert!(capture.newest_first(Some("nobody@example.com")).is_empty());
    }

    #[test]
    fn the_last_thousand_are_kept() {
        let capture = Capture::new();
        for n in 0..1_003 {
            capture.keep(&letter("ada@example.com", &n.to_string())).unwrap();
        }
        let kept = capture.newest_first(None);
        assert_eq!(kept.len(), 1_000);
        assert_eq!((kept[0].letter.subject.as_str(), kept[999].letter.subject.as_str()), ("1002", "3"));
        assert_eq!(format!("{capture:?}"), "Capture(1000 letters)");
    }

    #[test]
    fn nodes_that_share_a_folder_share_a_mailbox() {
        let path = std::env::temp_dir().join(format!("vestibule-capture-{}", std::process::id()));
        let (one, other) = (Capture::shared(path.clone()).unwrap(), Capture::shared(path.clone()).unwrap());
        one.keep(&letter("ada@example.com", "one")).unwrap();
        other.keep(&letter("Eve@Example.com", "two")).unwrap();
        one.keep(&letter("ADA@example.com", "three")).unwrap();
        for capture in [&one, &other, &Capture::shared(path.clone()).unwrap()] {
            assert_eq!(subjects(&capture.newest_first(None)), ["three", "two", "one"]);
            assert_eq!(subjects(&capture.newest_first(Some("Ada@Example.COM"))), ["three", "one"]);
        }
        assert_eq!(one.to_json(None), other.to_json(None));

        for n in 0..1_000 {
            let capture = if n % 2 == 0 { &one } else { &other };
            capture.keep(&letter("ada@example.com", &n.to_string())).unwrap();
        }
        let kept = one.newest_first(None);
        assert_eq!(kept.len(), 1_000);
        assert_eq!((kept[0].letter.subject.as_str(), kept[999].letter.subject.as_str()), ("999", "0"));
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1_000);

        // Codes and links lie in it.
        use std::os::unix::fs::MetadataExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert!(std::fs::read_dir(&path).unwrap().all(|entry| mode(&entry.unwrap().path()) == 0o600));
        std::fs::remove_dir_all(&path).unwrap();
        assert!(one.keep(&letter("ada@example.com", "lost")).is_err());
    }

    #[test]
    fn json_as_the_contract_has_it() {
        let capture = Capture::new();
        assert_eq!(capture.to_json(None), "[]");
        capture.keep(&letter("ada@example.com", "a \"quoted\" one")).unwrap();
        let before = OffsetDateTime::now_utc();

        let json: serde_json::Value = serde_json::from_str(&capture.to_json(Some("ada@example.com"))).unwrap();
        let mut members: Vec<&String> = json[0].as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["at", "html", "subject", "text", "to"]);
        assert_eq!(json[0]["subject"], "a \"quoted\" one");
        let at = json[0]["at"].as_str().unwrap();
        let parsed = OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).expect(at);
        assert!((before - parsed).abs() < time::Duration::minutes(1), "{at}");
        assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
    }

    #[test]
    fn on_the_page_a_letter_is_data_in_a_sandbox() {
        let capture = Capture::new();
        assert!(capture.page().contains("No mail yet"));
        capture.keep(&letter("ada@example.com", "\"><script>alert(2)</script>")).unwrap();
        let page = capture.page();
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\""), "{page}");
        assert!(page.contains("default-src 'none'"), "{page}");
        for loads in ["src=\"", "<link", "@import", "url("] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}
