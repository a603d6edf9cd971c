//! Captured mail in a folder: one file a letter, whose name says when it was kept.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Captured;
use crate::mail::compose::Letter;

pub(super) struct Folder {
    path: PathBuf,
    /// What was read already, by the names of the files: nobody changes one.
    read: BTreeMap<String, Arc<Captured>>,
    /// Tells two letters of one moment apart.
    number: u32,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    to: String,
    name: String,
    subject: String,
    text: String,
    html: String,
}

/// While a file is being written. A reader does not see it, and of one that a node died over the pruning does away.
const UNFINISHED: &str = ".unfinished";

impl Folder {
    /// Closed to others: codes and links lie in it.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let folder = Self { path, read: BTreeMap::new(), number: 0 };
        folder.names()?;
        Ok(folder)
    }

    pub(super) fn keep(&mut self, captured: &Captured, kept_max: usize) -> io::Result<()> {
        self.number = self.number.wrapping_add(1);
        // 20 digits of nanoseconds last for a thousand years: names sort by time.
        let name = format!("{:020}-{}-{}", captured.at.unix_timestamp_nanos(), std::process::id(), self.number);
        let Letter { to, name: who, subject, text, html } = captured.letter.clone();
        let stored = Stored { to, name: who, subject, text, html };
        let unfinished = self.path.join(format!("{name}{UNFINISHED}"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec(&stored).expect("plain strings are always JSON"))?;
        fs::rename(&unfinished, self.path.join(name))?;
        self.prune(kept_max)
    }

    /// Whoever is first takes the oldest away.
    fn prune(&self, kept_max: usize) -> io::Result<()> {
        let names = self.names()?;
        for name in &names[..names.len().saturating_sub(kept_max)] {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// What cannot be read is not shown: another node has just taken it away.
    pub(super) fn newest_first(&mut self) -> Vec<Arc<Captured>> {
        let mut read = BTreeMap::new();
        for name in self.names().unwrap_or_default() {
            if let Some(captured) = self.read.remove(&name).or_else(|| self.load(&name)) {
                read.insert(name, captured);
            }
        }
        self.read = read;
        self.read.values().rev().cloned().collect()
    }

    fn load(&self, name: &str) -> Option<Arc<Captured>> {
        if name.ends_with(UNFINISHED) {
            return None;
        }
        let at = OffsetDateTime::from_unix_timestamp_nanos(name.split('-').next()?.parse().ok()?).ok()?;
        let Stored { to, name, subject, text, html } =
            serde_json::from_slice(&fs::read(self.path.join(name)).ok()?).ok()?;
        Some(Arc::new(Captured { letter: Letter { to, name, subject, text, html }, at }))
    }

    /// The oldest first.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }
}
