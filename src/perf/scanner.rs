//! Walks over what was read, frame by frame, and counts: no value per message is built.
//!
//! One channel with content is enough for a load, so the content on its way is one state:
//!
//! ```text
//! Idle --deliver--> Header(tag) --header, size 0--> Idle (message)
//! Idle --return---> Header(none)
//!                   Header --header--> Body(left) --body, left 0--> Idle (message)
//! ```

use crate::wire::{FRAME_END, FRAME_HEADER_BYTES, MethodId};

/// What the scanner finds.
pub(super) trait Sink {
    /// Why the walk ends early.
    type Error: From<ScanError>;

    /// A whole delivery.
    fn message(&mut self, delivery: Delivery) -> Result<(), Self::Error>;

    /// `basic.ack` or `basic.nack` for publishes.
    fn confirm(&mut self, confirm: Confirm) -> Result<(), Self::Error>;

    /// `basic.return` with its whole content.
    fn returned(&mut self);

    /// Any other method, on any channel.
    fn method(&mut self, payload: &[u8]) -> Result<(), Self::Error>;
}

/// A delivery whose body is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delivery {
    pub(super) tag: u64,
    pub(super) redelivered: bool,
    /// The first eight bytes of the body as a number; 0 when the body is shorter.
    pub(super) first_word: u64,
}

/// What the broker says about publishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Confirm {
    pub(super) tag: u64,
    /// All up to the tag, not only it.
    pub(super) multiple: bool,
    /// `basic.nack`: it did not take them.
    pub(super) refused: bool,
}

