//! Reads what scripts answer, and nothing else that RESP2 could say.

use crate::redis::reply::Answer;

/// No answer is longer. The longest are lists: of 50 sessions, of 100 jobs, of what happened to a subject; none comes
/// near 64 KiB.
pub(super) const ANSWER_MAX: usize = 1_048_576;
/// A list within an answer, and one more for the answer to ROLE.
const DEPTH_MAX: u8 = 3;
/// Room for the items of most answers; a count that is only claimed takes no more.
const ITEMS_MAX: usize = 64;

/// One reply.
pub(super) enum Frame {
    Answer(Answer),
    /// It begins with a code, as NOSCRIPT.
    Refusal(String),
}

/// Why there is no frame.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    /// Its end has not come yet.
    Incomplete,
    /// It never will, or is none: nothing that follows can be read either.
    Garbage(&'static str),
}

/// The frame that `bytes` begin with, and its length.
pub(super) fn read(bytes: &[u8]) -> Result<(Frame, usize), Stop> {
    let mut cursor = Cursor { bytes, at: 0 };
    match cursor.frame() {
        Ok(_) if cursor.at > ANSWER_MAX => Err(TOO_LONG),
        Ok(frame) => Ok((frame, cursor.at)),
        Err(Stop::Incomplete) if bytes.len() > ANSWER_MAX => Err(TOO_LONG),
        Err(stop) => Err(stop),
    }
}

