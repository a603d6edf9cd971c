//! Telling a service manager how far we are (sd_notify): one datagram to the socket that it names.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Nothing is said where nobody has asked.
pub(super) struct Notify(Option<OsString>);

impl Notify {
    pub(super) fn from_environment() -> Self {
        Self(std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()))
    }

    /// It listens.
    pub(super) fn ready(&self) {
        self.say("READY=1");
    }

    /// It drains.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, state: &str) {
        let Some(name) = &self.0 else { return };
        let address = match name.as_bytes() {
            [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
            _ => SocketAddr::from_pathname(name),
        };
        if let Err(error) = address.and_then(|address| send(&address, state)) {
            tracing::warn!(cause = %error, state, "the service manager cannot be told");
        }
    }
}

/// A manager that does not read is not waited for.
fn send(address: &SocketAddr, state: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_file_is_found_too() {
        let name = format!("vestibule-notify-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let notify = Notify(Some(format!("@{name}").into()));
        for (say, expected) in [(Notify::ready as fn(&Notify), "READY=1"), (Notify::stopping, "STOPPING=1")] {
            say(&notify);
            let mut heard = [0; 32];
            let length = manager.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], expected.as_bytes());
        }
        // Nobody there, or nobody asked: said into the wind.
        drop(manager);
        notify.ready();
        Notify(None).ready();
    }
}
