//! What a test has ordered to go wrong (docs/testing-faults.md): who looks for a cause wants to know of it first.

use super::finding::Finding;
use super::words::count;

/// A fault that is ordered, and that the queue or the connection can meet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultFacts {
    /// Its number, by which it is withdrawn.
    pub id: u64,
    /// Its kind, as it is written.
    pub kind: &'static str,
    /// What it does, as a part of a sentence: `confirms do not come`.
    pub does: &'static str,
    /// How often it has struck, here or elsewhere.
    pub hits: u64,
    /// What clients are told, of one that holds publishers back.
    pub blocks: Option<String>,
}

/// One finding for each; `is_blocked` when publishing is held back just now.
pub(super) fn explain(faults: &[FaultFacts], is_blocked: bool, findings: &mut Vec<Finding>) {
    findings.extend(faults.iter().map(|fault| one(fault, is_blocked)));
}

fn one(fault: &FaultFacts, is_blocked: bool) -> Finding {
    let FaultFacts { id, kind, does, hits, blocks } = fault;
    let name = format!("fault {id} ({kind}), which a test has ordered");
    let fix = format!("withdraw it: DELETE /api/haremq/test/faults/{id}");
    match blocks {
        Some(reason) if is_blocked => {
            let cause = format!("publishing is blocked by {name}: clients are told '{reason}'");
            Finding::critical("fault", cause, fix)
        }
        Some(reason) => {
            let cause =
                format!("whoever publishes is blocked by {name}: clients are told '{reason}'");
            Finding::warning("fault", cause, fix)
        }
        None if *hits > 0 => {
            let cause = format!("{does} by {name}: it has struck {}", count(*hits, "time"));
            Finding::warning("fault", cause, fix)
        }
        None => Finding::info("fault", format!("{name}, has not struck yet: {does}"), fix),
    }
}
