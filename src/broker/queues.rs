//! Queue methods: the checks that are the broker's, then the cell.

use std::sync::Arc;

use super::exchanges::RESERVED_PREFIX;
use super::keeping::Keeper;
use super::notices::{Actor, Occurrence};
use super::policy::QueueEffective;
use super::unique::FromLog;
use super::vhost::{Resource, Vhost};
use super::{
    Cell, DeclareQueue, Peer, QueueInfo, Refused, arguments, keeping, refuse, server_names,
};
use crate::access::Action;
use crate::base::{QueueName, ReplyCode};

impl DeclareQueue {
    /// Whether the queue survives a restart. An exclusive one ends with its connection, whatever it is
    /// declared to be (rabbitmq: queues.md).
    pub(super) fn is_durable(&self) -> bool {
        self.durable && !self.exclusive
    }
}

/// What a declare came to.
#[derive(Clone)]
pub enum DeclaredQueue {
    /// A new queue: it has no messages and no consumers.
    New(Arc<Cell>),
    /// It was there; its counts have to be asked for.
    Existed(Arc<Cell>),
}

impl Vhost {
    /// `queue.declare`.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub(super) fn queue_declare(
        self: &Arc<Self>,
        peer: &Peer,
        declare: &DeclareQueue,
        keeper: &mut Keeper,
    ) -> Result<DeclaredQueue, Refused> {
        if declare.passive {
            return self.queue_declare_passive(peer, &declare.queue);
        }
        let name = if declare.queue.is_empty() {
            server_names::queue_name()?
        } else {
            declare.queue.clone()
        };
        // Also for a queue that is there: only a passive declare may name one of the server's.
        if !declare.queue.is_empty() && name.as_str().starts_with(RESERVED_PREFIX) {
            return refuse(
                ReplyCode::AccessRefused,
                format!("queue name '{name}' contains reserved prefix 'amq.*'"),
            );
        }
        self.permit(peer, Action::Configure, Resource::Queue(name.as_str()))?;
        self.common.churn.queues_declared.one_more();
        let found = self.table().queue(name.as_str()).cloned();
        if let Some(cell) = found {
            return self.queue_redeclare(peer, &cell, declare);
        }
        self.permit_dead_letter(peer, &name, declare)?;
        let declare = &*self.with_default_type(declare);
        arguments::check(&name, &self.name, declare)?;
        let info = QueueInfo {
            id: self.common.next_queue_id(),
            name: name.clone(),
            durable: declare.is_durable(),
            exclusive: declare.exclusive.then_some(peer.connection),
            auto_delete: declare.auto_delete,
            arguments: declare.arguments.clone(),
            number: self.common.next_queue_number(declare.durable && !declare.exclusive),
            delays: None,
        };
        let changes = keeping::put_queue(&self.name, &info);
        let policies = self.policies();
        let effective = QueueEffective::new(&policies, name.as_str(), &info.arguments);
        let vhost = Arc::downgrade(self);
        let cell = Cell::new(info, effective, vhost, Arc::clone(&self.common), FromLog::default());
        let added = self.change(|table| {
            self.check_alive()?;
            if table.queue(name.as_str()).is_none() {
                self.common.limits.check_queue(&self.name, &name, table.queue_count())?;
            }
            let added = table.add_queue(name.clone(), Arc::clone(&cell));
            if added {
                self.common.limits.queue_added();
                let (vhost, queue) = (&self.name, cell.info());
                self.common.tell(&Actor::peer(peer), || Occurrence::QueueCreated {
                    vhost: vhost.clone(),
                    queue: Box::new(queue.clone()),
                });
                keeper.keep(&self.common, changes);
            }
            Ok(added)
        })?;
        if added {
            self.common.churn.queues_created.one_more();
            if !Arc::ptr_eq(&policies, &self.policies()) {
                cell.apply_effective(|| self.queue_effective(&cell));
            }
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
        self.permit_passive(peer, Resource::Queue(name.as_str()))?;
        Ok(DeclaredQueue::Existed(self.cell_for(peer, name)?))
    }

    /// What a new queue dead-letters is read from it and written to the exchange. One that is there has its
    /// exchange already, and its declaration changes nothing.
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
        let declare = &*self.with_type_of(cell, declare);
        arguments::check_equivalent(info, &self.name, declare)?;
        Ok(DeclaredQueue::Existed(Arc::clone(cell)))
    }
}
