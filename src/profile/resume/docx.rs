//! Whether a ZIP is a DOCX that can be handed on, told from its directory: nothing is unpacked.
//!
//! What unpacks it is somebody else's reader, and a directory that lies is made for that one.
//! So every reader must see the same entries in it, and none of them may be a bomb.

use std::io::Cursor;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Word writes some 15 parts, and one for each picture. The directory of so many is read into
/// 1 MB at most.
const ENTRIES_MAX: usize = 2_000;
/// 5 MiB of pictures that are packed already, and text that packs 20 to 1.
const UNPACKED_MAX: u64 = 100 * 1_024 * 1_024;
/// XML packs 10 to 20 times, and a page of one style a little more.
const RATIO_MAX: u64 = 100;
/// But a blank picture packs as well as a bomb does, and this much hurts nobody.
const RATIO_FREE: u64 = 1_024 * 1_024;
/// Deflate packs 258 bytes into 2 bits and no better: more is a lie.
const DEFLATE_MAX: u64 = 1_032;

const NO_DOCUMENT: &str = "This ZIP is not a document of Word. Send a PDF, a DOCX or plain text in UTF-8.";
const DAMAGED: &str = "This DOCX is damaged. Save it once more and send that, or send a PDF.";
const ENCRYPTED: &str = "This DOCX is protected by a password. Send it without one.";
const MACROS: &str = "This document holds macros. Save it as a DOCX without them, or send a PDF.";
const TOO_LARGE: &str = "This DOCX unpacks to too much. Send a PDF.";

/// Judges a file that begins as a ZIP does.
///
/// # Errors
/// Words for the sender.
pub(super) fn check(content: &[u8]) -> Result<(), &'static str> {
    let start = directory(content)?;
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(words)?;
    if archive.offset() != 0 || archive.central_directory_start() != start {
        return Err(DAMAGED);
    }
    // Names twice, entries that share bytes (Fifield's bomb), local headers that say something
    // else than the directory, or that it does not name.
    archive.validate_header_consistency().map_err(words)?;

    let metadata = archive.metadata();
    let (mut types, mut document, mut unpacked) = (false, false, 0_u64);
    for index in 0..metadata.len() {
        let entry = metadata.entry(index).map_err(words)?;
        let name = entry.name_raw().to_ascii_lowercase();
        if entry.encrypted() {
            return Err(ENCRYPTED);
        }
        if name.ends_with(b"vbaproject.bin") {
            return Err(MACROS);
        }
        let (packed, size) = (entry.compressed_size(), entry.size());
        let is_true = match entry.compression() {
            CompressionMethod::STORE => size == packed,
            // Nor does it make anything twice as long, but for a few bytes of its own.
            CompressionMethod::DEFLATE => size <= packed * DEFLATE_MAX && packed <= 2 * size + 1_024,
            // Word knows no other (ECMA-376, part 2).
            _ => false,
        };
        if !is_true {
            return Err(DAMAGED);
        }
        unpacked += size;
        types |= name == b"[content_types].xml";
        document |= is_document(&name);
    }
    let ratio_max = RATIO_FREE.max(content.len() as u64 * RATIO_MAX);
    match (types && document, unpacked <= UNPACKED_MAX.min(ratio_max)) {
        (false, _) => Err(NO_DOCUMENT),
        (true, false) => Err(TOO_LARGE),
        (true, true) => Ok(()),
    }
}

/// Where the directory begins. The last bytes are its end, without a comment, and it is all
/// that lies between: where there is anything else, readers differ in what they take for the
/// directory. A claim of more entries than are allowed is refused here, before anybody makes
/// room for them, and so is all of ZIP64, which 5 MiB do not need.
fn directory(content: &[u8]) -> Result<u64, &'static str> {
    const LENGTH: usize = 22;
    const ENTRY: [u8; 4] = *b"PK\x01\x02";
    /// An entry without a name.
    const ENTRY_LENGTH: usize = 46;
    let at = content.len().checked_sub(LENGTH).ok_or(DAMAGED)?;
    let short = |at: usize| usize::from(u16::from_le_bytes([content[at], content[at + 1]]));
    let long = |at: usize| short(at) + short(at + 2) * 65_536;
    let (entries, size, start) = (short(at + 10), long(at + 12), long(at + 16));
    let is_end = content[at..].starts_with(b"PK\x05\x06")
        && [short(at + 4), short(at + 6), short(at + 20)] == [0, 0, 0]
        && short(at + 8) == entries
        && start + size == at;
    if !is_end {
        return Err(DAMAGED);
    }
    if entries > ENTRIES_MAX {
        return Err(TOO_LARGE);
    }
    // Some readers count entries, some read to the end: both must find the same.
    let mut next = start;
    for _ in 0..entries {
        if next + ENTRY_LENGTH > at || content[next..next + 4] != ENTRY {
            return Err(DAMAGED);
        }
        next += ENTRY_LENGTH + short(next + 28) + short(next + 30) + short(next + 32);
    }
    if entries == 0 || next != at { Err(DAMAGED) } else { Ok(start as u64) }
}