const TOO_LONG: Stop = Stop::Garbage("an answer is longer than 1 MiB");

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn frame(&mut self) -> Result<Frame, Stop> {
        match *self.bytes.first().ok_or(Stop::Incomplete)? {
            b'-' => {
                self.at = 1;
                Ok(Frame::Refusal(String::from_utf8_lossy(self.line()?).into_owned()))
            }
            b'*' => {
                self.at = 1;
                let count = self.count()?.unwrap_or(0);
                let mut answer = Answer::with_room(count.min(ITEMS_MAX));
                for _ in 0..count {
                    self.item(&mut answer, 1)?;
                }
                Ok(Frame::Answer(answer))
            }
            _ => {
                let mut answer = Answer::with_room(1);
                self.item(&mut answer, 0)?;
                Ok(Frame::Answer(answer))
            }
        }
    }

    fn item(&mut self, answer: &mut Answer, depth: u8) -> Result<(), Stop> {
        let kind = *self.bytes.get(self.at).ok_or(Stop::Incomplete)?;
        self.at += 1;
        match kind {
            b':' => answer.push_integer(self.integer()?),
            b'+' => answer.push_bytes(self.line()?),
            b'$' => match self.count()? {
                Some(length) => answer.push_bytes(self.bulk(length)?),
                None => answer.push_other(),
            },
            b'-' => {
                self.line()?;
                answer.push_other();
            }
            b'*' if depth < DEPTH_MAX => {
                // Nothing that a decision answers: read, so that the end is found.
                let mut inner = Answer::default();
                for _ in 0..self.count()?.unwrap_or(0) {
                    self.item(&mut inner, depth + 1)?;
                }
                answer.push_other();
            }
            b'*' => return Err(Stop::Garbage("an answer is nested too deeply")),
            _ => return Err(Stop::Garbage("an answer is not RESP")),
        }
        Ok(())
    }

    /// A length, or the -1 that says there is nothing.
    fn count(&mut self) -> Result<Option<usize>, Stop> {
        match self.integer()? {
            -1 => Ok(None),
            count => match usize::try_from(count) {
                Ok(count) if count <= ANSWER_MAX => Ok(Some(count)),
                Ok(_) => Err(TOO_LONG),
                Err(_) => Err(Stop::Garbage("a length is negative")),
            },
        }
    }

    fn integer(&mut self) -> Result<i64, Stop> {
        let line = self.line()?;
        let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
        number.ok_or(Stop::Garbage("a number is none"))
    }

    /// What is left of this line.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\r').ok_or(Stop::Incomplete)?;
        self.at += length;
        self.end()?;
        Ok(&rest[..length])
    }

    fn bulk(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let bulk = self.bytes.get(self.at..self.at + length).ok_or(Stop::Incomplete)?;
        self.at += length;
        self.end()?;
        Ok(bulk)
    }

    fn end(&mut self) -> Result<(), Stop> {
        match self.bytes.get(self.at..self.at + 2) {
            Some(b"\r\n") => {
                self.at += 2;
                Ok(())
            }
            Some(_) => Err(Stop::Garbage("a line has no end")),
            None => Err(Stop::Incomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An item of an answer, and what it is on the wire.
    fn item() -> impl Strategy<Value = (Option<String>, String)> {
        prop_oneof![
            any::<i64>().prop_map(|integer| (Some(integer.to_string()), format!(":{integer}\r\n"))),
            "\\PC*".prop_map(|text| (Some(text.clone()), format!("${}\r\n{text}\r\n", text.len()))),
            "[a-z\r\n]{0,9}".prop_map(|text| (Some(text.clone()), format!("${}\r\n{text}\r\n", text.len()))),
            "[a-z ]*".prop_map(|text| (Some(text.clone()), format!("+{text}\r\n"))),
            Just((None, "$-1\r\n".to_owned())),
            Just((None, "*-1\r\n".to_owned())),
            Just((None, "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n".to_owned())),
        ]
    }

    fn garbage(bytes: &[u8]) -> &'static str {
        match read(bytes).map(|(_, length)| length) {
            Err(Stop::Garbage(cause)) => cause,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn an_answer_is_read_whole_or_not_at_all(items in prop::collection::vec(item(), 0..8)) {
            let mut wire = format!("*{}\r\n", items.len());
            wire.extend(items.iter().map(|(_, wire)| wire.as_str()));
            for cut in 0..wire.len() {
                prop_assert_eq!(read(&wire.as_bytes()[..cut]).err(), Some(Stop::Incomplete), "cut at {}", cut);
            }
            let (frame, length) = read(format!("{wire}:1\r\n").as_bytes()).ok().unwrap();
            prop_assert_eq!(length, wire.len());
            let Frame::Answer(answer) = frame else { panic!("no answer") };
            for (n, (text, _)) in items.iter().enumerate() {
                prop_assert_eq!(&answer.written(n), text);
            }
            prop_assert_eq!(answer.written(items.len()), None);
        }

        #[test]
        fn whatever_comes_nothing_is_read_beyond_it(bytes in prop::collection::vec(any::<u8>(), 0..64), kind in "[-+:$*]?") {
            let bytes = [kind.as_bytes(), &bytes].concat();
            if let Ok((_, length)) = read(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn whatever_resembles_an_answer_is_one_or_not(text in "[-+:$*]([-+:$*]|-?[0-9]{1,7}|[a-z]|\r\n){0,40}") {
            if let Ok((_, length)) = read(text.as_bytes()) {
                prop_assert!(length <= text.len());
            }
        }
    }

    #[test]
    fn an_error_keeps_its_words() {
        let Ok((Frame::Refusal(text), 14)) = read(b"-NOSCRIPT no\r\n:1\r\n") else { panic!("no error") };
        assert_eq!(text, "NOSCRIPT no");
    }

    #[test]
    fn what_is_no_answer_of_a_script_is_garbage() {
        for (wire, cause) in [
            ("HTTP/1.1 400 Bad Request\r\n", "not RESP"),
            ("%1\r\n", "not RESP"),
            ("$-2\r\n", "negative"),
            ("$x\r\n", "a number is none"),
            ("$1\r\nxyz", "no end"),
            (":1\rx", "no end"),
            ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "too deeply"),
        ] {
            assert!(garbage(wire.as_bytes()).contains(cause), "{wire:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_has_come() {
        let most = "x".repeat(ANSWER_MAX);
        assert!(garbage(format!("${}\r\n", ANSWER_MAX + 1).as_bytes()).contains("1 MiB"));
        assert!(garbage(format!("*{}\r\n", ANSWER_MAX + 1).as_bytes()).contains("1 MiB"));
        assert!(garbage(format!("+{most}").as_bytes()).contains("1 MiB"));
        assert!(garbage(format!("*3\r\n${ANSWER_MAX}\r\n{most}").as_bytes()).contains("1 MiB"));
        assert!(garbage(format!("${ANSWER_MAX}\r\n{most}\r\n").as_bytes()).contains("1 MiB"));
        assert_eq!(read(format!("${ANSWER_MAX}\r\n").as_bytes()).err(), Some(Stop::Incomplete));
    }
}
