//! What the target remembers of a queue that is being moved, and what a resumed run makes of it.
//!
//! A claim is the one message of a queue beside the moved one (the name is made by [`side_name`]). It is
//! published in the transaction of the batch it is about, and once more when the source has acked the
//! batch. This file is a function of its input.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The first bytes of a message's SHA-256: enough to tell messages apart that nobody made alike on purpose.
pub(super) type Digest = [u8; 16];

/// What was done, in messages. Of a queue: since its move began, over all runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Published at the target, and acked at the source.
    pub(super) moved: u64,
    /// Found to be at the target already, and only acked.
    pub(super) recognised: u64,
    /// Of `moved`: may have been there already.
    pub(super) doubles: u64,
    /// Came redelivered: somebody, this command or a consumer, had them before.
    pub(super) redelivered: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.moved += other.moved;
        self.recognised += other.recognised;
        self.doubles += other.doubles;
        self.redelivered += other.redelivered;
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "moved": self.moved, "recognised": self.recognised, "possibly_double": self.doubles,
            "redelivered": self.redelivered,
        })
    }

    pub(super) fn of_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value[key].as_u64();
        Some(Self {
            moved: number("moved")?,
            recognised: number("recognised")?,
            doubles: number("possibly_double")?,
            redelivered: number("redelivered")?,
        })
    }
}

/// A message that is stored at the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stored {
    pub(super) digest: Digest,
    /// It had not been redelivered when it was taken, so that the mark, when it comes again, says that it was
    /// this command that had it; and the source has not acked it.
    pub(super) fresh: bool,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Claim {
    /// Grows by one with every batch.
    pub(super) batch: u64,
    /// Whether the source has acked the batch. What is fresh then is left of an earlier one.
    pub(super) is_acked: bool,
    /// With this batch.
    pub(super) counts: Counts,
    /// Messages in the target's queue before anything was moved: with `counts.moved` it is what should be there.
    pub(super) before: i64,
    /// The batch, and what is left of the claim before it.
    pub(super) stored: Vec<Stored>,
}

impl Claim {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut digests = String::with_capacity(self.stored.len() * 33);
        for stored in &self.stored {
            digests.push(if stored.fresh { '+' } else { '-' });
            for byte in stored.digest {
                // Writing into a string does not fail.
                let _ = write!(digests, "{byte:02x}");
            }
        }
        json!({
            "haremq_migrate": 1, "batch": self.batch, "acked": self.is_acked,
            "counts": self.counts.to_json(), "before": self.before, "stored": digests,
        })
        .to_string()
        .into_bytes()
    }

    /// `None` for what is no claim of a version that is understood.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        if value["haremq_migrate"] != 1 {
            return None;
        }
        let digests = value["stored"].as_str()?.as_bytes();
        let stored: Option<Vec<Stored>> = digests.chunks(33).map(stored).collect();
        Some(Self {
            batch: value["batch"].as_u64()?,
            is_acked: value["acked"].as_bool()?,
            counts: Counts::of_json(&value["counts"])?,
            before: value["before"].as_i64()?,
            stored: stored?,
        })
    }

    /// The source has acked the batch, whose messages come first in the list.
    pub(super) fn acked(&mut self, batch: usize) {
        self.is_acked = true;
        self.stored.iter_mut().take(batch).for_each(|stored| stored.fresh = false);
    }

    /// Which of two is the later one.
    pub(super) fn age(&self) -> (u64, bool) {
        (self.batch, self.is_acked)
    }
}

fn stored(text: &[u8]) -> Option<Stored> {
    let (sign, hex) = text.split_first()?;
    let mut digest = Digest::default();
    if hex.len() != 2 * digest.len() {
        return None;
    }
    for (byte, two) in digest.iter_mut().zip(hex.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?;
    }
    Some(Stored { digest, fresh: *sign == b'+' })
}

/// What is to be done with a message of the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    /// Publish it.
    New,
    /// It is stored: only ack it.
    Known,
    /// Publish it, and count it: nobody can say.
    MaybeDouble,
}

/// What a run knows from the one before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// How often each digest is left, first of messages that were fresh.
    left: BTreeMap<Digest, [u64; 2]>,
    /// How many more messages may be those of the claim.
    window: usize,
    /// The source had not acked everything.
    is_open: bool,
}

impl Memory {
    /// `is_proof` says whether the target can still be believed: it was not started anew and could not have
    /// refused a part of the batch.
    pub(super) fn of(claim: &Claim, is_proof: bool) -> Self {
        let mut left: BTreeMap<Digest, [u64; 2]> = BTreeMap::new();
        let is_open = !claim.is_acked || claim.stored.iter().any(|stored| stored.fresh);
        for stored in &claim.stored {
            let is_evidence = is_proof && stored.fresh;
            left.entry(stored.digest).or_default()[usize::from(!is_evidence)] += 1;
        }
        Self { left, window: claim.stored.len(), is_open }
    }

