//! A relay for tests, on a port of its own: it speaks SMTP for real and misbehaves on demand.

use mailparse::MailHeaderMap as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};

/// Waiting ends with the condition; this only ends a test that fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// The one login that AUTH PLAIN accepts.
pub(crate) const USER: &str = "vestibule";
pub(crate) const PASSWORD: &str = "p@ss/word";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Accept,
    /// 451 to RCPT.
    Defer,
    /// 550 to RCPT, repeating the address.
    Refuse,
    /// 550 to MAIL: our sender is not welcome.
    RefuseSender,
    /// 554 instead of a greeting: we are not welcome.
    Barred,
    /// 554 to the letter, repeating the whole of it.
    RefuseContent,
    /// Takes the connection and says nothing.
    Silent,
    /// Greets, and says nothing more.
    SilentAfterBanner,
    /// Takes the letter and never answers.
    SilentAfterData,
    /// Takes the letter and hangs up before the 250.
    CutAfterData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Plain,
    Implicit,
    StartTls,
}

/// A letter that was taken, whether or not its sender was told.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) acknowledged: bool,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

pub(crate) struct SmtpSink {
    port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
    certificate_pem: String,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    flavour: Flavour,
    tls: TlsAcceptor,
    seen: watch::Sender<Seen>,
}

#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) mails: Vec<Received>,
    /// TCP connections.
    pub(crate) conversations: usize,
    /// MAIL commands.
    pub(crate) attempts: usize,
    /// How often all open conversations were told to end.
    hang_ups: usize,
    /// Letters that ended with their last dot, answered or not.
    pub(crate) letters: usize,
    /// The most conversations that were open at once.
    pub(crate) open_at_most: usize,
    open: usize,
}

impl SmtpSink {
    pub(crate) async fn start(behaviour: Behaviour) -> SmtpSink {
        SmtpSink::start_as(behaviour, Flavour::Plain).await
    }

    pub(crate) async fn start_as(behaviour: Behaviour, flavour: Flavour) -> SmtpSink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (tls, certificate_pem) = self_signed();
        let shared =
            Arc::new(Shared { behaviour: Mutex::new(behaviour), flavour, tls, seen: watch::Sender::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        SmtpSink { port, shared, accepting, certificate_pem }
    }

    /// From the next command on, in open conversations too.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().expect("no test panics with it") = behaviour;
    }

    /// Ends the conversations that are open now at their next command, as a relay does with idle ones.
    pub(crate) fn hang_up(&self) {
        self.shared.seen.send_modify(|seen| seen.hang_ups += 1);
    }

    pub(crate) fn url(&self) -> String {
        match self.shared.flavour {
            Flavour::Plain => format!("smtp://127.0.0.1:{}?tls=none", self.port),
            Flavour::StartTls => format!("smtp://localhost:{}?tls=required", self.port),
            Flavour::Implicit => format!("smtps://localhost:{}", self.port),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// To be trusted, or not.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(crate) fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// The nth letter to an address, from 1; waits until it is there.
    pub(crate) async fn mail_to(&self, to: &str, nth: usize) -> Received {
        let position = |seen: &Seen| to_address(seen, to).nth(nth - 1).cloned();
        let what = format!("letter {nth} to {to}");
        let seen = self.until(&what, |seen| position(seen).is_some()).await;
        position(&seen).expect("it was there")
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) -> Seen {
        let mut receiver = self.shared.seen.subscribe();
        let waiting = receiver.wait_for(|seen| condition(seen));
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(seen) => seen.expect("the sink lives").clone(),
            Err(_) => {
                let seen = self.seen();
                let subjects: Vec<_> = seen.mails.iter().map(|mail| (&mail.to, &mail.subject)).collect();
                panic!("no {what} after {DEADLINE:?}; {} attempts, {subjects:?}", seen.attempts)
            }
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn behaviour(&self) -> Behaviour {
        *self.behaviour.lock().expect("no test panics with it")
    }
}

fn to_address<'a>(seen: &'a Seen, to: &str) -> impl Iterator<Item = &'a Received> {
    seen.mails.iter().filter(move |mail| mail.to.eq_ignore_ascii_case(to))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Conversations end with the sink: a set aborts what it holds when it is dropped.
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            shared.seen.send_modify(|seen| {
                seen.conversations += 1;
                seen.open += 1;
                seen.open_at_most = seen.open_at_most.max(seen.open);
            });
            let _hung_up = serve(stream, &shared).await;
            shared.seen.send_modify(|seen| seen.open -= 1);
        });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    if shared.flavour == Flavour::Implicit {
        let mut encrypted = BufReader::new(shared.tls.accept(stream).await?);
        greet(&mut encrypted, shared).await?;
        converse(&mut encrypted, shared, false).await?;
        return Ok(());
    }
    let offer = shared.flavour == Flavour::StartTls;
    let mut plain = BufReader::new(stream);
    greet(&mut plain, shared).await?;
    if converse(&mut plain, shared, offer).await? == Next::StartTls {
        let encrypted = shared.tls.accept(plain.into_inner()).await?;
        converse(&mut BufReader::new(encrypted), shared, false).await?;
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Close,
    StartTls,
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, shared: &Shared) -> std::io::Result<()> {
    match shared.behaviour() {
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Barred => say(stream, "554 5.7.1 you are not welcome here").await,
        _ => say(stream, "220 sink.example ESMTP").await,
    }
}

