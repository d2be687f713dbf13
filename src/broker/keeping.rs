//! Which changes of a virtual host the definitions keep, and who is told when they are on disk.
//!
//! Only what is durable is kept: durable exchanges, durable queues that are not exclusive, bindings
//! between the two (rabbitmq: bindings of durable to durable only). Changes are handed in while the
//! vhost's table is locked, so that the disk sees them in the order of the table.

use std::sync::Arc;

use super::broker::Common;
use super::{Cell, Event, Inbox, QueueInfo, records};
use crate::base::VhostName;
use crate::queue::RequestId;
use crate::routing::{Binding, Crowd, Destination, Exchange, Removed, Table};
use crate::store::{self, BindingsOf, Change, DestinationKind, Done};

/// Somebody who waits until a change is on disk.
pub(super) struct Keeper {
    request: RequestId,
    inbox: Arc<Inbox>,
    waits: bool,
}

impl Keeper {
    pub(super) fn new(request: RequestId, inbox: Arc<Inbox>) -> Self {
        Self { request, inbox, waits: false }
    }

    /// The question that [`Event::Stored`] will answer, when something was handed in.
    pub(super) fn request(&self) -> Option<RequestId> {
        self.waits.then_some(self.request)
    }

    /// Hands changes in.
    pub(super) fn keep(&mut self, common: &Common, changes: Vec<Change>) {
        let Some(metadata) = &common.metadata else { return };
        if changes.is_empty() {
            return;
        }
        self.waits = true;
        let (request, inbox) = (self.request, Arc::clone(&self.inbox));
        metadata.apply(
            changes,
            Box::new(move |result| {
                let error = result.err().map(|error| error.to_string());
                inbox.push([Event::Stored { request, error }]);
            }),
        );
    }
}

/// Hands changes in that no [`Keeper`] waits for. `done` is told when they are on disk, or why not; at
/// once when there is nothing to be stored.
pub(super) fn keep(
    common: &Common,
    changes: Vec<Change>,
    done: impl FnOnce(Result<(), String>) + Send + 'static,
) {
    match &common.metadata {
        Some(metadata) if !changes.is_empty() => metadata.apply(
            changes,
            Box::new(move |result| done(result.map_err(|error| error.to_string()))),
        ),
        _ => done(Ok(())),
    }
}

/// Hands changes in and lets somebody know who is no connection.
pub(super) fn keep_and_tell(common: &Common, changes: Vec<Change>, done: Done) {
    match &common.metadata {
        Some(metadata) if !changes.is_empty() => metadata.apply(changes, done),
        _ => done(Ok(())),
    }
}

/// An exchange, the number of the keys that it remembers, and the cell in which it delays messages, if it
/// has either.
pub(super) fn put_exchange(
    vhost: &VhostName,
    exchange: &Exchange,
    number: Option<u64>,
    delaying: Option<&Cell>,
) -> Vec<Change> {
    if !exchange.durable {
        return Vec::new();
    }
    vec![Change::PutExchange(store::Exchange {
        number,
        delay_queue: delaying.map(|cell| cell.info().number.0),
        ..records::exchange(vhost, exchange)
    })]
}

pub(super) fn put_queue(vhost: &VhostName, info: &QueueInfo) -> Vec<Change> {
    if !info.is_stored() {
        return Vec::new();
    }
    vec![Change::PutQueue(records::queue(vhost, info))]
}

/// A binding that was added, when both its ends are kept.
pub(super) fn put_binding(
    vhost: &VhostName,
    table: &Table<Arc<Cell>>,
    binding: &Binding,
) -> Vec<Change> {
    let source = table.exchange(binding.source.as_str()).is_some_and(|exchange| exchange.durable);
    let destination = match &binding.destination {
        Destination::Queue(name) => {
            table.queue(name.as_str()).is_some_and(|cell| cell.info().is_stored())
        }
        Destination::Exchange(name) => {
            table.exchange(name.as_str()).is_some_and(|exchange| exchange.durable)
        }
    };
    if source && destination {
        vec![Change::PutBinding(records::binding(vhost, binding))]
    } else {
        Vec::new()
    }
}

/// Bindings that are not listed, when any of them may be kept.
fn crowd_of(
    vhost: &VhostName,
    removed: &Removed,
    queue: Option<&QueueInfo>,
    crowd: &Crowd,
) -> Option<Change> {
    let (kind, name, is_kept) = match &crowd.end {
        Destination::Queue(name) => {
            (DestinationKind::Queue, name.as_str(), queue.is_some_and(|info| info.name == *name))
        }
        Destination::Exchange(name) => {
            let is_it = |exchange: &&Exchange| exchange.name == *name;
            let exchange = removed.exchanges.iter().find(is_it);
            let is_kept = exchange.is_some_and(|exchange| exchange.durable);
            (DestinationKind::Exchange, name.as_str(), is_kept)
        }
    };
    let of = BindingsOf { vhost: vhost.clone(), kind, name: name.to_owned() };
    is_kept.then_some(Change::DeleteBindingsOf(of))
}

/// Everything that went. Taking away what is not kept changes nothing.
pub(super) fn delete(
    vhost: &VhostName,
    removed: &Removed,
    queue: Option<&QueueInfo>,
) -> Vec<Change> {
    let kept = queue.filter(|info| info.is_stored());
    let queues =
        kept.map(|info| Change::DeleteQueue { vhost: vhost.clone(), name: info.name.clone() });
    let exchanges = removed.exchanges.iter().filter(|exchange| exchange.durable).map(|exchange| {
        Change::DeleteExchange { vhost: vhost.clone(), name: exchange.name.clone() }
    });
    // Bindings of a queue that is not kept are not kept either.
    let of_kept = |binding: &&Binding| match &binding.destination {
        Destination::Queue(name) => queue.is_none_or(|info| info.name != *name || info.is_stored()),
        Destination::Exchange(_) => true,
    };
    let bindings = removed
        .bindings
        .iter()
        .filter(of_kept)
        .map(|binding| Change::DeleteBinding(records::binding(vhost, binding)));
    let crowds = removed.crowds.iter().filter_map(|crowd| crowd_of(vhost, removed, kept, crowd));
    queues.into_iter().chain(exchanges).chain(bindings).chain(crowds).collect()
}