    /// M2 and M3. What comes later than the batch was long is not believed to be of it.
    pub(super) fn judge(&mut self, digest: Digest, redelivered: bool) -> Judgement {
        let is_near = self.window > 0;
        self.window = self.window.saturating_sub(1);
        if !redelivered {
            return Judgement::New;
        }
        let Some(left) = self.left.get_mut(&digest) else { return Judgement::New };
        let kind = usize::from(left[0] == 0);
        left[kind] -= 1;
        if left[0] + left[1] == 0 {
            self.left.remove(&digest);
        }
        if kind == 0 && is_near { Judgement::Known } else { Judgement::MaybeDouble }
    }

    /// What was not met again: it goes into the next claim as well. When it is late, no longer as a proof.
    pub(super) fn rest(&self) -> Vec<Stored> {
        let is_near = self.window > 0;
        let of = |(digest, left): (&Digest, &[u64; 2])| {
            let (digest, left) = (*digest, *left);
            [is_near, false]
                .into_iter()
                .zip(left)
                .flat_map(move |(fresh, count)| (0..count).map(move |_| Stored { digest, fresh }))
        };
        self.left.iter().flat_map(of).collect()
    }

    /// Whether the source may still give back what is stored: somebody there may hold it.
    pub(super) fn waits(&self) -> bool {
        self.is_open && !self.left.is_empty()
    }
}

/// The name of what stands beside a queue at the target while it is moved: the queue of its claims, and the
/// exchange that leads to it only.
pub(super) fn side_name(queue: &str) -> String {
    let digest = Sha256::digest(queue.as_bytes());
    let hex = digest[..8].iter().fold(String::new(), |mut text, byte| {
        // As above.
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("{SIDE_PREFIX}{hex}")
}

/// No queue of these names is moved.
pub(super) const SIDE_PREFIX: &str = "haremq.migrate.";

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        [number; 16]
    }

    fn claim(stored: &[(u8, bool)], is_acked: bool) -> Claim {
        let stored =
            stored.iter().map(|(number, fresh)| Stored { digest: digest(*number), fresh: *fresh });
        let counts = Counts { moved: 7, recognised: 1, doubles: 2, redelivered: 3 };
        Claim { batch: 4, is_acked, counts, before: 5, stored: stored.collect() }
    }

    #[test]
    fn a_claim_is_read_as_it_was_written() {
        for claim in [claim(&[(1, true), (255, false), (1, true)], true), Claim::default()] {
            assert_eq!(Claim::decode(&claim.encode()), Some(claim));
        }
        for wrong in ["", "{}", "[]", r#"{"haremq_migrate":2}"#] {
            assert_eq!(Claim::decode(wrong.as_bytes()), None, "{wrong}");
        }
        let text = String::from_utf8(claim(&[(1, true)], false).encode()).expect("text");
        assert_eq!(Claim::decode(text.replace("+01", "+0").as_bytes()), None);
        assert_eq!(Claim::decode(text.replace("+01", "+xx").as_bytes()), None);
    }

    /// M2
    #[test]
    fn what_an_unacked_claim_names_and_comes_redelivered_is_stored() {
        let mut memory = Memory::of(&claim(&[(1, true), (2, true)], false), true);
        assert_eq!(memory.judge(digest(1), true), Judgement::Known);
        assert_eq!(memory.rest(), [Stored { digest: digest(2), fresh: true }]);
        assert_eq!(memory.judge(digest(2), true), Judgement::Known);
        assert_eq!(memory.judge(digest(1), true), Judgement::New, "as often as it was claimed");
        assert!(memory.rest().is_empty());
    }

    /// M2
    #[test]
    fn a_message_that_nobody_had_before_is_new_however_it_looks() {
        let mut memory = Memory::of(&claim(&[(1, true)], false), true);
        assert_eq!(memory.judge(digest(1), false), Judgement::New);
    }

    /// M3
    #[test]
    fn without_a_proof_a_message_is_published_and_counted() {
        let doubtful = [
            Memory::of(&claim(&[(1, false)], true), true),
            Memory::of(&claim(&[(1, true)], false), false),
            Memory::of(&claim(&[(1, false)], false), true),
        ];
        for mut memory in doubtful {
            assert_eq!(memory.judge(digest(1), true), Judgement::MaybeDouble);
            assert_eq!(memory.judge(digest(1), true), Judgement::New);
        }
        let mut memory = Memory::of(&claim(&[(1, true), (2, true)], false), true);
        assert_eq!(memory.judge(digest(8), true), Judgement::New);
        assert_eq!(memory.judge(digest(9), false), Judgement::New);
        assert_eq!(memory.judge(digest(1), true), Judgement::MaybeDouble, "too late to be sure");
        assert_eq!(memory.rest(), [Stored { digest: digest(2), fresh: false }]);
        assert!(memory.waits());
    }

    #[test]
    fn a_side_name_fits_every_queue() {
        let long = "q".repeat(255);
        assert!(side_name(&long).len() < 64 && side_name(&long).starts_with(SIDE_PREFIX));
        assert_ne!(side_name("a"), side_name("b"));
    }
}