/// What no broker sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScanError {
    /// The octet after the payload.
    #[error("a frame ends with octet {0}, not with 206")]
    FrameEnd(u8),
    /// Larger than was agreed on.
    #[error("a frame of {bytes} bytes is larger than the frame-max of {max}")]
    FrameTooLarge {
        /// Its payload.
        bytes: usize,
        /// What was agreed on.
        max: usize,
    },
    /// A frame of a kind that there is not.
    #[error("a frame of type {0}")]
    FrameKind(u8),
    /// A header or body that belongs to no method.
    #[error("a content frame of type {0} without its method")]
    Content(u8),
    /// The arguments of a method end early.
    #[error("the arguments of {0} end early")]
    Short(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Idle,
    /// After deliver or return.
    Header(Kind),
    Body {
        kind: Kind,
        left: u64,
        first_word: u64,
        started: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Delivery { tag: u64, redelivered: bool },
    Return,
}

/// The state between two reads.
#[derive(Debug)]
pub(super) struct Scanner {
    content: Content,
    frame_payload_max: usize,
}

impl Scanner {
    /// For frames of at most this many bytes of payload.
    pub(super) fn new(frame_payload_max: usize) -> Self {
        Self { content: Content::Idle, frame_payload_max }
    }

    /// Walks over the whole frames of `input`; how many bytes they are.
    pub(super) fn scan<S: Sink>(&mut self, input: &[u8], sink: &mut S) -> Result<usize, S::Error> {
        let mut at = 0;
        while let Some((header, rest)) = input[at..].split_first_chunk::<FRAME_HEADER_BYTES>() {
            let [kind, _, _, s0, s1, s2, s3] = *header;
            let bytes = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
            if bytes > self.frame_payload_max {
                let max = self.frame_payload_max;
                return Err(ScanError::FrameTooLarge { bytes, max }.into());
            }
            let Some(end) = rest.get(bytes) else { break };
            if *end != FRAME_END {
                return Err(ScanError::FrameEnd(*end).into());
            }
            let payload = &rest[..bytes];
            match kind {
                1 => self.method(payload, sink)?,
                2 => self.header(payload, sink)?,
                3 => self.body(payload, sink)?,
                8 => {}
                other => return Err(ScanError::FrameKind(other).into()),
            }
            at += FRAME_HEADER_BYTES + bytes + 1;
        }
        Ok(at)
    }

    #[inline]
    fn method<S: Sink>(&mut self, payload: &[u8], sink: &mut S) -> Result<(), S::Error> {
        match MethodId::split(payload) {
            Some((MethodId::BASIC_DELIVER, arguments)) => {
                let kind = delivery(arguments).ok_or(ScanError::Short("basic.deliver"))?;
                self.content = Content::Header(kind);
                Ok(())
            }
            Some((MethodId::BASIC_ACK, arguments)) => {
                let (tag, bits) = tag_and_bits(arguments).ok_or(ScanError::Short("basic.ack"))?;
                sink.confirm(Confirm { tag, multiple: bits & 1 != 0, refused: false })
            }
            Some((MethodId::BASIC_NACK, arguments)) => {
                let (tag, bits) = tag_and_bits(arguments).ok_or(ScanError::Short("basic.nack"))?;
                sink.confirm(Confirm { tag, multiple: bits & 1 != 0, refused: true })
            }
            Some((MethodId::BASIC_RETURN, _)) => {
                self.content = Content::Header(Kind::Return);
                Ok(())
            }
            _ => sink.method(payload),
        }
    }

    #[inline]
    fn header<S: Sink>(&mut self, payload: &[u8], sink: &mut S) -> Result<(), S::Error> {
        let Content::Header(kind) = self.content else { return Err(ScanError::Content(2).into()) };
        // spec: 4.2.6.1 The Content Header: class, weight, then the size of the body.
        let size = payload.get(4..).and_then(<[u8]>::first_chunk::<8>);
        let size = size.ok_or(ScanError::Short("a content header"))?;
        self.content =
            Content::Body { kind, left: u64::from_be_bytes(*size), first_word: 0, started: false };
        self.finish_when_complete(sink)
    }

    #[inline]
    fn body<S: Sink>(&mut self, payload: &[u8], sink: &mut S) -> Result<(), S::Error> {
        let Content::Body { left, first_word, started, .. } = &mut self.content else {
            return Err(ScanError::Content(3).into());
        };
        if !*started && let Some(word) = payload.first_chunk::<8>() {
            *first_word = u64::from_be_bytes(*word);
        }
        *started = true;
        *left = left.saturating_sub(payload.len() as u64);
        self.finish_when_complete(sink)
    }

    #[inline]
    fn finish_when_complete<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let Content::Body { kind, left: 0, first_word, .. } = self.content else { return Ok(()) };
        self.content = Content::Idle;
        match kind {
            Kind::Delivery { tag, redelivered } => {
                sink.message(Delivery { tag, redelivered, first_word })
            }
            Kind::Return => {
                sink.returned();
                Ok(())
            }
        }
    }
}

/// The delivery tag stands behind the consumer tag (spec: basic.deliver).
#[inline]
fn delivery(arguments: &[u8]) -> Option<Kind> {
    let (&length, rest) = arguments.split_first()?;
    let (tag, rest) = rest.get(usize::from(length)..)?.split_first_chunk::<8>()?;
    let redelivered = rest.first()? & 1 != 0;
    Some(Kind::Delivery { tag: u64::from_be_bytes(*tag), redelivered })
}

