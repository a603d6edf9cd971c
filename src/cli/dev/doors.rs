//! Where everything listens: at the addresses that are configured, or at the usual ones, or at free ones.

use std::net::{SocketAddr, TcpListener};

use super::io_failure;
use crate::cli::{Failure, say};

/// The addresses of a fleet.
pub(super) struct Doors {
    /// Where the proxy listens, or would.
    pub(super) public: SocketAddr,
    /// Where the proxy shows what it thinks of the nodes.
    pub(super) view: SocketAddr,
    /// The public and the admin listener of each node.
    pub(super) nodes: Vec<(SocketAddr, SocketAddr)>,
}

impl Doors {
    /// The proxy's are what the configuration says, or 8080 and 9090; the nodes follow, a port each.
    pub(super) fn choose(variables: &[(String, String)], nodes: u16) -> Result<Self, Failure> {
        // All are held until all are known, so that they differ.
        let (mut publics, mut admins) = (Vec::new(), Vec::new());
        for nth in 0..=nodes {
            publics.push(nth_listener(variables, "HTTP", 8080, nth)?);
            admins.push(nth_listener(variables, "ADMIN", 9090, nth)?);
        }
        let address = |listener: &TcpListener| listener.local_addr().map_err(io_failure);
        let publics: Vec<SocketAddr> = publics.iter().map(address).collect::<Result<_, _>>()?;
        let admins: Vec<SocketAddr> = admins.iter().map(address).collect::<Result<_, _>>()?;
        let nodes = publics.iter().copied().zip(admins.iter().copied()).skip(1).collect();
        Ok(Self { public: publics[0], view: admins[0], nodes })
    }
}

/// Of a node alone.
pub(super) fn listener(variables: &[(String, String)], section: &str, port: u16) -> Result<TcpListener, Failure> {
    nth_listener(variables, section, port, 0)
}

/// So many ports after the configured address, or after the default one, or a free port where that is taken.
fn nth_listener(variables: &[(String, String)], section: &str, port: u16, nth: u16) -> Result<TcpListener, Failure> {
    let key = format!("VESTIBULE_{section}__LISTEN");
    if let Some((_, text)) = variables.iter().find(|(name, _)| *name == key) {
        let wrong = || Failure::usage(format!("{key}: write it as 127.0.0.1:{port}"));
        let mut address: SocketAddr = text.parse().map_err(|_| wrong())?;
        // 0 is any free port, for each of them.
        if address.port() != 0 {
            address.set_port(address.port().checked_add(nth).ok_or_else(wrong)?);
        }
        return TcpListener::bind(address).map_err(|error| Failure::usage(format!("{key}: {address}: {error}")));
    }
    let port = port + nth;
    TcpListener::bind(("127.0.0.1", port)).or_else(|_| {
        let free = TcpListener::bind(("127.0.0.1", 0)).map_err(io_failure)?;
        say(format_args!("Port {port} is taken; using {} instead.", free.local_addr().map_err(io_failure)?.port()))?;
        Ok(free)
    })
}
