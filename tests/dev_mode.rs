//! `vestibule dev`, as a newcomer meets it.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use hyper::Method;
use rustix::process::Signal;

use crate::support::child::{Child, path};
use crate::support::http::Http;
use crate::support::postgres::fresh_folder;

fn dev(folder: &Path) -> Child {
    // Whether a machine that others load hashes in time is not what is asked of it here.
    let patience =
        [("ACCOUNTS__HASH_TIMEOUT", "60s"), ("HTTP__HANDLER_TIMEOUT", "2m"), ("POSTGRES__CONNECT_TIMEOUT", "10s")];
    let environment = patience.map(|(key, value)| (format!("VESTIBULE_{key}"), value.to_owned()));
    Child::start(env!("CARGO_BIN_EXE_vestibule"), &["dev"], &environment, folder)
}

/// What it shows, once it has shown all of it.
async fn shown(child: &Child) -> Vec<String> {
    child.line(" explain http").await;
    child.lines()
}

fn after<'a>(lines: &'a [String], words: &str) -> &'a str {
    let line = lines.iter().find_map(|line| line.trim_start().strip_prefix(words));
    line.unwrap_or_else(|| panic!("no {words:?} in {lines:#?}")).trim()
}

/// Ctrl-C; everything that it had started is gone with it.
async fn interrupt(mut child: Child, folder: &Path) {
    assert!(!processes_of(folder).is_empty(), "this is how its servers would be found");
    child.signal(Signal::INT);
    assert_eq!(child.ended().await.code(), Some(0), "{:#?}", child.lines());
    child.line("Stopped. The data stays under .vestibule/").await;
    assert_eq!(processes_of(folder), Vec::<String>::new());
}

/// Processes that work in this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let here = format!("{}/", folder.display());
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let of_folder = processes.filter_map(|process| {
        let cwd = std::fs::read_link(process.join("cwd")).ok()?;
        let command = std::fs::read(process.join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let ours = (cwd.starts_with(folder) || command.contains(&here)) && !command.is_empty();
        ours.then(|| format!("{} {command}", process.display()))
    });
    of_folder.collect()
}

/// Runs the lines that are printed to be copied.
async fn follow(lines: &[String]) -> String {
    let first = place(lines, "  LINK=");
    let script = lines[first..first + 6].join("\n");
    let shell = ["-c", &format!("set -e; command -v curl >/dev/null || exit 99\n{script}")];
    let output = Command::new("sh").args(shell).env_clear().env("PATH", path()).output().unwrap();
    if output.status.code() == Some(99) {
        return follow_without_curl(&script).await;
    }
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

/// The same requests, read out of the lines.
async fn follow_without_curl(script: &str) -> String {
    let http = Http::new();
    let link = script.lines().next().unwrap().trim().strip_prefix("LINK=").unwrap();
    let mailbox = script.split('\'').find(|part| part.contains("/dev/mail.json?")).unwrap();
    let info = http.get(&format!("{link}/info")).await.text();
    http.post(&format!("{link}/request-otp")).await.assert_status(202);
    let subject = crate::support::until::until("the mail", async || {
        let mails = http.get(mailbox).await.json();
        mails[0]["subject"].as_str().map(str::to_owned)
    })
    .await;
    let body = format!(r#"{{"otp":"{}"}}"#, &subject[..6]);
    let session = http.post_json(&format!("{link}/verify-otp"), &body).await.text_of("sessionToken");
    let headers = [("x-session-token", session.as_str())];
    info + &http.send(Method::POST, &format!("{link}/start"), &headers, "").await.text()
}

/// The first line that begins so.
#[track_caller]
fn place(lines: &[String], words: &str) -> usize {
    lines.iter().position(|line| line.starts_with(words)).unwrap_or_else(|| panic!("no {words:?} in {lines:#?}"))
}

/// Runs these printed lines in a folder.
#[track_caller]
fn paste(lines: &[String], folder: &Path) -> String {
    let script = format!("set -e\n{}", lines.join("\n"));
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &script]).env_clear().env("PATH", path()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_newcomer_stops_it_comes_back_to_the_same_link_and_goes_in() {
    let folder = fresh_folder("dev").canonicalize().unwrap();
    let taken = [8080, 9090].map(|port| (port, TcpListener::bind(("127.0.0.1", port))));
    let first = dev(&folder);
    let lines = shown(&first).await;
    for (port, _) in taken.iter().filter(|(_, bound)| bound.is_ok()) {
        // What somebody else has taken on this machine may be free again by now.
        after(&lines, &format!("Port {port} is taken; using "));
    }
    let token = |lines: &[String]| after(lines, "join link").rsplit('/').next().unwrap().to_owned();
    let before = token(&lines);

    let mut second = dev(&folder);
    assert_eq!(second.ended().await.code(), Some(69), "{:#?}", second.lines());
    second.line(&format!("in use by process {}: stop that one first", first.pid())).await;
    interrupt(first, &folder).await;

    drop(taken);
    let again = dev(&folder);
    let lines = shown(&again).await;
    assert_eq!(token(&lines), before);

    let through = follow(&lines).await;
    for words in ["\"candidateName\":\"Ada Lovelace\"", "\"sessionId\":", "\"startedAt\":"] {
        assert!(through.contains(words), "{words} is not in {through}");
    }
    let page = Http::new().get(after(&lines, "captured mail")).await.assert_status(200).text();
    assert!(page.contains("ada@example.com"), "{page}");
    let scan = format!("{} --scan --pattern 'vb:otp:*'", after(&lines, "redis  "));
    assert!(paste(&[scan], &folder).starts_with("vb:otp:"));
    let has_curl = Command::new("sh").args(["-c", "command -v curl"]).env("PATH", path()).output().unwrap().status;
    if has_curl.success() {
        let (from, to) = (place(&lines, "  API="), place(&lines, "All of the API"));
        let copied: Vec<String> = lines[from..to].iter().filter(|line| line.starts_with("  ")).cloned().collect();
        let said = paste(&copied, &folder);
        for words in
            ["\"username\":\"grace\"", " is recruiter now.", "\"candidateName\":\"Bob\"", "\"nextCursor\":null"]
        {
            assert!(said.contains(words), "{words} is not in {said}");
        }
    }
    let operate = place(&lines, "  . .vestibule/env");
    let said = paste(&lines[operate..operate + 3], &folder);
    assert!(said.contains("/interview/join/") && said.contains("LIVE: it ends"), "{said}");
    interrupt(again, &folder).await;
}
