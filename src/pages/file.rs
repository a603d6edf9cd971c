//! A text that is sent to browsers, as it is and compressed.

use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

/// One of them. It holds nothing of any caller, so that its length when compressed tells nothing (BREACH).
#[derive(Debug)]
pub(crate) struct File {
    pub(super) media_type: &'static str,
    pub(super) plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl File {
    pub(super) fn new(media_type: &'static str, text: impl Into<Bytes>) -> Self {
        Self { media_type, plain: text.into(), gzip: OnceLock::new() }
    }

    pub(super) fn page(html: String) -> Self {
        Self::new("text/html; charset=utf-8", html)
    }

    /// Compressed when it is first asked for: a node that starts does not wait for it.
    pub(super) fn gzip(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.plain).expect("a vector takes all");
            Bytes::from(encoder.finish().expect("a vector takes all"))
        };
        self.gzip.get_or_init(compress).clone()
    }
}
