//! What a turn of a queue leaves to be done after its core was let go, because it needs more than leaves
//! of the order of locks (C4).

use std::sync::Arc;

use super::courier::Letter;
use super::pages::PageQuestion;
use super::payload::Unneeded;
use super::{DeliveryEvent, Event, Inbox};
use crate::queue::{Reply, RequestId};

/// What is done after the core was let go (C4).
#[derive(Default)]
pub(super) struct After {
    /// The queue is gone: the vhost and the definitions are to forget it, before anybody hears of it.
    pub(super) deleted: bool,
    /// Answers that must not be heard before that.
    pub(super) answers: Vec<WaitingAnswer>,
    /// Bytes of the queue in RAM before the turn.
    pub(super) bytes_before: u64,
    /// And after it.
    pub(super) bytes_in_ram: u64,
    /// Messages to be brought back from the log.
    pub(super) page_in: Option<PageQuestion>,
    /// Messages to be sent to the dead-letter exchange.
    pub(super) dead_letters: Vec<Letter>,
    /// Messages that the machine missed in what came back.
    pub(super) lost: u64,
    /// Messages whose bytes the log has, so the queue lets them go.
    pub(super) unneeded: Unneeded,
    /// Messages that an exchange delayed, and that went with it.
    pub(super) dropped: u64,
}

/// An answer that waits for a deletion.
pub(super) struct WaitingAnswer {
    pub(super) inbox: Arc<Inbox>,
    pub(super) request: RequestId,
    pub(super) reply: Reply<DeliveryEvent>,
}

/// Gives answers that waited for a deletion: what they say, or why the deletion was not stored.
pub(super) fn tell(answers: Vec<WaitingAnswer>, stored: &Result<(), String>) {
    for WaitingAnswer { inbox, request, reply } in answers {
        inbox.push([match stored {
            Ok(()) => Event::Reply { request, reply: Box::new(reply) },
            Err(error) => Event::Stored { request, error: Some(error.clone()) },
        }]);
    }
}
