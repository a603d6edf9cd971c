//! The users that are shipped, as whom the tests' nodes come to Redis.

use std::path::{Path, PathBuf};

/// Who the service is, and the password that the tests give it.
pub(crate) const SERVICE: &str = "vestibule";
pub(crate) const ON_CALL: &str = "oncall";
pub(crate) const PASSWORD: &str = "p@ss/w:rd";
const PASSWORD_IN_URL: &str = "p%40ss%2Fw%3Ard";

/// The rules of a user in `config/redis-users.conf`.
pub(crate) fn rules(user: &str) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/redis-users.conf");
    let text = std::fs::read_to_string(shipped).unwrap();
    let rules = text.lines().find_map(|line| line.strip_prefix(&format!("user {user} ")));
    rules.unwrap_or_else(|| panic!("config/redis-users.conf has no user {user}")).to_owned()
}

/// Rules as words of ACL SETUSER: what stands in parentheses is one.
pub(crate) fn split(rules: &str) -> Vec<String> {
    let (plain, selector) = rules.split_once(" (").map_or((rules, None), |(plain, rest)| (plain, Some(rest)));
    let words = plain.split(' ').map(str::to_owned);
    words.chain(selector.map(|rest| format!("({rest}"))).collect()
}

/// An ACL file with these users, and with the default one for the test itself.
pub(crate) fn file(folder: &Path) -> PathBuf {
    let path = folder.join("users.acl");
    let mut text = "user default on nopass ~* &* +@all\n".to_owned();
    for user in [SERVICE, ON_CALL] {
        text.push_str(&format!("user {user} {} >{PASSWORD}\n", rules(user)));
    }
    std::fs::write(&path, text).unwrap();
    path
}

/// The URL, for the service.
pub(crate) fn as_service(url: &str) -> String {
    url.replacen("://", &format!("://{SERVICE}:{PASSWORD_IN_URL}@"), 1)
}
