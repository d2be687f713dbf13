//! Publishes that were encoded before the run, in a circle: a write is a slice of it.

use std::ops::Range;

use super::PerfError;
use super::client::put_method;
use crate::base::{ExchangeName, FieldTable, ShortStr};
use crate::wire::{FRAME_END, Method, Properties};

/// What every message of a reel has in common.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) channel: u16,
    pub(super) exchange: ExchangeName,
    pub(super) body_bytes: usize,
    pub(super) persistent: bool,
    pub(super) mandatory: bool,
    pub(super) frame_payload_max: usize,
}

/// Where a message goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) routing_key: ShortStr,
    /// The `headers` property, for a headers exchange.
    pub(super) headers: Option<FieldTable>,
}

/// The circle: at least as many messages as a write takes, and every target as often as the others.
pub(super) struct Reel {
    bytes: Vec<u8>,
    /// Where each message begins; one more at the end.
    starts: Vec<usize>,
    /// From a message's begin to the first byte of its body; the same for all targets only by chance.
    bodies: Vec<usize>,
    next: usize,
    body_bytes: usize,
}

/// Messages that go out together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slice {
    pub(super) bytes: Range<usize>,
    pub(super) messages: Range<usize>,
}

impl Slice {
    /// How many messages.
    pub(super) fn count(&self) -> u64 {
        self.messages.len() as u64
    }
}

impl Reel {
    /// Encodes the targets in turn until there is enough for a write.
    pub(super) fn new(template: &Template, targets: &[Target]) -> Result<Self, PerfError> {
        let mut reel = Self {
            bytes: Vec::new(),
            starts: vec![0],
            bodies: Vec::new(),
            next: 0,
            body_bytes: template.body_bytes,
        };
        while reel.bytes.len() < WRITE_BYTES && reel.bodies.len() < MESSAGES_MAX {
            for target in targets {
                reel.push(template, target);
                if reel.bytes.len() > BYTES_MAX {
                    return Err(PerfError::Option(format!(
                        "the messages to {} targets of {} bytes each need more than {} MiB: \
                         choose fewer bindings or a smaller --size",
                        targets.len(),
                        template.body_bytes,
                        BYTES_MAX >> 20
                    )));
                }
            }
            if targets.is_empty() {
                break;
            }
        }
        Ok(reel)
    }

    fn push(&mut self, template: &Template, target: &Target) {
        let start = self.bytes.len();
        let publish = Method::BasicPublish {
            exchange: template.exchange.clone(),
            routing_key: target.routing_key.clone(),
            mandatory: template.mandatory,
            immediate: false,
        };
        put_method(template.channel, &publish, &mut self.bytes);
        let properties = Properties {
            headers: target.headers.clone(),
            delivery_mode: template.persistent.then_some(2),
            ..Properties::default()
        };
        let mut header = vec![0, 60, 0, 0];
        header.extend_from_slice(&(template.body_bytes as u64).to_be_bytes());
        header.extend_from_slice(&properties.encode());
        self.frame(2, template.channel, &header);
        // The first byte of the body stands behind the header of its first frame.
        self.bodies.push(self.bytes.len() + 7 - start);
        let mut body = vec![b'x'; template.body_bytes];
        let word = template.body_bytes.min(8);
        body[..word].fill(0);
        for piece in body.chunks(template.frame_payload_max) {
            self.frame(3, template.channel, piece);
        }
        self.starts.push(self.bytes.len());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&channel.to_be_bytes());
        // Pieces are at most a frame.
        let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&size.to_be_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.push(FRAME_END);
    }

    /// The next messages: at least one, at most `count`, about [`WRITE_BYTES`], up to the circle's end.
    pub(super) fn advance(&mut self, count: u64) -> Slice {
        if self.next == self.bodies.len() {
            self.next = 0;
        }
        let first = self.next;
        let left = self.bodies.len() - first;
        let most = usize::try_from(count).unwrap_or(usize::MAX).clamp(1, left);
        let limit = self.starts[first] + WRITE_BYTES;
        let fits = self.starts[first + 1..=first + most].partition_point(|end| *end < limit) + 1;
        let end = first + fits.min(most);
        self.next = end;
        Slice { bytes: self.starts[first]..self.starts[end], messages: first..end }
    }

    /// The encoded bytes.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Writes a number into the first eight bytes of a message's body; nothing when it is shorter.
    pub(super) fn stamp(&mut self, message: usize, word: u64) {
        if self.body_bytes >= 8 {
            let at = self.starts[message] + self.bodies[message];
            self.bytes[at..at + 8].copy_from_slice(&word.to_be_bytes());
        }
    }
}

