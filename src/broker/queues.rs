//! Queue methods: the checks that are the broker's, then the cell.

use std::sync::Arc;

use super::exchanges::RESERVED_PREFIX;
use super::vhost::{Resource, Vhost};
use super::{Cell, Peer, QueueInfo, Refused, arguments, refuse, server_names};
use crate::access::Action;
use crate::base::limits::UNSETTLED_PER_CONSUMER_MAX;
use crate::base::{ConsumerId, FieldTable, HolderId, QueueName, ReplyCode};
use crate::queue::{Access, Acknowledge, Consumer, LogMode, QueueConfig};

/// Arguments of `queue.declare` without `nowait`.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct DeclareQueue {
    /// Empty: the server makes a name.
    pub queue: QueueName,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// For this connection only.
    pub exclusive: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// The `x-…` arguments.
    pub arguments: FieldTable,
}

/// What a declare came to.
#[derive(Clone)]
pub enum DeclaredQueue {
    /// A new queue: it has no messages and no consumers.
    New(Arc<Cell>),
    /// It was there; its counts have to be asked for.
    Existed(Arc<Cell>),
}

/// What decides how a consumer is attached.
#[derive(Clone, Copy, Debug)]
pub struct Consume {
    /// Deliveries need no ack.
    pub no_ack: bool,
    /// Wants to be alone.
    pub exclusive: bool,
    /// 0: no limit.
    pub prefetch: u16,
}

impl Consume {
    /// The machine's side of the consumer.
    #[must_use]
    pub fn consumer(self, id: ConsumerId, holder: HolderId) -> Consumer {
        let acknowledge = if self.no_ack {
            Acknowledge::Automatic
        } else {
            let prefetch = match self.prefetch {
                0 => UNSETTLED_PER_CONSUMER_MAX,
                limit => u32::from(limit),
            };
            Acknowledge::Manual { prefetch, shared: true }
        };
        let access = if self.exclusive { Access::Exclusive } else { Access::Shared };
        Consumer { id, holder, acknowledge, access }
    }
}

impl Vhost {
    /// `queue.declare`.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub fn queue_declare(
        self: &Arc<Self>,
        peer: &Peer,
        declare: &DeclareQueue,
    ) -> Result<DeclaredQueue, Refused> {
        if declare.passive {
            return self.queue_declare_passive(peer, &declare.queue);
        }
        let name = if declare.queue.is_empty() {
            server_names::queue_name()?
        } else {
            declare.queue.clone()
        };
        self.permit(peer, Action::Configure, Resource::Queue(name.as_str()))?;
        self.permit_dead_letter(peer, &name, declare)?;
        let found = self.table().queue(name.as_str()).cloned();
        if let Some(cell) = found {
            return self.queue_redeclare(peer, &cell, declare);
        }
        if !declare.queue.is_empty() && name.as_str().starts_with(RESERVED_PREFIX) {
            return refuse(
                ReplyCode::AccessRefused,
                format!("queue name '{name}' contains reserved prefix 'amq.*'"),
            );
        }
        arguments::check(&name, &self.name, declare)?;
        let auto_delete = declare.auto_delete;
        let config = QueueConfig { log: LogMode::Volatile, auto_delete, paging: None };
        let info = QueueInfo {
            id: self.common.next_queue_id(),
            name: name.clone(),
            durable: declare.durable,
            exclusive: declare.exclusive.then_some(peer.connection),
            auto_delete: declare.auto_delete,
            arguments: declare.arguments.clone(),
        };
        let cell = Cell::new(info, config, Arc::downgrade(self), Arc::clone(&self.common));
        let added = self.change(|table| table.add_queue(name.clone(), Arc::clone(&cell)));
        if added {
            return Ok(DeclaredQueue::New(cell));
        }
        // Somebody else declared it between the look and the change; now it is there.
        let found = self.table().queue(name.as_str()).cloned();
        match found {
            Some(cell) => self.queue_redeclare(peer, &cell, declare),
            None => refuse(ReplyCode::NotFound, self.no_queue(name.as_str())),
        }
    }

    /// The queue for `basic.consume` and `basic.get`.
    ///
    /// # Errors
    /// 403, 404, 405.
    pub fn queue_to_read(&self, peer: &Peer, name: &QueueName) -> Result<Arc<Cell>, Refused> {
        self.permit(peer, Action::Read, Resource::Queue(name.as_str()))?;
        self.cell_for(peer, name)
    }

    /// The queue for `queue.delete`; `None` when there is none, which is no error.
    ///
    /// # Errors
    /// 403, 405.
    pub fn queue_to_delete(
        &self,
        peer: &Peer,
        name: &QueueName,
    ) -> Result<Option<Arc<Cell>>, Refused> {
        self.permit(peer, Action::Configure, Resource::Queue(name.as_str()))?;
        let found = self.table().queue(name.as_str()).cloned();
        if let Some(cell) = &found {
            self.check_owner(peer, cell)?;
        }
        Ok(found)
    }

    fn queue_declare_passive(
        &self,
        peer: &Peer,
        name: &QueueName,
    ) -> Result<DeclaredQueue, Refused> {
        self.permit_passive(peer, name)?;
        Ok(DeclaredQueue::Existed(self.cell_for(peer, name)?))
    }

    /// Any one permission is enough to ask; the refusal names `configure` (rabbitmq: access-control.md).
    fn permit_passive(&self, peer: &Peer, name: &QueueName) -> Result<(), Refused> {
        let resource = Resource::Queue(name.as_str());
        let any = [Action::Read, Action::Write]
            .into_iter()
            .any(|action| self.permit(peer, action, resource).is_ok());
        if any { Ok(()) } else { self.permit(peer, Action::Configure, resource) }
    }

    fn permit_dead_letter(
        &self,
        peer: &Peer,
        name: &QueueName,
        declare: &DeclareQueue,
    ) -> Result<(), Refused> {
        let exchange = declare.arguments.get(b"x-dead-letter-exchange");
        if let Some(exchange) = exchange.and_then(|value| value.as_text()) {
            self.permit(peer, Action::Read, Resource::Queue(name.as_str()))?;
            self.permit(peer, Action::Write, Resource::Exchange(exchange))?;
        }
        Ok(())
    }

    fn queue_redeclare(
        &self,
        peer: &Peer,
        cell: &Arc<Cell>,
        declare: &DeclareQueue,
    ) -> Result<DeclaredQueue, Refused> {
        self.check_owner(peer, cell)?;
        let info = cell.info();
        if info.exclusive.is_some() != declare.exclusive {
            return refuse(ReplyCode::ResourceLocked, self.locked(info.name.as_str()));
        }
        arguments::check_equivalent(info, &self.name, declare)?;
        Ok(DeclaredQueue::Existed(Arc::clone(cell)))
    }
}
