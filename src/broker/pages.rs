//! How the messages of a long queue leave RAM and come back: what the driver does of `queue::paging`.
//!
//! The log keeps an index of everything that was appended and is not settled, so what is away needs no
//! list of its own: the oldest that are away are the first that the index has from an id on.

use std::sync::Arc;

use super::payload::Payload;
use crate::base::MessageId;
use crate::base::limits::{PAGE_IN_BYTES_MAX, QUEUE_BODY_BYTES_MAX};
use crate::queue::{Machine, Paged, Span};
use crate::store::{
    IndexEntry, LogError, MessageLog, Position, QueueNumber, RecoveredQueue, Stored,
};

/// What a queue keeps about a message besides the message itself, in bytes.
pub(super) const ENTRY_BYTES: u64 = 64;

/// What the log has of a queue from before, as the machine wants to hear it.
pub(super) fn away(recovered: &RecoveredQueue) -> Option<Span> {
    (recovered.messages > 0).then(|| Span {
        first: MessageId(1),
        last: MessageId(recovered.next_id.0.saturating_sub(1)),
        messages: recovered.messages,
        bytes: recovered.bytes + recovered.messages * ENTRY_BYTES,
        appended: recovered.messages,
    })
}

/// The log has written these messages: their handles learn where they lie, and their bytes leave RAM
/// when the queue holds enough of them.
pub(super) fn exchange(
    machine: &mut Machine<Payload>,
    ids: &[MessageId],
    positions: &[Option<Position>],
) {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return };
    let keep = machine.ram_bytes() <= QUEUE_BODY_BYTES_MAX;
    machine.exchange(*first, *last, |id, payload| {
        let place = ids.binary_search(&id).ok();
        match place.and_then(|place| positions.get(place).copied().flatten()) {
            Some(position) => payload.written(position, keep),
            None => payload.residence(),
        }
    });
}

/// Messages were handed out: whoever holds them has their bytes, so the queue lets its own go when it
/// holds many. A consumer that settles nothing then costs places and not bodies.
pub(super) fn cool(machine: &mut Machine<Payload>, handed_out: Option<(MessageId, MessageId)>) {
    if let Some((first, last)) = handed_out
        && machine.ram_bytes() > QUEUE_BODY_BYTES_MAX
    {
        machine.exchange(first, last, |_, payload| payload.cool());
    }
}

/// The oldest `count` messages that are away, from the log's index, with bodies as far as they fit.
pub(super) fn read_page(
    log: &Arc<dyn MessageLog>,
    queue: QueueNumber,
    from: MessageId,
    count: u32,
) -> Result<Vec<Paged<Payload>>, LogError> {
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let mut entries: Vec<IndexEntry> = Vec::with_capacity(wanted);
    let mut next = from;
    while entries.len() < wanted {
        let more = log.entries(queue, next, wanted - entries.len())?;
        let Some(last) = more.last() else { return Err(LogError::Gone { queue, id: next }) };
        next = last.id.next();
        entries.extend(more);
    }
    let warm = warm_count(&entries);
    let stored: Vec<Stored> = entries
        .iter()
        .take(warm)
        .map(|entry| Stored { queue, id: entry.id, position: entry.position })
        .collect();
    let mut bodies = log.read_many(&stored).into_iter();
    let page = entries.iter().map(|entry| {
        // A body that cannot be read now is tried again when it is handed out, and named then.
        let message = bodies.next().and_then(Result::ok);
        let payload = Payload::stored(entry.position, message);
        Paged {
            id: entry.id,
            residence: payload.residence(),
            payload,
            bytes: entry.bytes + ENTRY_BYTES,
            delivery_count: u32::from(entry.deliveries),
            appended: true,
            expires: None,
            priority: 0,
            due: None,
        }
    });
    Ok(page.collect())
}

fn warm_count(entries: &[IndexEntry]) -> usize {
    let mut room = PAGE_IN_BYTES_MAX;
    entries
        .iter()
        .take_while(|entry| {
            let fits = entry.bytes <= room;
            room = room.saturating_sub(entry.bytes);
            fits
        })
        .count()
}
