//! What a template may say: words, addresses of assets, and what the configuration tells of this service.

use crate::config::Config;

use super::{assets, words};

/// What every page is made with.
pub(super) struct Frame<'a> {
    /// Who invites.
    pub(super) organisation: &'a str,
    pub(super) config: &'a Config,
}

impl<'a> Frame<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self { organisation: &config.organisation, config }
    }

    /// The words of this name, as `join.title`.
    pub(super) fn say(&self, name: &str) -> &'static str {
        words::of(name)
    }

    /// The same, with a number in it.
    pub(super) fn say_number(&self, name: &str, number: impl std::fmt::Display) -> String {
        words::of(name).replace("{n}", &number.to_string())
    }

    /// Words for the page's scripts: these sections, for say.js. Data is not run, and no policy minds it.
    pub(super) fn words(&self, sections: &str) -> String {
        format!("<script type=\"application/json\" id=\"words\">{}</script>", words::sections(sections))
    }

    /// Where browsers load this asset from.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::path(name)
    }

    /// The first letter of the organisation's name: a mark that every organisation has.
    pub(super) fn initial(&self) -> String {
        self.organisation.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}
