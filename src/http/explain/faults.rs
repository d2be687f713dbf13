//! The faults that a test has ordered, as explanations want to know them.

use crate::base::{QueueName, VhostName};
use crate::broker::{ConnectionInfo, FaultKind, OrderedFault};
use crate::explain::FaultFacts;
use crate::http::call::Call;

/// Those that a connection can meet.
pub(super) fn of_connection(call: &Call, connection: &ConnectionInfo) -> Vec<FaultFacts> {
    call.broker().faults().that_meet_connection(connection).iter().map(facts).collect()
}

/// Those that messages of a queue can meet.
pub(super) fn of_queue(call: &Call, vhost: &VhostName, queue: &QueueName) -> Vec<FaultFacts> {
    call.broker().faults().that_meet_queue(vhost, queue).iter().map(facts).collect()
}

fn facts(ordered: &OrderedFault) -> FaultFacts {
    let kind = &ordered.fault.kind;
    let blocks = match kind {
        FaultKind::Block { reason } => Some(reason.clone()),
        _ => None,
    };
    let (id, kind, does) = (ordered.id.0, kind.name(), does(kind));
    FaultFacts { id, kind, does, hits: ordered.hits, blocks }
}

fn does(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::ConfirmDelay { .. } => "confirms are held back",
        FaultKind::ConfirmDrop => "confirms do not come",
        FaultKind::Nack => "publishes are refused with basic.nack",
        FaultKind::ChannelClose { .. } => "channels are closed",
        FaultKind::ConnectionClose { .. } => "connections are closed",
        FaultKind::Cut { .. } => "connections are cut",
        FaultKind::Block { .. } => "publishers are blocked",
        FaultKind::Redeliver => "what consumers held was given back",
        FaultKind::Duplicate => "messages are delivered twice",
        FaultKind::SlowDisk { .. } => "the message log is made to wait before it writes",
    }
}
