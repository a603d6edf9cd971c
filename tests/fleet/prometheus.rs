//! A real Prometheus, by the configuration that is shipped, on two nodes that work: what the dashboard asks is answered.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::storm::{storm, story};
use crate::support::TestApp;
use crate::support::app::Setup;
use crate::support::child::Child;
use crate::support::http::Http;
use crate::support::postgres::fresh_folder;
use crate::support::until::{answered, until};

/// Dropped, it is killed.
struct Prometheus {
    address: SocketAddr,
    http: Http,
    _child: Child,
}

impl Prometheus {
    async fn start(app: &TestApp) -> Self {
        let [_, pid @ ..] = std::process::id().to_be_bytes();
        let address = SocketAddr::from(([127, 32 | (pid[0] & 31), pid[1], pid[2].max(1)], 19_090));
        let folder = fresh_folder("prometheus");
        let nodes: Vec<String> = app.nodes.iter().map(|node| format!("\"{}\"", node.admin)).collect();
        let shipped = include_str!("../../config/prometheus.yml");
        let config = shipped.replace("\"127.0.0.1:9090\"", &nodes.join(", ")).replace("15s", "1s").replace("5s", "1s");
        assert!(config.contains(&nodes[1]) && !config.contains("15s"), "{config}");
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        fs::write(folder.join("alerts.yml"), include_str!("../../config/alerts.yml")).unwrap();
        let listen = format!("--web.listen-address={address}");
        let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &listen, "--log.level=warn"];
        let child = Child::start("prometheus", &arguments, &[], &folder);
        let prometheus = Self { address, http: app.http.to_proxy(), _child: child };
        until("Prometheus to listen", async || tokio::net::TcpStream::connect(address).await.is_ok().then_some(()))
            .await;
        prometheus
    }

    async fn api(&self, path: &str) -> Value {
        let answer = self.http.get(&format!("http://{}/api/v1/{path}", self.address)).await;
        answer.json()
    }

    /// The samples of an instant.
    async fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.api(&format!("query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC))).await;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{expression}: {answer}")).clone()
    }
}

/// Every query of the dashboard with its panel, as Grafana would ask it.
fn queries() -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(include_str!("../../config/dashboard.json")).unwrap();
    let panels = board["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let asked = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().clone();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    asked.map(|(title, asked)| (title, asked.replace("$__rate_interval", "1m").replace("$instance", ".*"))).collect()
}

#[tokio::test]
#[ignore = "a Prometheus that scrapes for some seconds"]
async fn a_real_prometheus_answers_what_the_dashboard_asks() {
    let app = Setup::new().nodes(2).behind_proxy().start().await;
    let prometheus = Prometheus::start(&app).await;
    story(&app).await;
    let link = app.invite("bob@example.com").await;
    // No more than one client may ask in a minute.
    let scraped = answered(Duration::from_millis(500), Duration::from_secs(55), async || {
        app.info(&link).await.assert_status(200);
        app.log_in("grace", "correct horse battery").await.assert_status(200);
        let scrapes = prometheus.query("sum(count_over_time(vestibule_build_info[5m]))").await;
        let scrapes = scrapes.first().and_then(|sample| sample["value"][1].as_str()?.parse::<u32>().ok());
        if scrapes >= Some(10) { Ok(()) } else { Err(format!("{scrapes:?} scrapes")) }
    });
    scraped.await.unwrap();
    storm(&app).await;

    let (mut silent, queries) = (Vec::new(), queries());
    for (title, expression) in &queries {
        assert!(!expression.contains('$'), "{title}: {expression}");
        if prometheus.query(expression).await.is_empty() {
            silent.push(format!("{title}: {expression}"));
        }
    }
    println!("{} queries, {} without a sample: {silent:#?}", queries.len(), silent.len());
    // What has never happened here: there is nothing to draw.
    let never = ["\"locked\"", "\"reset_password\"", "\"interview_create\"", "authz_user|", "\"fault\""];
    silent.retain(|asked| !never.iter().any(|word| asked.contains(word)));
    assert!(silent.is_empty(), "{silent:#?}");

    let rules = prometheus.api("rules").await;
    let groups = rules["data"]["groups"].as_array().unwrap();
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() >= 20, "{rules:?}");
    for rule in rules {
        assert_eq!((&rule["health"], &rule["state"]), (&"ok".into(), &"inactive".into()), "{rule}");
    }
}
