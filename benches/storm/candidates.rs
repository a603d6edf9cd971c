//! The candidates: each looks, asks for a code and types one.

use vestibule::link::LinkToken;

use crate::stage::seed::{CODE, Seed};
use crate::stage::wrk::{self, Load, Outcome, Requests};
use crate::stage::{Served, Servers};

/// Connections that had been sent a request when a turn was over, and more.
const UNDER_WAY: usize = 1_000;

pub(crate) struct Candidates {
    requests: Requests,
    /// What was asked before is answered well only once.
    first: usize,
}

impl Candidates {
    /// Three requests for each two links: a code that is typed is none that was asked for just now.
    pub(crate) fn prepare(servers: &Servers, links: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (without, with) = runtime.block_on(async {
            let seed = Seed::connect(&servers.config()).await;
            let links = (seed.links(links / 2).await, seed.links_with_codes(links / 2).await);
            seed.close().await;
            links
        });
        let typed = format!(r#"{{"otp":"{CODE}"}}"#);
        let requests = without.iter().zip(&with).flat_map(|(without, with)| {
            [
                of_link("GET", without, "info", ""),
                of_link("POST", without, "request-otp", ""),
                of_link("POST", with, "verify-otp", &typed),
            ]
        });
        Self { requests: Requests::write(&servers.folder, "candidates", requests), first: 0 }
    }

    pub(crate) fn ask(&mut self, node: &Served, load: Load, seconds: u32) -> Outcome {
        let outcome = wrk::run(&node.public, &self.requests, self.first, load, seconds);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let asked = outcome.requests as usize;
        self.first += asked + UNDER_WAY;
        outcome
    }
}

fn of_link(method: &str, link: &LinkToken, endpoint: &str, body: &str) -> [String; 4] {
    [method.into(), format!("/candidate-access/{}/{endpoint}", *link.expose()), String::new(), body.into()]
}
