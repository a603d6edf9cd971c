//! What was asked, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use tokio::time::Instant;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) what: &'static str,
    /// Over a connection that was used before, or one of its own.
    pub(super) kept: bool,
    pub(super) expected: u16,
    /// `None` where the connection ended without an answer.
    pub(super) status: Option<u16>,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Ledger(pub(super) Vec<Request>);

impl Ledger {
    pub(super) fn wrong(&self) -> Vec<&Request> {
        self.0.iter().filter(|request| request.status != Some(request.expected)).collect()
    }

    /// Every answer is the right one, but where there is an excuse.
    pub(super) fn assert_right(&self, excused: impl Fn(&Request) -> bool) {
        let wrong: Vec<&Request> = self.wrong().into_iter().filter(|request| !excused(request)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(self.0.len() > 200, "{} requests are no traffic", self.0.len());
    }
}

/// A line for each kind of request and connection: how many had which answer.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: BTreeMap<(&str, &str), BTreeMap<String, usize>> = BTreeMap::new();
        for request in &self.0 {
            let connection = if request.kept { "kept" } else { "fresh" };
            let status = request.status.map_or("none".to_owned(), |status| status.to_string());
            *rows.entry((request.what, connection)).or_default().entry(status).or_default() += 1;
        }
        let lengths = self.0.iter().map(|request| (request.ended - request.began).as_millis());
        writeln!(f, "  {:<36} {:<10} answers", "request", "connection")?;
        for ((what, connection), answers) in rows {
            let answers: Vec<String> = answers.iter().map(|(status, count)| format!("{status} x {count}")).collect();
            writeln!(f, "  {what:<36} {connection:<10} {}", answers.join(", "))?;
        }
        let (all, wrong, longest) = (self.0.len(), self.wrong().len(), lengths.max().unwrap_or_default());
        write!(f, "  {all} requests, {wrong} of them answered wrongly or not at all; the longest took {longest} ms")
    }
}
