//! Counts, under valgrind, and holds the counts to those that are kept.

mod kept;

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use instructions::{Work, entries};

use self::kept::Kept;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.toml");
const USAGE: &str = "instructions check | keep";
/// Until buffers have grown, and what is made once is there.
const WARM_UP: u32 = 3;

fn main() -> ExitCode {
    let asked = env::args().nth(1);
    let outcome = match asked.as_deref() {
        Some("run") => {
            entries().for_each(|entry| run((entry.prepare)()));
            Ok(())
        }
        Some("check") => count().and_then(|now| Kept::read(KEPT)?.check(&now)),
        Some("keep") => count().and_then(|now| now.write(KEPT)),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut work: Work) {
    (0..WARM_UP).for_each(|_| work());
    counted(&mut work);
}

/// Valgrind knows it by its name: it counts in here alone, and writes a file where this is left.
#[inline(never)]
fn counted(work: &mut Work) {
    work();
}

/// Runs this program again, all entries in one process under valgrind, which leaves a file for each.
fn count() -> Result<Kept, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let folder = program.with_extension("counted");
    let read = || {
        fresh(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let output = Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind"])
            .args(["--toggle-collect=instructions::counted", "--dump-after=instructions::counted"])
            .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
            .arg(&program)
            .arg("run")
            // It stands on the stack, and moves what stands there.
            .env_clear()
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .output()
            .map_err(|error| format!("valgrind: {error}. `make setup` installs it."))?;
        if !output.status.success() {
            return Err(format!("valgrind: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        let counts = entries().zip(1..).map(|(entry, n)| Ok((entry.name.to_owned(), total(&folder, n)?)));
        Ok(Kept { toolchain: kept::toolchain(), counts: counts.collect::<Result<_, String>>()? })
    };
    let counts = read();
    // What it holds is of use to nobody but to this function.
    let _ = fs::remove_dir_all(&folder);
    counts
}

fn fresh(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    }
}

/// The instructions of the `n`th time that [`counted`] was left.
fn total(folder: &Path, n: usize) -> Result<u64, String> {
    let file = folder.join(format!("out.{n}"));
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.parse().ok());
    total.filter(|_| text.contains("instructions::counted")).ok_or_else(|| format!("{}: no total", file.display()))
}
