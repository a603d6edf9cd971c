//! What pages load: one style, and scripts as ES modules that name each other by relative paths.

use std::sync::LazyLock;

use ring::digest::{Context, SHA256};

use super::{File, words};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($($media_type:ident $name:literal;)*) => {
        /// Name, media type and text of each, but for the words.
        const FILES: &[(&str, &str, &str)] = &[$(($name, $media_type, include_str!(concat!("assets/", $name)))),*];
    };
}

files! {
    STYLE "account.css";
    SCRIPT "account.js";
    SCRIPT "account_device.js";
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
    SCRIPT "view.js";
}

static ASSETS: LazyLock<Vec<(&str, File)>> = LazyLock::new(|| {
    let words = format!("export default {};\n", words::JSON.trim_end());
    let written = FILES.iter().map(|(name, media_type, text)| (*name, File::new(media_type, *text)));
    written.chain([("words.js", File::new(SCRIPT, words))]).collect()
});

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
    assert!(find(name).is_some(), "there is no asset {name}");
    format!("/assets/{}/{name}", *VERSION)
}

/// The asset, which the release that runs calls so.
pub(super) fn find(name: &str) -> Option<&'static File> {
    ASSETS.iter().find(|(found, _)| *found == name).map(|(_, file)| file)
}

/// Whether an address with this version names what [`find`] gives. In a rolling update, a page of one release
/// may load its assets from a node of another.
pub(super) fn is_current(version: &str) -> bool {
    version == *VERSION
}
