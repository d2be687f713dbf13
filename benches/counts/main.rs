//! Counts per message along the walks of ARCHITECTURE §3: allocations, and bytes allocated, at two batch
//! sizes. No time is measured, so the figures are the same on every machine.
//!
//! `tests/counts.rs` pins them. Locks are counted by reading and atomic operations by valgrind: see
//! `docs/performance.md`, "Counts".

mod allocations;
#[path = "../walk/mod.rs"]
mod walk;

use allocations::allocated;
use walk::walks::WALKS;

/// A read of 64 KiB has about so many publishes of 16 bytes.
const READ: usize = 900;

fn main() {
    // `cargo test` only wants to see that everything runs.
    let batches: &[usize] =
        if std::env::args().any(|argument| argument == "--bench") { &[1, READ] } else { &[2] };
    let mut table = vec![row("walk", "stage", "batch", "allocations/message", "bytes/message")];
    for walk in WALKS {
        for batch in batches {
            for counted in allocated(walk, 16, *batch) {
                table.push(row(
                    walk.name,
                    &format!("{:?}", counted.stage).to_lowercase(),
                    &batch.to_string(),
                    &format!("{:.3}", counted.allocations),
                    &format!("{:.1}", counted.bytes),
                ));
            }
        }
    }
    print(&table);
}

fn row(walk: &str, stage: &str, batch: &str, allocations: &str, bytes: &str) -> String {
    format!("{walk:<14} {stage:<9} {batch:>5} {allocations:>20} {bytes:>14}")
}

#[expect(clippy::print_stdout, reason = "a benchmark talks to whoever runs it")]
fn print(table: &[String]) {
    for row in table {
        println!("{row}");
    }
}