#[inline]
fn tag_and_bits(arguments: &[u8]) -> Option<(u64, u8)> {
    let (tag, rest) = arguments.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*tag), *rest.first()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Clone)]
    enum Found {
        Message(Delivery),
        Confirm(Confirm),
        Returned,
        Method(Vec<u8>),
    }

    #[derive(Default)]
    struct Record(Vec<Found>);

    impl Sink for Record {
        type Error = ScanError;

        fn message(&mut self, delivery: Delivery) -> Result<(), ScanError> {
            self.0.push(Found::Message(delivery));
            Ok(())
        }

        fn confirm(&mut self, confirm: Confirm) -> Result<(), ScanError> {
            self.0.push(Found::Confirm(confirm));
            Ok(())
        }

        fn returned(&mut self) {
            self.0.push(Found::Returned);
        }

        fn method(&mut self, payload: &[u8]) -> Result<(), ScanError> {
            self.0.push(Found::Method(payload.to_vec()));
            Ok(())
        }
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
        [&[kind, 0, 1], &size[..], payload, &[206]].concat()
    }

    fn deliver(tag: u64, redelivered: u8) -> Vec<u8> {
        let fields =
            [&[0, 60, 0, 60, 2], &b"c1"[..], &tag.to_be_bytes(), &[redelivered, 0, 1, b'q']];
        frame(1, &fields.concat())
    }

    fn header(size: u64) -> Vec<u8> {
        frame(2, &[&[0, 60, 0, 0], &size.to_be_bytes()[..], &[0, 0]].concat())
    }

    fn answer(method: u8, tag: u64, bits: u8) -> Vec<u8> {
        frame(1, &[&[0, 60, 0, method], &tag.to_be_bytes()[..], &[bits]].concat())
    }

    fn message(tag: u64, redelivered: bool, first_word: u64) -> Found {
        Found::Message(Delivery { tag, redelivered, first_word })
    }

    fn confirm(tag: u64, multiple: bool, refused: bool) -> Found {
        Found::Confirm(Confirm { tag, multiple, refused })
    }

    /// One of everything, and what is found in it.
    fn script() -> (Vec<u8>, Vec<Found>) {
        let word = 0x0102_0304_0506_0708_u64;
        let body = [&word.to_be_bytes()[..], b"and more"].concat();
        let returned = [&[0, 60, 0, 50, 1, 56], &b"\x00\x00\x01q"[..]].concat();
        let unblocked = [0, 10, 0, 61];
        let input = [
            deliver(1, 0),
            header(0),
            deliver(2, 1),
            header(16),
            frame(8, &[]),
            frame(3, &body[..12]),
            frame(3, &body[12..]),
            answer(80, 7, 1),
            answer(120, 8, 0),
            frame(1, &returned),
            header(3),
            frame(3, b"abc"),
            frame(1, &unblocked),
            deliver(3, 0),
            header(3),
            frame(3, b"abc"),
        ];
        let found = vec![
            message(1, false, 0),
            message(2, true, word),
            confirm(7, true, false),
            confirm(8, false, true),
            Found::Returned,
            Found::Method(unblocked.to_vec()),
            message(3, false, 0),
        ];
        (input.concat(), found)
    }

    #[test]
    fn messages_confirms_and_returns_are_found_wherever_a_read_ends() {
        let (input, wanted) = script();
        for cut in 0..=input.len() {
            let mut scanner = Scanner::new(1024);
            let mut found = Record::default();
            let used = scanner.scan(&input[..cut], &mut found).expect("a good script");
            assert!(used <= cut);
            let rest = scanner.scan(&input[used..], &mut found).expect("a good script");
            assert_eq!(used + rest, input.len());
            assert_eq!(found.0, wanted, "cut at {cut}");
        }
    }

    #[test]
    fn what_no_broker_sends_is_an_error() {
        let scan = |input: &[u8]| Scanner::new(64).scan(input, &mut Record::default());
        let mut bad_end = frame(8, &[]);
        bad_end[7] = 0;
        assert_eq!(scan(&bad_end), Err(ScanError::FrameEnd(0)));
        assert_eq!(scan(&frame(4, &[])), Err(ScanError::FrameKind(4)));
        assert_eq!(scan(&header(1)), Err(ScanError::Content(2)));
        assert_eq!(scan(&frame(3, b"x")), Err(ScanError::Content(3)));
        assert_eq!(scan(&frame(1, &[0, 60, 0, 80, 1])), Err(ScanError::Short("basic.ack")));
        let large = ScanError::FrameTooLarge { bytes: 65, max: 64 };
        assert_eq!(scan(&frame(3, &[0; 65])), Err(large));
    }
}
