//! What the walks of ARCHITECTURE §3 allocate, pinned: a rise is noticed here, and the table of
//! `docs/performance.md` ("Counts") is brought up to date with it.
//!
//! The counts are the same on every machine and with every load. `allocation_counter` counts per
//! thread, so other tests of this program do not disturb.

#[path = "../benches/counts/allocations.rs"]
mod allocations;
#[path = "../benches/walk/mod.rs"]
pub(crate) mod walk;

use allocations::allocated;
use walk::walks::{Stage, WALKS};

/// A read of 64 KiB has about so many publishes of 16 bytes.
const READ: usize = 900;

/// Allocations and bytes per message that a stage may have, at most.
type Bound = (&'static str, Stage, usize, f64, f64);

/// A rise above these is a change to think about; after a fall they are to be lowered.
const BOUNDS: &[Bound] = &[
    ("auto-ack", Stage::Publish, 1, 3.0, 344.0),
    ("auto-ack", Stage::Deliver, 1, 0.0, 0.0),
    ("auto-ack", Stage::Publish, READ, 1.01, 153.0),
    ("auto-ack", Stage::Deliver, READ, 0.0, 0.0),
    ("confirms", Stage::Publish, 1, 3.0, 344.0),
    ("confirms", Stage::Deliver, 1, 0.0, 0.0),
    ("confirms", Stage::Publish, READ, 1.01, 153.0),
    ("confirms", Stage::Deliver, READ, 0.0, 0.0),
    ("acks", Stage::Publish, 1, 3.0, 344.0),
    ("acks", Stage::Deliver, 1, 0.0, 0.0),
    ("acks", Stage::Ack, 1, 1.0, 16.0),
    ("acks", Stage::Publish, READ, 1.01, 153.0),
    ("acks", Stage::Deliver, READ, 0.0, 0.0),
    ("acks", Stage::Ack, READ, 0.01, 1.0),
    ("fanout to 10", Stage::Publish, 1, 12.0, 1224.0),
    ("fanout to 10", Stage::Deliver, 1, 0.0, 0.0),
    ("fanout to 10", Stage::Publish, READ, 1.02, 1040.0),
    ("fanout to 10", Stage::Deliver, READ, 0.01, 530.0),
];

#[test]
fn the_walks_allocate_no_more_than_they_did() {
    let mut findings = Vec::new();
    let mut checked = 0;
    for walk in WALKS {
        for batch in [1, READ] {
            for counted in allocated(walk, 16, batch) {
                let bound = BOUNDS.iter().find(|(name, stage, at, ..)| {
                    (*name, *stage, *at) == (walk.name, counted.stage, batch)
                });
                let Some((.., allocations, bytes)) = bound else {
                    findings.push(format!("{}, {batch}: {counted:?} has no bound", walk.name));
                    continue;
                };
                checked += 1;
                if counted.allocations > *allocations || counted.bytes > *bytes {
                    findings.push(format!(
                        "{}, {batch} at a time: {counted:?}, and at most {allocations} allocations of \
                         {bytes} bytes per message are expected",
                        walk.name
                    ));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(checked, BOUNDS.len(), "every bound belongs to a stage");
}