/// Bytes of one write. Below 64 KiB the system call costs more than its bytes.
const WRITE_BYTES: usize = 128 * 1024;

/// A write of tiny messages is long enough with these.
const MESSAGES_MAX: usize = 100_000;

/// Encoded messages of one producer.
const BYTES_MAX: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ContentHeader, FRAME_HEADER_BYTES, decode_publish};

    fn template(body_bytes: usize) -> Template {
        Template {
            channel: 1,
            exchange: ExchangeName::try_from("x").expect("a short name"),
            body_bytes,
            persistent: true,
            mandatory: true,
            frame_payload_max: 100,
        }
    }

    fn targets(keys: &[&str]) -> Vec<Target> {
        let target = |key: &&str| Target {
            routing_key: ShortStr::try_from(*key).expect("a short key"),
            headers: None,
        };
        keys.iter().map(target).collect()
    }

    /// Kind and payload of every frame.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() {
            let size = u32::from_be_bytes([header[3], header[4], header[5], header[6]]) as usize;
            assert_eq!(rest[size], FRAME_END);
            found.push((header[0], rest[..size].to_vec()));
            bytes = &rest[size + 1..];
        }
        assert!(bytes.is_empty());
        found
    }

    #[test]
    fn keys_come_in_turn_and_bodies_are_cut_into_frames() {
        let mut reel = Reel::new(&template(250), &targets(&["a", "longer"])).expect("little");
        reel.stamp(1, 77);
        let slice = reel.advance(2);
        assert_eq!(slice.count(), 2);
        let frames = frames(reel.bytes(slice.bytes));
        let kinds: Vec<u8> = frames.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [1, 2, 3, 3, 3, 1, 2, 3, 3, 3]);
        let publish = decode_publish(&frames[5].1).expect("a publish").expect("a good one");
        assert_eq!((publish.exchange, publish.routing_key), (&b"x"[..], &b"longer"[..]));
        assert!(publish.mandatory);
        let header = ContentHeader::scan(&frames[6].1).expect("a good header");
        assert_eq!(header.body_size, 250);
        assert!(header.message_header().expect("good properties").persistent);
        assert_eq!(frames[2].1[..8], [0; 8]);
        assert_eq!(frames[7].1[..8], 77_u64.to_be_bytes());
        assert_eq!([frames[7].1.len(), frames[8].1.len(), frames[9].1.len()], [100, 100, 50]);
    }

    #[test]
    fn the_circle_goes_round_without_a_gap() {
        let mut reel = Reel::new(&template(16), &targets(&["a", "b", "c"])).expect("little");
        let messages = reel.bodies.len();
        assert_eq!(messages % 3, 0);
        assert!(reel.bytes.len() >= WRITE_BYTES);
        let (mut seen, mut expected) = (0, 0);
        while seen < 3 * messages {
            let slice = reel.advance(1_000);
            assert_eq!(slice.messages.start, expected % messages);
            assert!((1..=1_000).contains(&slice.count()));
            seen += slice.messages.len();
            expected = slice.messages.end;
        }
        assert_eq!(reel.advance(u64::MAX).messages.end, messages, "a whole circle in one write");
    }

    #[test]
    fn a_large_message_is_a_write_of_its_own() {
        let mut reel = Reel::new(&template(300_000), &targets(&["a", "b"])).expect("little");
        assert_eq!(reel.advance(10).count(), 1);
        assert_eq!(reel.advance(10).count(), 1);
        assert_eq!(reel.advance(10).messages, 0..1);
    }

    #[test]
    fn a_body_that_is_too_short_takes_no_stamp() {
        let mut reel = Reel::new(&template(4), &targets(&["a"])).expect("little");
        let before = reel.bytes.clone();
        reel.stamp(0, u64::MAX);
        assert_eq!(reel.bytes, before);
    }
}