async fn converse<S>(stream: &mut BufReader<S>, shared: &Shared, offer_tls: bool) -> std::io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from, mut to) = (String::new(), String::new());
    let hang_ups = shared.seen.borrow().hang_ups;
    loop {
        let mut line = String::new();
        let ended = stream.read_line(&mut line).await? == 0;
        if ended || shared.seen.borrow().hang_ups > hang_ups {
            return Ok(Next::Close);
        }
        let behaviour = shared.behaviour();
        if matches!(behaviour, Behaviour::Silent | Behaviour::SilentAfterBanner) {
            std::future::pending::<()>().await;
        }
        let line = line.trim_end();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say(stream, offers(offer_tls)).await?,
            "STARTTLS" if offer_tls => {
                say(stream, "220 go ahead").await?;
                return Ok(Next::StartTls);
            }
            _ if offer_tls && verb != "QUIT" => say(stream, "530 5.7.0 STARTTLS first").await?,
            "AUTH" if signs_in(line) => say(stream, "235 2.7.0 welcome").await?,
            "AUTH" => say(stream, "535 5.7.8 bad username or password").await?,
            "MAIL" => {
                shared.seen.send_modify(|seen| seen.attempts += 1);
                from = in_brackets(line);
                let refused = behaviour == Behaviour::RefuseSender;
                say(stream, if refused { "550 5.7.1 sender rejected" } else { "250 ok" }).await?;
            }
            "RCPT" => {
                to = in_brackets(line);
                say(stream, &answer_to_rcpt(behaviour, &to)).await?;
            }
            "DATA" => {
                if take_letter(stream, shared, &from, &to).await? == Next::Close {
                    return Ok(Next::Close);
                }
            }
            "QUIT" => {
                say(stream, "221 bye").await?;
                return Ok(Next::Close);
            }
            "NOOP" | "RSET" => say(stream, "250 ok").await?,
            _ => say(stream, "500 what?").await?,
        }
    }
}

/// DATA, the letter, and what this relay makes of it.
async fn take_letter<S>(stream: &mut BufReader<S>, shared: &Shared, from: &str, to: &str) -> std::io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    say(stream, "354 go ahead").await?;
    let raw = read_letter(stream).await?;
    shared.seen.send_modify(|seen| seen.letters += 1);
    let behaviour = shared.behaviour();
    if behaviour == Behaviour::RefuseContent {
        say(stream, &refusal_quoting(&raw)).await?;
        return Ok(Next::GoOn);
    }
    let acknowledged = !matches!(behaviour, Behaviour::SilentAfterData | Behaviour::CutAfterData);
    let mail = received(from, to, raw, acknowledged);
    shared.seen.send_modify(|seen| seen.mails.push(mail));
    match behaviour {
        Behaviour::SilentAfterData => std::future::pending().await,
        Behaviour::CutAfterData => return Ok(Next::Close),
        _ => say(stream, "250 2.0.0 queued").await?,
    }
    Ok(Next::GoOn)
}

fn offers(offer_tls: bool) -> &'static str {
    if offer_tls {
        "250-sink.example\r\n250-8BITMIME\r\n250 STARTTLS"
    } else {
        "250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"
    }
}

fn answer_to_rcpt(behaviour: Behaviour, to: &str) -> String {
    match behaviour {
        Behaviour::Defer => "451 4.7.1 greylisted, try again later".to_owned(),
        Behaviour::Refuse => {
            format!("550-5.1.1 <{to}>: recipient address rejected\r\n550 5.1.1 no such user {to}")
        }
        _ => "250 ok".to_owned(),
    }
}

fn refusal_quoting(raw: &[u8]) -> String {
    let mail = received("", "", raw.to_vec(), false);
    format!("554 5.7.1 spam: {} {}", mail.subject, mail.text.replace(['\r', '\n'], " "))
}

fn signs_in(line: &str) -> bool {
    use base64::Engine as _;
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    line.strip_prefix("AUTH PLAIN ") == Some(expected.as_str())
}

fn in_brackets(line: &str) -> String {
    let start = line.find('<').map_or(0, |at| at + 1);
    let end = line.rfind('>').unwrap_or(line.len());
    line[start..end].to_owned()
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// Up to the line with one dot, dots undone.
async fn read_letter<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn received(from: &str, to: &str, raw: Vec<u8>, acknowledged: bool) -> Received {
    let parsed = mailparse::parse_mail(&raw).expect("a well-formed mail");
    let body = |mimetype: &str| {
        let part = parsed.parts().find(|part| part.ctype.mimetype == mimetype);
        part.map(|part| part.get_body().expect("decodable")).unwrap_or_default()
    };
    Received {
        from: from.to_owned(),
        to: to.to_owned(),
        acknowledged,
        subject: parsed.headers.get_first_value("Subject").unwrap_or_default(),
        text: body("text/plain").replace("\r\n", "\n"),
        html: body("text/html").replace("\r\n", "\n"),
        raw,
    }
}

fn self_signed() -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("key and certificate belong together");
    (TlsAcceptor::from(Arc::new(config)), cert.pem())
}
