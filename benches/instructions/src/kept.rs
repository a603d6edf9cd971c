//! Counts as `counts.toml` keeps them, and what is said where others are found.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// In percent. Counts do not vary from run to run; this is what a mend elsewhere may cost here unasked.
const MOVE_MAX: f64 = 5.0;

const HEADER: &str = "\
# Instructions of one time, as callgrind counts them; benches/instructions/src/lib.rs says of what.
# `make test` refuses a count that has grown by more than 5 %. `make counts` writes this file: commit it with the
# change that moved the counts, and say there why the new ones are right. A fall is kept as well, so that it is held.
#
# The counts hold for one toolchain: the compiler, the allocator of the C library, and what the processor has (SHA-256,
# memcpy and memchr are chosen by it, as valgrind shows it). To move to another one, run `make counts` in a commit that
# changes nothing else. Where yours is another one for good, `make test COUNTS=` leaves the counts to CI.
";

#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) toolchain: String,
    pub(crate) counts: Vec<(String, u64)>,
}

impl Kept {
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let mut kept = Self { toolchain: String::new(), counts: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let wrong = || format!("{path}: not readable: {line}");
            let (name, value) = line.split_once(" = ").ok_or_else(wrong)?;
            match name {
                "toolchain" => value.trim_matches('"').clone_into(&mut kept.toolchain),
                _ => {
                    let count = value.replace('_', "").parse().map_err(|_| wrong())?;
                    kept.counts.push((name.trim_matches('"').to_owned(), count));
                }
            }
        }
        Ok(kept)
    }

    pub(crate) fn write(&self, path: &str) -> Result<(), String> {
        let mut text = format!("{HEADER}toolchain = \"{}\"\n\n[counts]\n", self.toolchain);
        for (name, count) in &self.counts {
            let _ = writeln!(text, "\"{name}\" = {count}");
        }
        print!("{text}");
        fs::write(path, text).map_err(|error| format!("{path}: {error}"))
    }

    /// Says what has moved.
    ///
    /// # Errors
    /// Where something has grown by too much, or is counted or kept alone.
    pub(crate) fn check(&self, now: &Self) -> Result<(), String> {
        let (mut grown, mut fallen, mut lost) = (String::new(), String::new(), String::new());
        for (name, count) in &now.counts {
            let Some((_, kept)) = self.counts.iter().find(|(kept, _)| kept == name) else {
                let _ = writeln!(lost, "  {name}: {count}, and none is kept");
                continue;
            };
            let percent = (*count as f64 / *kept as f64 - 1.0) * 100.0;
            let line = format!("  {name}: {count} instructions, {kept} are kept: {percent:+.1} %\n");
            match percent {
                MOVE_MAX.. => grown += &line,
                _ if percent < -MOVE_MAX => fallen += &line,
                _ => {}
            }
        }
        for (name, _) in self.counts.iter().filter(|(kept, _)| now.counts.iter().all(|(name, _)| name != kept)) {
            let _ = writeln!(lost, "  {name}: kept, and no longer counted");
        }
        let other = match self.toolchain == now.toolchain {
            true => String::new(),
            false => format!(
                "The counts that are kept were taken with another toolchain, which may be all of it:\n  kept: {}\n  \
                 here: {}\nbenches/instructions/counts.toml says what to do then.\n",
                self.toolchain, now.toolchain
            ),
        };
        if !fallen.is_empty() {
            println!("Cheaper by more than {MOVE_MAX} %:\n{fallen}{other}Keep that: make counts, and commit the file.");
        }
        match (grown.is_empty(), lost.is_empty()) {
            (true, true) => {
                println!("{} counts of instructions, none grown by more than {MOVE_MAX} %", now.counts.len());
                Ok(())
            }
            (true, false) => {
                Err(format!("Counts and benches/instructions/counts.toml differ:\n{lost}Run: make counts"))
            }
            (false, _) => Err(format!(
                "Dearer by more than {MOVE_MAX} %:\n{grown}{lost}{other}\
                 Find out why, and mend it. If it is worth that much: make counts, and commit\n\
                 benches/instructions/counts.toml with the change, saying why."
            )),
        }
    }
}

/// All that moves counts without a change of ours.
pub(crate) fn toolchain() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
        text.map_or_else(|| format!("no {program}"), |text| String::from_utf8_lossy(&text).trim().to_owned())
    };
    let words = [said("rustc", "--version"), said("getconf", "GNU_LIBC_VERSION"), said("valgrind", "--version")];
    format!("{}, {}{}", words.join(", "), std::env::consts::ARCH, processor())
}

#[cfg(target_arch = "x86_64")]
fn processor() -> &'static str {
    if is_x86_feature_detected!("avx2") { " with AVX2" } else { " without AVX2" }
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> &'static str {
    ""
}
