//! A test looks at what is in its broker. Nothing here changes anything, and nobody can tell that somebody looked.

use std::sync::Arc;

use super::broker::TestBroker;
use super::view::{
    BindingView, ConnectionView, ConsumerView, ExchangeView, MessageView, QueueView,
};
use crate::base::limits::{QUEUE_VIEW_BYTES_MAX, QUEUE_VIEW_MESSAGES_MAX};
use crate::base::{QueueName, VhostName};
use crate::broker::{Cell, Filter, PeekBounds, Place, Vhost};

impl TestBroker {
    /// A queue with its messages and consumers; `None` when it is not there.
    #[must_use]
    pub fn queue(&self, vhost: &str, name: &str) -> Option<QueueView> {
        self.cell(vhost, name).map(|cell| self.view(&cell))
    }

    /// How many messages wait in a queue; 0 when it is not there.
    #[must_use]
    pub fn ready(&self, vhost: &str, name: &str) -> u64 {
        self.cell(vhost, name).map_or(0, |cell| cell.report().ready)
    }

    /// How many messages of a queue were handed out and not acknowledged; 0 when it is not there.
    #[must_use]
    pub fn unacked(&self, vhost: &str, name: &str) -> u64 {
        self.cell(vhost, name).map_or(0, |cell| cell.report().unacknowledged)
    }

    /// The queues of a virtual host with their messages, in the order of their names.
    #[must_use]
    pub fn queues(&self, vhost: &str) -> Vec<QueueView> {
        let cells = self.host(vhost).map(|vhost| vhost.list_queues()).unwrap_or_default();
        let mut queues: Vec<_> = cells.iter().map(|cell| self.view(cell)).collect();
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        queues
    }

    /// The exchanges of a virtual host in the order of their names, those among them that are always there.
    #[must_use]
    pub fn exchanges(&self, vhost: &str) -> Vec<ExchangeView> {
        let exchanges = self.host(vhost).map(|vhost| vhost.list_exchanges()).unwrap_or_default();
        let mut exchanges: Vec<_> = exchanges.iter().map(ExchangeView::of).collect();
        exchanges.sort_by(|one, other| one.name.cmp(&other.name));
        exchanges
    }

    /// The bindings of a virtual host, without those of the default exchange, in the order of source, destination
    /// and key.
    #[must_use]
    pub fn bindings(&self, vhost: &str) -> Vec<BindingView> {
        let bindings = self.host(vhost).map(|vhost| vhost.list_bindings()).unwrap_or_default();
        let mut bindings: Vec<_> = bindings.iter().map(BindingView::of).collect();
        bindings.sort_by(|one, other| {
            let of = |binding: &BindingView| {
                let BindingView { source, destination, routing_key, .. } = binding;
                (source.clone(), destination.clone(), routing_key.clone())
            };
            of(one).cmp(&of(other))
        });
        bindings
    }

    /// The connections that have opened a virtual host, in the order in which they came.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionView> {
        self.broker().open_connections().iter().map(|info| ConnectionView::of(info)).collect()
    }

    /// The virtual hosts, in the order of their names.
    #[must_use]
    pub fn vhosts(&self) -> Vec<String> {
        self.broker().all_vhosts().iter().map(|vhost| vhost.name().to_string()).collect()
    }

    fn host(&self, name: &str) -> Option<Arc<Vhost>> {
        self.broker().vhost(&VhostName::try_from(name).ok()?)
    }

    fn cell(&self, vhost: &str, name: &str) -> Option<Arc<Cell>> {
        self.host(vhost)?.queue_of(&QueueName::try_from(name).ok()?)
    }

    fn view(&self, cell: &Arc<Cell>) -> QueueView {
        let bounds = PeekBounds {
            shown: QUEUE_VIEW_MESSAGES_MAX,
            looked_at: QUEUE_VIEW_MESSAGES_MAX,
            bytes: QUEUE_VIEW_BYTES_MAX,
        };
        let now = self.broker().clock().now();
        // What cannot be read from disk is not shown, and the numbers show that it is there.
        let peeked = cell.peek(Place::HEAD, &Filter::default(), bounds).unwrap_or_default();
        let held = cell.holdings(QUEUE_VIEW_MESSAGES_MAX).holders;
        let mut held: Vec<_> = held.into_iter().flat_map(|holding| holding.messages).collect();
        held.sort_by_key(|one| one.id);
        let held = held.iter().filter_map(|one| {
            let message = one.message.as_ref()?;
            Some(MessageView::of(message, one.acquired_count > 0, None))
        });
        let (info, report) = (cell.info(), cell.report());
        let connection = |id| self.broker().open_connection(id).map(|info| info.name());
        QueueView {
            name: info.name.to_string(),
            durable: info.durable,
            exclusive: info.exclusive.is_some(),
            auto_delete: info.auto_delete,
            arguments: info.arguments.clone(),
            ready: report.ready,
            unacked: report.unacknowledged,
            consumers: report.consumers.iter().map(|c| ConsumerView::of(c, connection)).collect(),
            messages: peeked.messages.iter().map(|one| MessageView::waiting(one, now)).collect(),
            unacked_messages: held.take(QUEUE_VIEW_MESSAGES_MAX).collect(),
        }
    }
}