/// `word/document.xml`, or `word/document2.xml`, as Word on the web writes it.
fn is_document(name: &[u8]) -> bool {
    let number = name.strip_prefix(b"word/document").and_then(|rest| rest.strip_suffix(b".xml"));
    number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// The library's own are for who writes ZIPs.
fn words(_: ZipError) -> &'static str {
    DAMAGED
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::Kind;
    use super::*;

    /// An entry, as it is, or as it claims to be.
    #[derive(Clone)]
    struct Part {
        name: &'static str,
        packed: Vec<u8>,
        size: u32,
        method: u16,
        flags: u16,
        extra: Vec<u8>,
    }

    fn part(name: &'static str, packed: &[u8]) -> Part {
        let size = u32::try_from(packed.len()).unwrap();
        Part { name, packed: packed.to_owned(), size, method: 0, flags: 0, extra: Vec::new() }
    }

    /// Packed into `packed` bytes, which nobody unpacks, of `size`.
    fn deflated(name: &'static str, packed: usize, size: u32) -> Part {
        Part { size, method: 8, ..part(name, &vec![0; packed]) }
    }

    fn document() -> Vec<Part> {
        vec![part("[Content_Types].xml", b"<Types/>"), deflated("word/document.xml", 400, 4_000)]
    }

    fn header(part: &Part, local: bool) -> Vec<u8> {
        let packed = u32::try_from(part.packed.len()).unwrap();
        // With a descriptor behind it, the local header does not know them yet.
        let (packed, size) = if local && part.flags & 8 != 0 { (0, 0) } else { (packed, part.size) };
        let mut bytes = if local { b"PK\x03\x04".to_vec() } else { b"PK\x01\x02\x14\0".to_vec() };
        bytes.extend([20, 0]);
        bytes.extend(part.flags.to_le_bytes());
        bytes.extend(part.method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0, 0, 0, 0, 0]);
        bytes.extend(packed.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(u16::try_from(part.name.len()).unwrap().to_le_bytes());
        bytes.extend(if local { u16::try_from(part.extra.len()).unwrap() } else { 0 }.to_le_bytes());
        bytes
    }

    fn entry(part: &Part, offset: usize) -> Vec<u8> {
        let mut bytes = header(part, false);
        bytes.extend([0; 10]);
        bytes.extend(u32::try_from(offset).unwrap().to_le_bytes());
        bytes.extend(part.name.bytes());
        bytes
    }

    fn end(entries: u16, size: usize, start: usize) -> Vec<u8> {
        let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
        bytes.extend(entries.to_le_bytes());
        bytes.extend(entries.to_le_bytes());
        bytes.extend(u32::try_from(size).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(start).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn local(part: &Part) -> Vec<u8> {
        let mut bytes = header(part, true);
        bytes.extend(part.name.bytes());
        bytes.extend(&part.extra);
        bytes.extend(&part.packed);
        if part.flags & 8 != 0 {
            bytes.extend(b"PK\x07\x08");
            bytes.extend([0; 12]);
        }
        bytes
    }

    /// With `directory` as its directory, whatever it says.
    fn archive(mut bytes: Vec<u8>, directory: &[Vec<u8>]) -> Vec<u8> {
        let (start, size) = (bytes.len(), directory.iter().map(Vec::len).sum());
        bytes.extend(directory.concat());
        bytes.extend(end(u16::try_from(directory.len()).unwrap(), size, start));
        bytes
    }

    fn zip(parts: &[Part]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for part in parts {
            directory.push(entry(part, bytes.len()));
            bytes.extend(local(part));
        }
        archive(bytes, &directory)
    }

    fn and(parts: impl IntoIterator<Item = Part>) -> Vec<u8> {
        zip(&document().into_iter().chain(parts).collect::<Vec<_>>())
    }

    /// What the library itself writes.
    fn written() -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::STORE);
        for name in ["[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/media/image1.png"] {
            writer.start_file(name, options).unwrap();
            writer.write_all(&[b'x'; 200]).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_document_is_one_whoever_wrote_it() {
        assert_eq!(Kind::of(&written()), Ok(Kind::Docx));
        assert_eq!(Kind::of(&zip(&document())), Ok(Kind::Docx));
        // Word leaves itself room to grow in the first local header.
        let mut parts = document();
        parts[0].extra = [&[0x20, 0xa2, 60, 0][..], &[0; 60]].concat();
        assert_eq!(Kind::of(&zip(&parts)), Ok(Kind::Docx));
        // Who writes without going back leaves sizes and a checksum behind the data.
        let mut parts = document();
        parts[1].flags = 8 | 1 << 11;
        assert_eq!(Kind::of(&zip(&parts)), Ok(Kind::Docx));
        let mut parts = document();
        parts[1].name = "word/document2.xml";
        assert_eq!(Kind::of(&zip(&parts)), Ok(Kind::Docx));
        assert_eq!(Kind::of(&and([part("word/media/", b""), deflated("word/theme/theme1.xml", 2, 0)])), Ok(Kind::Docx));
        // A sheet in a document is a ZIP in a ZIP, and stays packed.
        assert_eq!(Kind::of(&and([part("word/embeddings/sheet.xlsx", &written())])), Ok(Kind::Docx));
        // A blank picture.
        assert_eq!(Kind::of(&and([deflated("word/media/image1.emf", 1_000, 1_000_000)])), Ok(Kind::Docx));
    }

    #[test]
    fn another_zip_is_none() {
        for names in [
            ["[Content_Types].xml", "xl/workbook.xml"],
            ["[Content_Types].xml", "word/documents.xml"],
            ["[Content_Types].xml", "x/word/document.xml"],
            ["META-INF/MANIFEST.MF", "word/document.xml"],
            // 42.zip: its 16 ZIPs are no document, so nobody has to look into them.
            ["lib 0.zip", "lib 1.zip"],
        ] {
            assert_eq!(Kind::of(&zip(&names.map(|name| part(name, b"x")))), Err(NO_DOCUMENT), "{names:?}");
        }
        assert_eq!(Kind::of(&and([part("word/vbaProject.bin", b"x")])), Err(MACROS));
        let mut parts = document();
        parts[1].flags = 1;
        assert_eq!(Kind::of(&zip(&parts)), Err(ENCRYPTED));
        // bzip2, AES
        for method in [12, 99] {
            assert_eq!(Kind::of(&and([Part { method, ..part("x", b"x") }])), Err(DAMAGED));
        }
    }

    #[test]
    fn a_bomb_is_told_by_its_claims() {
        // One entry of 10 MiB in 11 KB: as deflate can, and no document does.
        assert_eq!(Kind::of(&and([deflated("x", 11_000, 10_485_760)])), Err(TOO_LARGE));
        // Many that are modest, each; the last is one byte too much.
        let free = u32::try_from(RATIO_FREE).unwrap() - 4_008;
        assert_eq!(Kind::of(&and([deflated("x", 2_000, free)])), Ok(Kind::Docx));
        assert_eq!(Kind::of(&and([deflated("x", 2_000, free), part("y", b"y")])), Err(TOO_LARGE));
        // 101 MiB in 4 MiB is no ratio to speak of, and still too much.
        assert_eq!(Kind::of(&and([deflated("x", 4_194_304, 105_906_176)])), Err(TOO_LARGE));
        assert_eq!(Kind::of(&and([deflated("x", 4_194_304, 99 * 1_048_576)])), Ok(Kind::Docx));
        // More than deflate can, 4 GiB among them; and less than it could have packed.
        for (packed, size) in [(1_000, 1_032_001), (1_000, u32::MAX), (0, 1), (100_000, 1)] {
            assert_eq!(Kind::of(&and([deflated("x", packed, size)])), Err(DAMAGED), "{packed} {size}");
        }
        assert_eq!(Kind::of(&and([Part { size: 2, ..part("x", b"x") }])), Err(DAMAGED));
    }

    #[test]
    fn entries_that_share_bytes_are_refused() {
        // Fifield: many names for the same packed bytes.
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for part in document() {
            directory.push(entry(&part, bytes.len()));
            bytes.extend(local(&part));
        }
        let kernel = deflated("x", 1_000, 100_000);
        directory.push(entry(&kernel, bytes.len()));
        directory.push(entry(&kernel, bytes.len()));
        bytes.extend(local(&kernel));
        assert_eq!(Kind::of(&archive(bytes.clone(), &directory)), Err(DAMAGED));

        // And his better one: each entry's data begins with the next one's local header.
        directory.truncate(2);
        let (inner, mut outer) = (part("inner", b"x"), part("outer", b""));
        outer.packed = local(&inner);
        outer.size = u32::try_from(outer.packed.len()).unwrap();
        bytes.truncate(bytes.len() - local(&kernel).len());
        directory.push(entry(&outer, bytes.len()));
        directory.push(entry(&inner, bytes.len() + local(&outer).len() - outer.packed.len()));
        bytes.extend(local(&outer));
        assert_eq!(Kind::of(&archive(bytes.clone(), &directory)), Err(DAMAGED));
        // Without the second it is a file like another.
        directory.pop();
        assert_eq!(Kind::of(&archive(bytes, &directory)), Ok(Kind::Docx));
    }

    #[test]
    fn a_directory_that_lies_is_refused() {
        let parts = document();
        let good = zip(&parts);
        let lie = |change: &dyn Fn(&mut Vec<Part>)| {
            let mut told = parts.clone();
            change(&mut told);
            let bytes = parts.iter().flat_map(local).collect::<Vec<_>>();
            let second = local(&parts[0]).len();
            archive(bytes, &[entry(&told[0], 0), entry(&told[1], second)])
        };
        assert_eq!(lie(&|_| {}), good);
        assert_eq!(Kind::of(&lie(&|told| told[1].size = 4_001)), Err(DAMAGED));
        assert_eq!(Kind::of(&lie(&|told| told[1].name = "word/document9.xml")), Err(DAMAGED));
        assert_eq!(Kind::of(&lie(&|told| told[1].packed.truncate(399))), Err(DAMAGED));
        assert_eq!(Kind::of(&lie(&|told| told[1].packed.push(0))), Err(DAMAGED));
        // The same name twice: which one is shown?
        assert_eq!(Kind::of(&and([part("word/document.xml", b"x")])), Err(DAMAGED));
        // An entry that the directory does not name.
        let mut bytes = parts.iter().flat_map(local).collect::<Vec<_>>();
        bytes.extend(local(&part("hidden", b"x")));
        let second = local(&parts[0]).len();
        assert_eq!(Kind::of(&archive(bytes, &[entry(&parts[0], 0), entry(&parts[1], second)])), Err(DAMAGED));
    }

    #[test]
    fn an_end_that_lies_is_refused() {
        let good = zip(&document());
        let at = good.len() - 22;
        let start = u32::from_le_bytes(good[at + 16..at + 20].try_into().unwrap());
        let with = |from: usize, bytes: &[u8]| {
            let mut bad = good.clone();
            bad[at + from..at + from + bytes.len()].copy_from_slice(bytes);
            Kind::of(&bad)
        };
        assert_eq!(with(8, &[2, 0, 2, 0]), Ok(Kind::Docx));
        // Fewer, more, none, as many as there can be, and ZIP64's "look elsewhere".
        assert_eq!(with(8, &[1, 0, 1, 0]), Err(DAMAGED));
        assert_eq!(with(8, &[3, 0, 3, 0]), Err(DAMAGED));
        assert_eq!(with(8, &[0; 4]), Err(DAMAGED));
        assert_eq!(with(8, &[0xff, 0xff, 0xff, 0xff]), Err(TOO_LARGE));
        assert_eq!(with(8, &[1, 0, 2, 0]), Err(DAMAGED));
        assert_eq!(with(4, &[1, 0]), Err(DAMAGED));
        assert_eq!(with(12, &[0xff; 4]), Err(DAMAGED));
        assert_eq!(with(12, &(u32::try_from(at).unwrap() - start - 1).to_le_bytes()), Err(DAMAGED));
        assert_eq!(with(16, &[0xff; 4]), Err(DAMAGED));
        assert_eq!(with(16, &(start + 1).to_le_bytes()), Err(DAMAGED));
        assert_eq!(with(20, &[1, 0]), Err(DAMAGED));
        // An entry that is not counted, and would share its bytes with one that is.
        let size = at + entry(&document()[0], 0).len() - start as usize;
        let uncounted = [&good[..at], &entry(&document()[0], 0), &end(2, size, start as usize)].concat();
        assert_eq!(Kind::of(&uncounted), Err(DAMAGED));
        // Something behind it, or before it, and a part of it.
        assert_eq!(Kind::of(&[&good[..], b"\0"].concat()), Err(DAMAGED));
        assert_eq!(Kind::of(&[b"PK\x03\x04".as_slice(), &good].concat()), Err(DAMAGED));
        for length in [4, 21, 22, 60, at, good.len() - 1] {
            assert_eq!(Kind::of(&good[..length]), Err(DAMAGED), "{length}");
        }
    }

    #[test]
    fn entries_are_counted_before_they_are_read() {
        let names = (0..2_001).map(|n| &*format!("{n}").leak()).collect::<Vec<&'static str>>();
        let many = |count: usize| names[..count].iter().map(|name| part(name, b"")).collect::<Vec<_>>();
        assert_eq!(Kind::of(&and(many(1_998))), Ok(Kind::Docx));
        assert_eq!(Kind::of(&and(many(1_999))), Err(TOO_LARGE));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _any = Kind::of(&bytes);
            let _any = Kind::of(&[b"PK\x03\x04", &bytes[..]].concat());
            let end = end(u16::from(bytes.first().copied().unwrap_or(1)), bytes.len(), 4);
            let _any = Kind::of(&[b"PK\x03\x04", &bytes[..], &end].concat());
        }

        /// What was changed is refused in words, or is a DOCX whose claims are still modest.
        #[test]
        fn no_mutation_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut bytes = written();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _any = Kind::of(&bytes);
        }
    }
}
