//! A page on its way: whoever writes it hands it over part by part, and waits when nobody takes the parts.
//!
//! So a page of any length costs a few parts of memory. It is whole only when its end was said: a body that breaks
//! off is an error of the connection, never a short page.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::base::limits::{SCRAPE_PART_BYTES, SCRAPE_PART_PATIENCE_MS, SCRAPE_PARTS_MAX};

/// What is handed over.
enum Part {
    Bytes(Bytes),
    End,
}

/// The side that writes.
#[derive(Debug)]
pub(super) struct Parts {
    to: mpsc::Sender<Part>,
    runtime: Handle,
    /// How long the reader may take for a part.
    patience: Duration,
    /// Whoever asked is gone, or does not read.
    is_given_up: bool,
}

/// The side that is sent as a body.
#[derive(Debug)]
pub(super) struct Pieces {
    from: mpsc::Receiver<Part>,
    is_over: bool,
}

/// The page was not written to its end.
#[derive(Debug, thiserror::Error)]
#[error("the page of the metrics broke off; see the log of the broker")]
pub(super) struct BrokenOff;

/// Both sides of a page. To be called in the runtime that sends it.
pub(super) fn page() -> (Parts, Pieces) {
    let (to, from) = mpsc::channel(SCRAPE_PARTS_MAX);
    let patience = Duration::from_millis(SCRAPE_PART_PATIENCE_MS);
    let parts = Parts { to, runtime: Handle::current(), patience, is_given_up: false };
    (parts, Pieces { from, is_over: false })
}

impl Parts {
    /// Hands `text` over when it is long enough for a part, and empties it. Blocks while enough parts wait.
    pub(super) fn pass_on(&mut self, text: &mut String) {
        if text.len() >= SCRAPE_PART_BYTES {
            self.hand_over(text);
        }
    }

    /// The rest of the page.
    pub(super) fn finish(mut self, mut text: String) {
        self.hand_over(&mut text);
        self.send(Part::End);
    }

    fn hand_over(&mut self, text: &mut String) {
        // The buffer stays for the next part.
        self.send(Part::Bytes(Bytes::copy_from_slice(text.as_bytes())));
        text.clear();
    }

    fn send(&mut self, part: Part) {
        if self.is_given_up {
            return;
        }
        let sending = async { timeout(self.patience, self.to.send(part)).await };
        let sent = self.runtime.block_on(sending);
        match sent {
            Ok(Ok(())) => {}
            // Nobody waits for the page any more.
            Ok(Err(_)) => self.is_given_up = true,
            Err(_) => {
                self.is_given_up = true;
                tracing::warn!(
                    patience = ?self.patience,
                    "a scrape of the metrics was given up: who asked for it does not read the answer"
                );
            }
        }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.from.poll_recv(context).map(|part| match part {
            Some(Part::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Part::End) => {
                self.is_over = true;
                None
            }
            None => {
                self.is_over = true;
                Some(Err(BrokenOff))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn written(write: impl FnOnce(Parts) + Send + 'static) -> Result<Vec<u8>, BrokenOff> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let (parts, pieces) = page();
            let writer = std::thread::spawn(move || write(parts));
            let body = pieces.collect().await;
            writer.join().expect("the writer ends");
            body.map(|body| body.to_bytes().to_vec())
        })
    }

    #[test]
    fn a_page_of_many_parts_comes_whole_and_in_order() {
        let lines = || (0..200_000).map(|number| format!("line {number}\n"));
        let body = written(move |mut parts| {
            let mut text = String::new();
            for line in lines() {
                text.push_str(&line);
                parts.pass_on(&mut text);
                assert!(text.len() < SCRAPE_PART_BYTES, "what is long enough is handed over");
            }
            parts.finish(text);
        });
        assert_eq!(body.expect("a whole page"), lines().collect::<String>().into_bytes());
    }

    #[test]
    fn a_page_whose_writer_ends_early_is_an_error_and_no_short_page() {
        let body = written(|mut parts| parts.hand_over(&mut "half a page".to_owned()));
        assert!(body.is_err());
    }

    #[test]
    fn a_writer_whose_reader_is_gone_comes_to_its_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let (mut parts, pieces) = runtime.block_on(async { page() });
        drop(pieces);
        for _ in 0..SCRAPE_PARTS_MAX * 3 {
            parts.hand_over(&mut "a part".to_owned());
        }
        assert!(parts.is_given_up);
        parts.finish(String::new());
    }

    #[test]
    fn a_reader_that_does_not_read_is_given_up_after_the_patience() {
        // Its own thread turns its clock while this one waits.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_time().build().expect("a runtime");
        let (mut parts, _pieces) = runtime.block_on(async { page() });
        parts.patience = Duration::from_millis(1);
        for _ in 0..=SCRAPE_PARTS_MAX {
            assert!(!parts.is_given_up);
            parts.hand_over(&mut "a part".to_owned());
        }
        assert!(parts.is_given_up);
    }
}
