//! The runbook as text: its entries, and the lines in them that are to be pasted.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// One entry: `## Name`, and what stands under it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) text: String,
}

/// A line of a block of shell, and what stands behind its `  # `: a part of what it prints in this trouble.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) command: String,
    pub(super) shows: Option<String>,
}

pub(super) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/runbook.md")
}

pub(super) fn entries() -> Vec<Entry> {
    let text = std::fs::read_to_string(file()).unwrap();
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (name, text) = section.split_once('\n').unwrap();
            Entry { name: name.trim().to_owned(), text: text.to_owned() }
        })
        .collect()
}

impl Entry {
    /// What follows a word in bold, up to the next one.
    pub(super) fn part(&self, part: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("**{part}.**"))?;
        Some(rest.split("\n**").next().unwrap_or(rest))
    }

    /// The lines of its blocks of shell.
    pub(super) fn lines(&self) -> Vec<Line> {
        let blocks = self.text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        blocks.flat_map(str::lines).filter(|line| !line.trim().is_empty()).map(Line::read).collect()
    }
}

impl Line {
    fn read(text: &str) -> Self {
        match text.split_once("  # ") {
            Some((command, shows)) => Self { command: command.trim().to_owned(), shows: Some(shows.trim().to_owned()) },
            None => Self { command: text.trim().to_owned(), shows: None },
        }
    }
}

/// Pastes the lines of an entry, in one shell after the other with what stands before; what they print must hold what
/// the runbook says of them.
pub(super) async fn paste(entry: &Entry, environment: &[(String, String)]) {
    let lines = entry.lines();
    assert!(!lines.is_empty(), "{}: there is nothing to paste", entry.name);
    let mut settings = String::new();
    for line in lines {
        if is_setting(&line.command) {
            settings.push_str(&line.command);
            settings.push('\n');
        }
        let output = Command::new("bash")
            .args(["-e", "-u", "-o", "pipefail", "-c", &format!("{settings}{}", line.command)])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let told = format!("{}: {}\n{}\n{printed}", entry.name, line.command, output.status);
        assert!(output.status.success(), "{told}");
        if let Some(shows) = &line.shows {
            assert!(printed.contains(shows.as_str()), "it does not show {shows:?}\n{told}");
        }
    }
}

/// `NAME=value`, which the lines after it use.
fn is_setting(command: &str) -> bool {
    let name = command.split('=').next().unwrap_or_default();
    command.contains('=') && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn a_line_is_read_with_what_it_shows() {
    let entry = Entry {
        name: "Trouble".to_owned(),
        text: "**Meaning.** It is.\n\n**Diagnosis.**\n\n```sh\nA=1\necho $A  # 1\n```\n\n**Mitigation.** Mend it.\n"
            .to_owned(),
    };
    let line =
        |command: &str, shows: Option<&str>| Line { command: command.to_owned(), shows: shows.map(str::to_owned) };
    assert_eq!(entry.lines(), [line("A=1", None), line("echo $A", Some("1"))]);
    assert_eq!(entry.part("Meaning").map(str::trim), Some("It is."));
    assert_eq!(entry.part("Mitigation").map(str::trim), Some("Mend it."));
    assert_eq!(entry.part("Impact"), None);
}
