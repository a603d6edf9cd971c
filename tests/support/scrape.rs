//! What a node tells whoever scrapes it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::TestApp;

/// One scrape.
pub(crate) struct Scrape(pub(crate) String);

impl TestApp {
    /// Scrapes the first node.
    pub(crate) async fn scrape(&self) -> Scrape {
        self.scrape_at(self.nodes[0].admin).await
    }

    pub(crate) async fn scrape_at(&self, admin: SocketAddr) -> Scrape {
        let answer = self.http.get(&format!("http://{admin}/metrics")).await.assert_status(200);
        Scrape(String::from_utf8(answer.body).unwrap())
    }
}

impl Scrape {
    /// Each series with its labels, as it is written, and its value.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(series, value)| (series, value.parse().unwrap()))
    }

    /// The value of a series; 0 where there is none yet.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.samples().find(|(found, _)| *found == series).map_or(0.0, |(_, value)| value)
    }

    /// Names with their labels' names, buckets aside.
    pub(crate) fn shapes(&self) -> BTreeMap<&str, BTreeSet<Vec<&str>>> {
        let mut shapes: BTreeMap<&str, BTreeSet<Vec<&str>>> = BTreeMap::new();
        for (series, _) in self.samples() {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            // Values are names of our own, without a comma, a quote or a brace.
            let labels = labels.trim_end_matches('}').split(',').filter_map(|label| Some(label.split_once('=')?.0));
            shapes.entry(name).or_default().insert(labels.filter(|label| *label != "le").collect());
        }
        shapes
    }

    /// The same in the older format, which `promtool check metrics` reads.
    pub(crate) fn classic(&self) -> String {
        let counters: BTreeSet<&str> =
            self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
        let lines = self.0.lines().filter(|line| *line != "# EOF").map(|line| {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                    format!("# {what} {name}_total {rest}\n")
                }
                (Some("#"), Some("TYPE"), Some(name), Some("info")) => format!("# TYPE {name}_info gauge\n"),
                (Some("#"), Some("HELP"), Some(name), Some(rest)) if name == "vestibule_build" => {
                    format!("# HELP {name}_info {rest}\n")
                }
                _ => format!("{line}\n"),
            }
        });
        lines.collect()
    }
}
