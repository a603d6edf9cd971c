use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::dial::Place;
use super::flow::{Cause, Flow};
use super::*;
use crate::redis::scripts::META_LOOK;
use crate::redis::{Keys, connect::UNRESPONSIVE};

/// Longer than any test takes.
const PATIENT: Duration = Duration::from_secs(60);

/// A pipe that is connected, and the other end of it.
struct Held {
    pipe: &'static Pipe,
    far: DuplexStream,
    flow: JoinHandle<Cause>,
}

impl Held {
    fn set(patience: Duration) -> Self {
        let pipe: &'static Pipe = Box::leak(Box::new(Pipe::new(Place::Unix("/nowhere".into()))));
        assert!(pipe.begin(true) && !pipe.open());
        let (near, far) = duplex(1 << 20);
        let flow = tokio::spawn(async move {
            let cause = Flow::new(pipe, Box::new(near), patience).run().await;
            pipe.end(cause);
            cause
        });
        Self { pipe, far, flow }
    }

    fn send(&self) -> Option<oneshot::Receiver<Outcome>> {
        let keys = Keys::new("vb", 16);
        self.pipe.send(&Call::new(&META_LOOK, &[&keys.meta()], &[]))
    }

    /// What has come through in one write.
    async fn commands(&mut self) -> usize {
        let mut read = Vec::with_capacity(1 << 20);
        self.far.read_buf(&mut read).await.unwrap();
        String::from_utf8(read).unwrap().matches("EVALSHA").count()
    }

    async fn answer(&mut self, wire: &str) {
        self.far.write_all(wire.as_bytes()).await.unwrap();
    }
}

async fn word(outcome: oneshot::Receiver<Outcome>) -> String {
    match outcome.await.unwrap() {
        Outcome::Answered(answer) => answer.text(0).unwrap().to_owned(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn what_has_gathered_is_written_at_once_and_answered_in_order() {
    let mut held = Held::set(PATIENT);
    let [first, second, third] = [(); 3].map(|()| held.send().unwrap());
    assert_eq!(held.commands().await, 3);
    drop(second);
    held.answer("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n-OOM c\r\n").await;
    assert_eq!(word(first).await, "a");
    assert_eq!(word(third).await, r#"Refused("OOM c")"#);
}

#[tokio::test]
async fn an_answer_that_is_late_is_nobodys() {
    let mut held = Held::set(Duration::from_millis(20));
    let [first, second] = [(); 2].map(|()| held.send().unwrap());
    assert_eq!([word(first).await, word(second).await], ["Late", "Late"]);
    let third = held.send().unwrap();
    held.answer("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n").await;
    assert_eq!(word(third).await, "c");
}

#[tokio::test]
async fn who_comes_while_the_server_is_silent_waits_no_longer_than_others() {
    let held = Held::set(Duration::from_millis(20));
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(word(held.send().unwrap()).await, "Late");
    }
    assert!(begun.elapsed() < UNRESPONSIVE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_waits_when_it_ends_is_told_and_nothing_more_is_taken() {
    for (wire, cause) in [
        (format!("${}\r\n", resp::ANSWER_MAX + 1), "an answer is longer than 1 MiB"),
        ("HTTP/1.1 400 Bad Request\r\n".to_owned(), "an answer is not RESP"),
        (":1\r\n:2\r\n:3\r\n".to_owned(), "there was an answer to nothing"),
    ] {
        let mut held = Held::set(PATIENT);
        let [first, second] = [(); 2].map(|()| held.send().unwrap());
        held.answer(&wire).await;
        assert_eq!((&mut held.flow).await.unwrap(), Some(cause));
        assert!(held.send().is_none());
        if !wire.starts_with(':') {
            assert_eq!(word(first).await, format!("Lost({cause:?})"));
            assert_eq!(word(second).await, format!("Lost({cause:?})"));
        }
    }
}

#[tokio::test]
async fn a_replica_is_left_when_all_have_their_answers() {
    let mut held = Held::set(PATIENT);
    let [first, second] = [(); 2].map(|()| held.send().unwrap());
    held.answer("-READONLY no\r\n").await;
    assert_eq!(word(first).await, r#"Refused("READONLY no")"#);
    assert!(held.send().is_none());
    held.answer("*1\r\n$1\r\nb\r\n").await;
    assert_eq!(word(second).await, "b");
    assert_eq!(held.flow.await.unwrap(), None);
}

#[tokio::test]
async fn who_has_failed_is_dialled_again_after_a_pause_that_grows() {
    let pipe = Pipe::new(Place::Unix("/nowhere".into()));
    assert!(pipe.begin(false), "never tried");
    assert!(!pipe.begin(true), "under way");
    pipe.end(None);
    assert!(!pipe.begin(false), "in the pause");
    assert!(pipe.begin(true), "there is new hope");
    pipe.end(None);
    pipe.state().pause = Duration::ZERO;
    assert!(pipe.begin(false), "after the pause");
    assert!(pipe.send(&Call::new(&META_LOOK, &[&Keys::new("vb", 16).meta()], &[])).is_none(), "nothing waits for it");
}
