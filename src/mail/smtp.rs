//! One relay, spoken to by SMTP.
//!
//! lettre speaks the protocol, one command at a time. Its ready-made transport is left aside for two reasons: it puts
//! a connection that was given up in the middle of a letter back into its pool, where the next letter reads the
//! answer to the last one; and it does not tell which command was refused, so that a relay that bars us at its door
//! would look as if it refused the letter.

use super::address::EmailAddress;
use super::compose::Letter;
use super::idle::{IdleConnections, goodbye};
use super::redact;
use crate::config::{RelayTls, RelayUrl};
use crate::fault::ago;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A host may have several addresses, and one that is dead must not use up the whole send.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Replies of any command that are about our login, not about the letter (RFC 4954, section 6).
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];

/// "Service not available": said to any command by a relay that goes, and not of a letter (RFC 5321, section 3.8).
const RELAY_GOES: u16 = 421;

/// What `mail.url` does not say of a relay.
#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// Cuts a whole send, from the connect to the last answer.
    pub timeout: Duration,
    /// Certificates (PEM) to trust beside the system's, as of a company's own authority.
    pub extra_roots_pem: Option<String>,
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The relay has it now.
    Accepted,
    /// Not now, or nothing to do with the letter: try again.
    Deferred(String),
    /// This letter, for good.
    Refused(String),
}

/// One relay, with the connections that it keeps open.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    url: RelayUrl,
    timeout: Duration,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: IdleConnections,
    /// Why it did not take the last letter, and when, where it is the relay and not the letter.
    trouble: Mutex<Option<(Instant, String)>>,
}

/// How far a conversation came, for the words of its failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Letter,
}

/// Shared with the caller, who cuts the conversation off from outside.
struct Progress(Mutex<Stage>);

struct Envelope<'a> {
    from: &'a Address,
    to: Address,
    bytes: Vec<u8>,
}

impl Relay {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Where the certificates to trust cannot be read.
    pub fn new(url: &RelayUrl, options: &RelayOptions) -> Result<Relay, String> {
        let tls = match url.tls {
            RelayTls::None => None,
            RelayTls::Implicit | RelayTls::StartTls => Some(trust(&url.host, options.extra_roots_pem.as_deref())?),
        };
        Ok(Relay(Arc::new(Inner {
            url: url.clone(),
            timeout: options.timeout,
            tls,
            hello: ClientId::default(),
            idle: IdleConnections::default(),
            trouble: Mutex::default(),
        })))
    }

    /// Sends, or gives up after the timeout. A letter that was given up may have been taken all the same: the next
    /// try has the same Message-ID.
    pub async fn send(&self, letter: &Letter, from: &Mailbox, message_id: &str) -> Sent {
        let envelope = match envelope(letter, from, message_id) {
            Ok(envelope) => envelope,
            Err(reason) => return Sent::Refused(reason),
        };
        let progress = Progress(Mutex::new(Stage::Connect));
        let (sent, is_of_relay) = match timeout(self.0.timeout, self.0.deliver(&envelope, &progress)).await {
            Ok(Ok(connection)) => {
                self.0.idle.keep(connection);
                (Sent::Accepted, false)
            }
            Ok(Err(failure)) => (failure.judged(progress.stage(), letter), !failure.is_of_letter(progress.stage())),
            // The connection was dropped with the conversation: what the relay still answers, nobody reads.
            Err(_) => (Sent::Deferred(self.0.timed_out(progress.stage())), true),
        };
        *self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner) = match &sent {
            Sent::Deferred(why) if is_of_relay => Some((Instant::now(), why.clone())),
            Sent::Accepted | Sent::Refused(_) | Sent::Deferred(_) => None,
        };
        sent
    }

    /// Why the last letter was not taken, and how long ago: a relay that has taken, refused or greylisted one since is
    /// well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map(|(at, why)| format!("{}: {why}", ago(*at)))
    }

    /// Goes as far as one can without a letter, and says how far that was.
    pub async fn check(&self) -> Result<String, String> {
        let Inner { url, .. } = &*self.0;
        let progress = Progress(Mutex::new(Stage::Connect));
        let conversation = async {
            let mut connection = self.0.connect(&progress).await?;
            let answers = connection.test_connected().await;
            goodbye(connection).await;
            Ok::<_, SmtpError>(answers)
        };
        match timeout(self.0.timeout, conversation).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(format!("{url} does not answer NOOP")),
            Ok(Err(error)) => {
                return Err(format!("{url}, {}: {}", progress.stage(), redact::words(&told(&error), None)));
            }
            Err(_) => return Err(format!("{url}, {}", self.0.timed_out(progress.stage()))),
        }
        let encrypted = match url.tls {
            RelayTls::None => "not encrypted",
            RelayTls::StartTls => "encrypted by STARTTLS, certificate trusted",
            RelayTls::Implicit => "encrypted from the start, certificate trusted",
        };
        let signed_in = if url.credentials.is_some() { "signed in" } else { "no sign-in" };
        Ok(format!("{url} answers: {encrypted}, {signed_in}"))
    }
}

