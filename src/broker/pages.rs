//! How the messages of a long queue leave RAM and come back: what the driver does of `queue::paging`.
//!
//! The log keeps an index of everything that was appended and is not settled, so what is away needs no
//! list of its own: the oldest that are away are the first that the index has from an id on.

use std::sync::Arc;

use super::payload::{Payload, Unneeded};
use crate::base::limits::{
    PAGE_IN_BODY_BYTES_MAX, PAGE_IN_BYTES_MAX, PAGE_IN_PAUSE_MAX_MS, PAGE_IN_PAUSE_MIN_MS,
    PAGING_WINDOW_MESSAGES, QUEUE_BODY_BYTES_MAX,
};
use crate::base::{Clock, Message, MessageId, Millis};
use crate::queue::{Machine, Paged, Paging, Span};
use crate::store::{
    IndexEntry, LogError, MessageLog, Position, QueueNumber, RecoveredQueue, Stored,
};

/// How much of a long queue stays in RAM.
pub(super) const PAGING: Paging =
    Paging { window: PAGING_WINDOW_MESSAGES, window_bytes: PAGE_IN_BYTES_MAX, piece: 1024 };

/// What a message costs in RAM besides its content, in bytes: its head and counters, the allocator's
/// share, and its place in the queue. With less than that, small messages outgrow the watermark.
pub(super) const ENTRY_BYTES: u64 = 104;

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
    unneeded: &mut Unneeded,
) {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return };
    let keep = machine.ram_bytes() <= QUEUE_BODY_BYTES_MAX;
    machine.exchange(*first, *last, |id, payload| {
        let place = ids.binary_search(&id).ok();
        match place.and_then(|place| positions.get(place).copied().flatten()) {
            Some(position) => payload.written(position, keep, unneeded),
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

/// A question for messages that are away, on its way to a thread that may block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageQuestion {
    /// What the machine wants: from which id on, how many, and none beyond this one.
    from: MessageId,
    count: u32,
    up_to: MessageId,
    /// How often it failed so far.
    failures: u32,
    /// Whether they are delayed: then the log says when they are due, and their bodies stay where they
    /// are until then.
    delayed: bool,
}

/// What the log has for a question.
pub(super) struct Page {
    pub(super) messages: Vec<Paged<Payload>>,
    pub(super) more: bool,
    /// The damaged ones among them, and what is wrong with each.
    pub(super) damaged: Vec<(MessageId, LogError)>,
}

impl PageQuestion {
    pub(super) fn new(from: MessageId, count: u32, up_to: MessageId, delayed: bool) -> Self {
        Self { from, count, up_to, failures: 0, delayed }
    }

    pub(super) fn from(self) -> MessageId {
        self.from
    }

    pub(super) fn failures(self) -> u32 {
        self.failures
    }

    /// To be asked again, after so many milliseconds.
    pub(super) fn again(self) -> (Self, u64) {
        let doubled = PAGE_IN_PAUSE_MIN_MS.checked_shl(self.failures);
        let pause_ms = doubled.unwrap_or(u64::MAX).min(PAGE_IN_PAUSE_MAX_MS);
        (Self { failures: self.failures.saturating_add(1), ..self }, pause_ms)
    }

    /// Reads the oldest messages from an id on: their places from the log's index, and small bodies
    /// along with them. Blocks.
    ///
    /// # Errors
    /// When the index cannot be read, or bodies cannot; the latter for a few times only, because one bad
    /// place on the disk must not hold up what is beside it.
    pub(super) fn read(
        self,
        log: &Arc<dyn MessageLog>,
        queue: QueueNumber,
        clock: &dyn Clock,
    ) -> Result<Page, LogError> {
        let (now, unix_ms) = (clock.now(), clock.unix_ms());
        let wanted = usize::try_from(self.count).unwrap_or(usize::MAX);
        // One more than wanted says whether there is more.
        let mut entries = log.entries(queue, self.from, wanted.saturating_add(1))?;
        // What is younger is not away, and may not even be in the file yet.
        entries.truncate(entries.partition_point(|entry| entry.id <= self.up_to));
        let fitting = if self.delayed { entries.len() } else { fitting(&entries) }.min(wanted);
        let more = fitting < entries.len();
        entries.truncate(fitting);
        let bytes_max = if self.delayed { 0 } else { PAGE_IN_BODY_BYTES_MAX };
        let comes_along = |entry: &IndexEntry| entry.bytes <= bytes_max;
        let along = entries.iter().filter(|entry| comes_along(entry));
        let stored = |entry: &IndexEntry| Stored { queue, id: entry.id, position: entry.position };
        let along: Vec<Stored> = along.map(stored).collect();
        let mut bodies = log.read_many(&along).into_iter();
        let mut page = Page { messages: Vec::with_capacity(fitting), more, damaged: Vec::new() };
        for entry in entries {
            let body = if comes_along(&entry) { bodies.next() } else { None };
            let (message, damaged) = match body {
                None => (None, false),
                Some(Ok(message)) => (Some(message), false),
                Some(Err(error @ LogError::Damaged(_))) => {
                    page.damaged.push((entry.id, error));
                    (None, true)
                }
                // It was settled since, with all that is away: nobody waits for this page any more.
                Some(Err(LogError::Gone { .. })) => (None, false),
                Some(Err(error)) if self.failures < BODY_FAILURES_MAX => return Err(error),
                // Whoever is given it tries once more, and names it.
                Some(Err(_)) => (None, false),
            };
            let at = entry.expires_unix_ms.map(|at| moment(at, now, unix_ms));
            let (expires, due) = if self.delayed { (None, at.or(Some(now))) } else { (at, None) };
            page.messages.push(Paged { damaged, expires, due, ..paged(&entry, message) });
        }
        Ok(page)
    }
}

/// How often a page waits for its bodies.
const BODY_FAILURES_MAX: u32 = 8;

/// A moment of the world on the clock of this process, which says `now` at `unix_ms`.
pub(super) fn moment(at_unix_ms: u64, now: Millis, unix_ms: u64) -> Millis {
    let past = unix_ms.saturating_sub(at_unix_ms);
    Millis(now.0.saturating_sub(past)).after(at_unix_ms.saturating_sub(unix_ms))
}

fn paged(entry: &IndexEntry, message: Option<Message>) -> Paged<Payload> {
    let payload = Payload::stored(entry.position, message);
    Paged {
        id: entry.id,
        residence: payload.residence(),
        payload,
        bytes: entry.bytes + ENTRY_BYTES,
        acquired_count: entry.deliveries,
        delivery_count: entry.failures.into(),
        appended: true,
        damaged: false,
        expires: None,
        priority: entry.priority,
        due: None,
    }
}

/// How many of these come at once: as many as have bodies that fit, and one at least.
fn fitting(entries: &[IndexEntry]) -> usize {
    let mut room = PAGE_IN_BYTES_MAX;
    let along = |bytes: u64| if bytes <= PAGE_IN_BODY_BYTES_MAX { bytes } else { 0 };
    let fits = |entry: &&IndexEntry| {
        let fits = along(entry.bytes) <= room;
        room = room.saturating_sub(along(entry.bytes));
        fits
    };
    entries.iter().take_while(fits).count()
}
