//! The consistent hash exchange: each message goes to one binding, equal ones to the same, and each
//! binding gets a share in proportion to its weight, which is its binding key (rabbitmq: the consistent
//! hash exchange plug-in).
//!
//! Bindings own buckets, as many as their weight, in one row. A hash jumps to a bucket so that a row
//! that grows at its end by `w` of `n` buckets takes over `w/n` of the messages and moves no others
//! (Lamping and Veach, "A fast, minimal memory, consistent hash algorithm", 2014). A binding that goes
//! leaves gaps, which the last buckets of the row fill; so no more than twice its share moves.
//!
//! The row is a function of the order in which bindings came and went. A restart brings them back in the
//! order of their records, so after the first one the shares may lie elsewhere, as in RabbitMQ.

use crate::base::FieldTable;

use super::facts::HashProperty;
use super::index::Hashed;
use super::router::LazyFacts;
use super::target::{BindingSlot, Matches, Target};

/// The largest weight.
pub(super) const WEIGHT_MAX: u32 = 10_000;

/// The arguments of the exchange.
pub(super) const HASH_HEADER: &str = "hash-header";
pub(super) const HASH_PROPERTY: &str = "hash-property";
/// LavinMQ's word for `hash-header`.
pub(super) const HASH_ON: &str = "x-hash-on";

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct ConsistentHash {
    hash_on: HashOn,
    /// In the order of the row.
    pieces: Vec<Piece>,
}

/// What of a message is hashed. A message without it goes where all such messages go.
#[derive(Clone, Debug)]
enum HashOn {
    RoutingKey,
    Header(Box<[u8]>),
    Property(HashProperty),
}

/// Buckets of one binding that stand side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Piece {
    /// The first bucket behind it.
    end: u64,
    binding: BindingSlot,
    target: Target,
}

impl ConsistentHash {
    /// For an exchange with these arguments, which were checked.
    pub(super) fn new(arguments: &FieldTable) -> Self {
        let text = |key: &str| arguments.get(key.as_bytes()).and_then(super::value::long_string);
        let header = text(HASH_HEADER).or_else(|| text(HASH_ON));
        let property = text(HASH_PROPERTY).and_then(HashProperty::parse);
        let hash_on = match (header, property) {
            (Some(header), _) => HashOn::Header(header.into()),
            (None, Some(property)) => HashOn::Property(property),
            (None, None) => HashOn::RoutingKey,
        };
        Self { hash_on, pieces: Vec::new() }
    }

    /// Adds a binding. A key that is no weight, which no binding has, owns nothing.
    pub(super) fn add(&mut self, binding: BindingSlot, key: &[u8], target: Target) {
        if let Ok(weight) = weight(key) {
            let end = self.buckets() + u64::from(weight);
            self.pieces.push(Piece { end, binding, target });
        }
    }

    /// Removes a binding. The gaps it leaves are filled from the end of the row.
    pub(super) fn remove(&mut self, binding: BindingSlot) {
        self.remove_all(|piece| piece.binding == binding);
    }

    /// Removes all bindings to a target, in one walk over the row.
    pub(super) fn forget(&mut self, target: Target) {
        self.remove_all(|piece| piece.target == target);
    }

    fn remove_all(&mut self, goes: impl Fn(&Piece) -> bool) {
        let old = std::mem::take(&mut self.pieces);
        let weight: u64 = lengths(&old).filter(|(piece, _)| goes(piece)).map(|(_, n)| n).sum();
        let left = old.last().map_or(0, |last| last.end) - weight;
        // What others own behind the new end, from there on: exactly as much as the gaps before it.
        let mut fill: Vec<(Piece, u64)> = lengths(&old)
            .map(|(piece, len)| (*piece, len.min(piece.end.saturating_sub(left))))
            .filter(|(piece, len)| !goes(piece) && *len > 0)
            .collect();
        fill.reverse();
        let mut start = 0;
        for (piece, _) in lengths(&old) {
            let end = piece.end.min(left);
            if !goes(piece) {
                self.push(*piece, end - start);
            }
            while goes(piece) && start < end {
                let Some((filler, len)) = fill.last_mut() else { break };
                let taken = (*len).min(end - start);
                self.push(*filler, taken);
                *len -= taken;
                start += taken;
                if *len == 0 {
                    fill.pop();
                }
            }
            start = end;
            if start == left {
                break;
            }
        }
    }

    /// Adds the one target of a message.
    pub(super) fn matches(&self, keys: &[&[u8]], facts: &mut LazyFacts<'_>, matches: &mut Matches) {
        let Some(last) = self.pieces.last() else { return };
        let hash = match &self.hash_on {
            // rabbitmq: of several routing keys the message's own one.
            HashOn::RoutingKey => keys.first().copied().unwrap_or_default().hashed(),
            HashOn::Header(name) => facts.header(name).unwrap_or_default().hashed(),
            HashOn::Property(property) => {
                facts.property(*property).unwrap_or_default().as_slice().hashed()
            }
        };
        let bucket = jump(hash, last.end);
        let at = self.pieces.partition_point(|piece| piece.end <= bucket);
        if let Some(piece) = self.pieces.get(at) {
            matches.add_one(piece.target);
        }
    }

    fn buckets(&self) -> u64 {
        self.pieces.last().map_or(0, |last| last.end)
    }

    fn push(&mut self, piece: Piece, len: u64) {
        if len == 0 {
            return;
        }
        let end = self.buckets() + len;
        match self.pieces.last_mut() {
            Some(last) if last.binding == piece.binding => last.end = end,
            _ => self.pieces.push(Piece { end, ..piece }),
        }
    }
}

/// Each piece with the number of its buckets.
fn lengths(pieces: &[Piece]) -> impl Iterator<Item = (&Piece, u64)> {
    let mut start = 0;
    pieces.iter().map(move |piece| {
        let len = piece.end - start;
        start = piece.end;
        (piece, len)
    })
}

/// Why a binding key is no weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoWeight {
    NoInteger,
    NotPositive,
    TooLarge,
}

/// The weight that a binding key says: decimal digits, perhaps with a sign.
pub(super) fn weight(key: &[u8]) -> Result<u32, NoWeight> {
    let (negative, digits) = match key {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NoWeight::NoInteger);
    }
    let number = digits.iter().fold(0_u32, |number, digit| {
        number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    });
    match number {
        0 => Err(NoWeight::NotPositive),
        _ if negative => Err(NoWeight::NotPositive),
        number if number > WEIGHT_MAX => Err(NoWeight::TooLarge),
        number => Ok(number),
    }
}

/// The bucket of a hash among so many; 0 when there is one. A row that grows by one takes a hash over
/// with the probability of one in its new length, and the pseudo-random numbers of one hash say in which
/// steps it moves.
fn jump(hash: u64, buckets: u64) -> u64 {
    const STEP: u64 = 2_862_933_555_777_941_757;
    const UNIT: f64 = 2_147_483_648.0;
    let mut state = hash;
    let (mut bucket, mut next) = (0, 0);
    while next < buckets {
        bucket = next;
        state = state.wrapping_mul(STEP).wrapping_add(1);
        // Numbers below 2^53 are whole in a float, and there are fewer buckets than that.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "all of them are positive and whole, or cut on purpose"
        )]
        {
            next = ((bucket + 1) as f64 * (UNIT / ((state >> 33) + 1) as f64)) as u64;
        }
    }
    bucket
}

#[cfg(test)]
mod tests;
