//! What pages load: styles, and scripts as ES modules that name each other by relative paths.

use std::sync::LazyLock;

use ring::digest::{Context, SHA256};

use super::File;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($($media_type:ident $name:literal;)*) => {
        /// Name, media type and text of each.
        const FILES: &[(&str, &str, &str)] = &[$(($name, $media_type, include_str!(concat!("assets/", $name)))),*];
    };
}

files! {
    STYLE "account.css";
    SCRIPT "account.js";
    SCRIPT "account_password.js";
    SCRIPT "account_profile.js";
    SCRIPT "account_read.js";
    SCRIPT "account_resume.js";
    SCRIPT "account_sessions.js";
    SCRIPT "account_skills.js";
    SCRIPT "account_sure.js";
    SCRIPT "api.js";
    SCRIPT "checks.js";
    SCRIPT "code.js";
    SCRIPT "countdown.js";
    SCRIPT "devices.js";
    SCRIPT "forgot_password.js";
    SCRIPT "form.js";
    ICON "icon.svg";
    STYLE "join.css";
    SCRIPT "join.js";
    SCRIPT "join_screen.js";
    SCRIPT "level.js";
    SCRIPT "link.js";
    SCRIPT "log_in.js";
    SCRIPT "member.js";
    STYLE "pre_check.css";
    SCRIPT "pre_check.js";
    SCRIPT "reset_password.js";
    SCRIPT "rules.js";
    SCRIPT "say.js";
    SCRIPT "session.js";
    SCRIPT "sign_up.js";
    STYLE "style.css";
    STYLE "unscripted.css";
    SCRIPT "view.js";
}

static ASSETS: LazyLock<Vec<(&str, File)>> = LazyLock::new(|| {
    FILES.iter().map(|(name, media_type, text)| (*name, File::new(media_type, without_comments(text)))).collect()
});

/// Comments stay at home, which is a quarter of what a phone would load. A blank line is left for each line of theirs:
/// the lines that a browser's console names are those of the files.
fn without_comments(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let code = line.trim_start();
        let begins = code.starts_with("/*");
        if !(inside || begins || code.starts_with("//")) {
            kept.push_str(line);
        }
        inside = (inside || begins) && !code.ends_with("*/");
        kept.push('\n');
    }
    kept
}

/// Changes with any of them, and is part of their addresses: what was loaded is kept for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut context = Context::new(&SHA256);
    for (name, file) in &*ASSETS {
        for part in [name.as_bytes(), &file.plain] {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
    }
    let digest = context.finish();
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
});

/// Where browsers load `name` from.
pub(super) fn path(name: &str) -> String {
    assert!(find(&VERSION, name).is_some(), "there is no asset {name}");
    format!("/assets/{}/{name}", *VERSION)
}

/// The asset that a page of this release loads by that address. None of another release: scripts of two releases do
/// not go together, and a proxy asks the node that has it.
pub(super) fn find(version: &str, name: &str) -> Option<&'static File> {
    let found = ASSETS.iter().find(|(found, _)| *found == name);
    found.filter(|_| version == *VERSION).map(|(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stay_at_home_and_nothing_else_does() {
        let text = "a // b\n  // c\n/* d\n e */\nf\n/* g */\n`h`";
        assert_eq!(without_comments(text), "a // b\n\n\n\nf\n\n`h`\n");

        for (name, _, text) in FILES {
            let kept = without_comments(text);
            assert_eq!(kept.lines().count(), text.lines().count(), "{name}");
            for (kept, line) in kept.lines().zip(text.lines()).filter(|(kept, line)| kept != line) {
                let line = line.trim();
                let is_comment = ["//", "/*", "*"].iter().any(|begin| line.starts_with(begin));
                // Prose of a block whose lines bear no star has no code in it.
                let is_prose = !line.contains([';', '{', '}', '`']);
                let goes_on = line.split_once("*/").is_some_and(|(_, rest)| !rest.is_empty());
                assert!(kept.is_empty() && (is_comment || is_prose) && !goes_on, "{name}: {line}");
            }
        }
    }
}
