//! Whose processes a PostgreSQL's are: initdb and postgres refuse to run as root.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use super::process::{at, private_dir, without_postgres_settings};

pub(super) const NOT_INSTALLED: &str = "PostgreSQL is not installed: run `make setup`, or apt-get install postgresql";

#[derive(Debug)]
pub(super) enum Account {
    Ours,
    Other { uid: u32, gid: u32, setpriv: Vec<OsString> },
}

impl Account {
    /// The account, and a directory that it can reach.
    pub(super) fn choose(dir: &Path) -> io::Result<(Account, PathBuf)> {
        if !geteuid().is_root() {
            return Ok((Account::Ours, dir.to_path_buf()));
        }
        let (uid, gid) = postgres_user()?;
        // Ours, with the log and the lock, but the group may pass through.
        chown(dir, None, Some(gid)).map_err(at(dir))?;
        fs::set_permissions(dir, Permissions::from_mode(0o710)).map_err(at(dir))?;
        let account = |capability: Option<&str>| {
            let ids = [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()];
            let capability = capability.map(|name| [format!("--inh-caps=+{name}"), format!("--ambient-caps=+{name}")]);
            let options = ids.into_iter().chain(capability.into_iter().flatten());
            let setpriv = ["setpriv".to_owned()].into_iter().chain(options).chain(["--".to_owned()]);
            Account::Other { uid, gid, setpriv: setpriv.map(OsString::from).collect() }
        };
        // A clone under /root, which is closed to others, is reached by one of these; containers often have only the second.
        for capability in [None, Some("dac_read_search"), Some("dac_override")] {
            let account = account(capability);
            if account.reaches(dir)? {
                return Ok((account, dir.to_path_buf()));
            }
        }
        let home = PathBuf::from("/var/tmp").join(format!("vestibule{}", dir.display()).replace('/', "-"));
        tracing::warn!("user postgres cannot reach {}: its data goes to {}", dir.display(), home.display());
        private_dir(&home)?;
        let account = account(None);
        let owner = fs::symlink_metadata(&home).map_err(at(&home))?;
        if !owner.is_dir() || ![0, uid].contains(&owner.uid()) {
            return Err(at(&home)(io::Error::other("belongs to somebody else: remove it")));
        }
        account.give(&home)?;
        Ok((account, home))
    }

    pub(super) fn prefix(&self) -> Vec<OsString> {
        match self {
            Account::Ours => Vec::new(),
            Account::Other { setpriv, .. } => setpriv.clone(),
        }
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        let mut argv = self.prefix();
        argv.push(program.into());
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]);
        without_postgres_settings(&mut command);
        command
    }

    /// By going there: access(2), which `test -x` asks, ignores capabilities.
    fn reaches(&self, dir: &Path) -> io::Result<bool> {
        let mut list = self.command(Path::new("ls"));
        let output = list.arg("-d").arg(dir.join(".")).output();
        output.map(|output| output.status.success()).map_err(|error| {
            let needed = "setpriv (of util-linux), needed to leave root, does not run";
            io::Error::new(error.kind(), format!("{needed}: {error}"))
        })
    }

    pub(super) fn give(&self, dir: &Path) -> io::Result<()> {
        match self {
            Account::Ours => Ok(()),
            Account::Other { uid, gid, .. } => chown(dir, Some(*uid), Some(*gid)).map_err(at(dir)),
        }
    }
}

fn postgres_user() -> io::Result<(u32, u32)> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{NOT_INSTALLED} (there is no user postgres)"));
    let accounts = fs::read_to_string("/etc/passwd")?;
    let account = accounts.lines().find(|line| line.starts_with("postgres:")).ok_or_else(missing)?;
    let mut ids = account.split(':').skip(2).map(str::parse);
    match (ids.next(), ids.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok((uid, gid)),
        _ => Err(missing()),
    }
}
