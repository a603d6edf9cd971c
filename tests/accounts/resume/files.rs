//! Files to send: documents as Word writes them, and some that only look so.

/// A part of a ZIP, as it is or as it claims to be.
pub(super) struct Part {
    name: &'static str,
    packed: Vec<u8>,
    size: u32,
    method: u16,
}

pub(super) fn stored(name: &'static str, content: &[u8]) -> Part {
    Part { name, packed: content.to_owned(), size: u32::try_from(content.len()).unwrap(), method: 0 }
}

/// Claims to be `size` bytes that were packed into `packed`.
pub(super) fn deflated(name: &'static str, packed: usize, size: u32) -> Part {
    Part { name, packed: vec![0; packed], size, method: 8 }
}

/// A document of Word, with one more part.
pub(super) fn docx(more: Part) -> Vec<u8> {
    zip(&[stored("[Content_Types].xml", b"<Types/>"), stored("word/document.xml", b"<w:document/>"), more])
}

pub(super) fn zip(parts: &[Part]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        let fields = fields_of(part);
        directory.extend([b"PK\x01\x02\x14\0", &fields[..], &[0; 10]].concat());
        directory.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        directory.extend(part.name.bytes());
        bytes.extend([b"PK\x03\x04", &fields[..], part.name.as_bytes(), &part.packed].concat());
    }
    let [size, start] = [directory.len(), bytes.len()].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    [&bytes[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &size, &start, &[0, 0]].concat()
}

/// What a local header and the directory both say of a part: version, flags, method, time, checksum, sizes, lengths.
fn fields_of(part: &Part) -> Vec<u8> {
    let [packed, name] = [part.packed.len(), part.name.len()].map(|length| u32::try_from(length).unwrap());
    let mut fields = vec![20, 0, 0, 0];
    fields.extend(part.method.to_le_bytes());
    fields.extend([0, 0, 0x21, 0, 0, 0, 0, 0]);
    fields.extend([packed, part.size, name].map(u32::to_le_bytes).concat());
    fields
}

/// A form with these parts between boundaries, each with its headers.
pub(super) fn form(boundary: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (headers, content) in parts {
        bytes.extend(format!("--{boundary}\r\n{headers}\r\n\r\n").bytes());
        bytes.extend([content, &b"\r\n"[..]].concat());
    }
    bytes.extend(format!("--{boundary}--\r\n").bytes());
    bytes
}