impl Inner {
    async fn deliver(&self, letter: &Envelope<'_>, progress: &Progress) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = match self.idle.take().await {
            Some(connection) => connection,
            None => self.connect(progress).await?,
        };
        match converse(&mut connection, letter, progress).await {
            Ok(()) => Ok(connection),
            Err(failure) => {
                if failure.is_answer() {
                    tokio::spawn(goodbye(connection));
                }
                Err(failure)
            }
        }
    }

    async fn connect(&self, progress: &Progress) -> Result<AsyncSmtpConnection, SmtpError> {
        progress.reach(Stage::Connect);
        let address = (self.url.host.as_str(), self.url.port);
        let implicit = self.tls.clone().filter(|_| self.url.tls == RelayTls::Implicit);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_WITHIN), &self.hello, implicit, None).await?;
        if let (RelayTls::StartTls, Some(tls)) = (self.url.tls, &self.tls) {
            progress.reach(Stage::StartTls);
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.url.credentials {
            progress.reach(Stage::SignIn);
            let credentials = Credentials::new(login.user.clone(), login.password.to_string());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn timed_out(&self, stage: Stage) -> String {
        // A test's timeout is shorter than a second.
        format!("{stage}: timed out after {} s", self.timeout.as_secs_f64())
    }
}

async fn converse(
    connection: &mut AsyncSmtpConnection,
    letter: &Envelope<'_>,
    progress: &Progress,
) -> Result<(), Failure> {
    progress.reach(Stage::Sender);
    let addresses_are_ascii = [letter.from, &letter.to].iter().all(|address| address.to_string().is_ascii());
    let mut parameters = Vec::new();
    if !addresses_are_ascii {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Undeliverable("the relay cannot take an address beyond ASCII (no SMTPUTF8)"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !letter.bytes.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(Mail::new(Some(letter.from.clone()), parameters)).await?;
    progress.reach(Stage::Recipient);
    connection.command(Rcpt::new(letter.to.clone(), Vec::new())).await?;
    progress.reach(Stage::Letter);
    connection.command(Data).await?;
    connection.message(&letter.bytes).await?;
    Ok(())
}

enum Failure {
    Smtp(SmtpError),
    Undeliverable(&'static str),
}

impl From<SmtpError> for Failure {
    fn from(error: SmtpError) -> Failure {
        Failure::Smtp(error)
    }
}

impl Failure {
    /// Whether the relay said so itself, and the conversation could go on.
    fn is_answer(&self) -> bool {
        matches!(self, Failure::Smtp(error) if error.status().is_some()) || matches!(self, Failure::Undeliverable(_))
    }

    /// Whether the relay, which is well, has judged this recipient or this content, for now or for good.
    fn is_of_letter(&self, stage: Stage) -> bool {
        let answer = match self {
            Failure::Smtp(error) => error.status().map(u16::from),
            Failure::Undeliverable(_) => return true,
        };
        matches!(stage, Stage::Recipient | Stage::Letter)
            && answer.is_some_and(|code| code != RELAY_GOES && !LOGIN_CODES.contains(&code))
    }

    /// The door, the login and the sender are ours to put right; recipient and content are the letter's.
    fn judged(&self, stage: Stage, letter: &Letter) -> Sent {
        let error = match self {
            Failure::Smtp(error) => error,
            Failure::Undeliverable(reason) => return Sent::Refused((*reason).to_owned()),
        };
        let reason = redact::words(&format!("{stage}: {}", told(error)), Some(letter));
        let about_the_letter = matches!(stage, Stage::Recipient | Stage::Letter);
        let about_our_login = error.status().is_some_and(|code| LOGIN_CODES.contains(&u16::from(code)));
        if error.is_permanent() && about_the_letter && !about_our_login {
            Sent::Refused(reason)
        } else {
            Sent::Deferred(reason)
        }
    }
}

/// The relay's own words behind its code, or what went wrong on the way to it.
fn told(error: &SmtpError) -> String {
    match (error.status(), std::error::Error::source(error)) {
        (Some(code), Some(words)) => format!("{code} {words}"),
        (Some(code), None) => code.to_string(),
        _ => error.to_string(),
    }
}

fn envelope<'a>(letter: &Letter, from: &'a Mailbox, message_id: &str) -> Result<Envelope<'a>, String> {
    let to = EmailAddress::parse(&letter.to).ok_or("the address is not one that mail can be sent to")?.into_inner();
    let automatic = [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")];
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(letter.subject.as_str())
        .message_id(Some(format!("<{message_id}>")))
        .date_now();
    for (name, value) in automatic {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    let message = builder
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|error| format!("no mail can be made of it: {error}"))?;
    Ok(Envelope { from: &from.email, to, bytes: message.formatted() })
}

/// rustls on ring; the system's roots, or those that SSL_CERT_FILE names.
fn trust(host: &str, extra_roots_pem: Option<&str>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = extra_roots_pem {
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| error.to_string())
}

impl Progress {
    fn reach(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Connect => "connect",
            Stage::StartTls => "STARTTLS",
            Stage::SignIn => "sign-in",
            Stage::Sender => "sender",
            Stage::Recipient => "recipient",
            Stage::Letter => "letter",
        })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({})", self.0.url)
    }
}
