//! What a proxy's log says of requests that failed, and of the node that each was on.

/// A request that was answered 5xx.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Failure {
    /// HAProxy's backend and server, or nginx' last upstream address.
    pub(super) server: String,
    line: String,
}

/// Of lines as config/haproxy.cfg and config/nginx.conf have them written. Both have the status in the fifth column.
pub(super) fn failures<'a>(proxy: &'a str, log: &'a str) -> impl Iterator<Item = Failure> + 'a {
    log.lines().filter_map(move |line| {
        let columns: Vec<&str> = line.split(' ').collect();
        if !columns.get(4)?.starts_with('5') {
            return None;
        }
        // nginx names all that it has asked, with commas between them.
        let server = match proxy {
            "haproxy" => columns.get(7)?,
            _ => columns[7..].iter().take_while(|column| column.contains(':')).last()?.trim_end_matches(','),
        };
        Some(Failure { server: (*server).to_owned(), line: line.to_owned() })
    })
}

#[test]
fn a_failed_request_is_told_by_its_status_and_has_its_node() {
    let haproxy = "127.0.0.1 [23/Nov/2026:04:11:04.123] POST vestibule 200 502 0/0/0/1/1 vestibule/node1 --\n\
                   127.0.0.1 [23/Nov/2026:04:11:04.124] POST vestibule 502 200 0/0/0/-1/1 vestibule/node2 SH\n";
    let nginx = "127.0.0.1 [2026-11-23T04:11:04+00:00] POST vestibule 201 503 0.001 127.0.0.1:81 201 0.001\n\
                 127.0.0.1 [2026-11-23T04:11:04+00:00] POST vestibule 503 9 0.001 127.0.0.1:81, 127.0.0.1:82 502, 502 0.0, 0.1\n\
                 127.0.0.1 [2026-11-23T04:11:04+00:00] POST vestibule 503 9 0.001 127.0.0.1:83 502 0.1\n";
    let servers = |proxy, log| failures(proxy, log).map(|failure| failure.server).collect::<Vec<_>>();
    assert_eq!(servers("haproxy", haproxy), ["vestibule/node2"]);
    assert_eq!(servers("nginx", nginx), ["127.0.0.1:82", "127.0.0.1:83"]);
}
