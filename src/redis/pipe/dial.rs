//! Connecting to a primary, and saying who we are.

use std::fmt;
use std::path::PathBuf;

use fred::types::config::Server;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::resp::{self, Frame, Stop};
use crate::config::Redis as Settings;
use crate::redis::call::write_command;
use crate::redis::connect::{KEEPALIVE, UNRESPONSIVE};
use crate::redis::reply::Answer;

/// How the connections of the pipes are called, in CLIENT LIST.
const NAME: &str = "vestibule-pipe";

/// Where a primary is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Unix(PathBuf),
    Tcp(Server),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(server) => write!(f, "{}:{}", server.host, server.port),
        }
    }
}

/// What a dial needs to know beside the place.
pub(super) struct Dialler {
    pub(super) settings: Settings,
    pub(super) tls: Option<TlsConnector>,
}

/// Whatever bytes go through.
pub(super) type Stream = Box<dyn Duplex>;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Dialler {
    /// A connection to a primary that has let us in. The error says no more than that and why.
    pub(super) async fn dial(&self, place: &Place) -> Result<Stream, String> {
        let dialled = async {
            let mut stream = self.connect(place).await.map_err(|error| error.to_string())?;
            self.introduce(&mut stream).await?;
            Ok(stream)
        };
        timeout(self.settings.connect_timeout, dialled).await.unwrap_or_else(|_| Err("it took too long".to_owned()))
    }

    async fn connect(&self, place: &Place) -> std::io::Result<Stream> {
        let server = match place {
            Place::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Place::Tcp(server) => server,
        };
        let stream = TcpStream::connect((&*server.host, server.port)).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        socket.set_tcp_user_timeout(Some(UNRESPONSIVE))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = server.tls_server_name.as_ref().unwrap_or(&server.host).to_string();
        let name = ServerName::try_from(name).map_err(std::io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    /// All of it in one round trip. A replica is refused: it would answer READONLY to everything.
    async fn introduce(&self, stream: &mut Stream) -> Result<(), String> {
        let (login, mut words) = (&self.settings.url.login, Zeroizing::new(Vec::new()));
        let auth = match (&login.username, &login.password) {
            (Some(user), Some(password)) => vec!["AUTH", user, password],
            (None, Some(password)) => vec!["AUTH", password],
            (_, None) => Vec::new(),
        };
        if !auth.is_empty() {
            write_command(&mut words, &auth);
        }
        write_command(&mut words, &["CLIENT", "SETNAME", NAME]);
        write_command(&mut words, &["ROLE"]);
        stream.write_all(&words).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;

        let mut read = Vec::new();
        if !auth.is_empty() {
            answer(stream, &mut read).await?.map_err(|code| format!("AUTH is refused: {code}"))?;
        }
        // It is for people who look: a user who may not say it is one all the same.
        let _unnamed = answer(stream, &mut read).await?;
        let role = answer(stream, &mut read).await?.map_err(|code| format!("ROLE is refused: {code}"))?;
        match role.text(0) {
            Some("master") => Ok(()),
            _ => Err("it is no primary".to_owned()),
        }
    }
}

/// The next answer, or the code of an error: its words quote what they like.
async fn answer(stream: &mut Stream, read: &mut Vec<u8>) -> Result<Result<Answer, String>, String> {
    loop {
        match resp::read(read) {
            Ok((frame, length)) => {
                read.drain(..length);
                return Ok(match frame {
                    Frame::Answer(answer) => Ok(answer),
                    Frame::Refusal(text) => Err(text.split([' ', ':']).next().unwrap_or_default().to_owned()),
                });
            }
            Err(Stop::Garbage(cause)) => return Err(cause.to_owned()),
            Err(Stop::Incomplete) => match stream.read_buf(read).await {
                Ok(0) => return Err("it was closed by the other side".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            },
        }
    }
}
