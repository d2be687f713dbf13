//! Exchange and binding methods: the checks that are the broker's, then the table.

use std::sync::Arc;

use super::history::Replay;
use super::keeping::Keeper;
use super::notices::{Actor, Asked, Occurrence};
use super::policy::QueueType;
use super::vhost::{Resource, Vhost};
use super::{Cell, DeclareExchange, Peer, Refused, direct_reply, keeping, refuse};
use crate::access::Action;
use crate::base::{ExchangeName, QueueName, ReplyCode};
use crate::routing::{
    Binding, Change, Declared, Destination, Exchange, ExchangeKind, RoutingError, Table,
};
use crate::store;

/// Names with this prefix are the server's.
pub(super) const RESERVED_PREFIX: &str = "amq.";

impl Vhost {
    /// `exchange.declare`.
    ///
    /// # Errors
    /// 403, 404, 406.
    pub(super) fn exchange_declare(
        self: &Arc<Self>,
        peer: &Peer,
        declare: DeclareExchange,
        keeper: &mut Keeper,
    ) -> Result<(), Refused> {
        let name = declare.exchange.clone();
        refuse_default(&name)?;
        if declare.passive {
            self.permit_passive(peer, Resource::Exchange(name.as_str()))?;
            return match self.table().exchange(name.as_str()) {
                Some(_) => Ok(()),
                None => refuse(ReplyCode::NotFound, self.no_exchange(name.as_str())),
            };
        }
        let kind = self.kind(&declare)?;
        self.permit(peer, Action::Configure, Resource::Exchange(name.as_str()))?;
        let may_pass_on = self.permit_alternate(peer, &declare);
        let exchange = Exchange {
            name,
            kind,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            arguments: declare.arguments,
        };
        self.change(|table| {
            self.check_alive()?;
            let name = exchange.name.as_str();
            if table.exchange(name).is_none() {
                if name.starts_with(RESERVED_PREFIX) {
                    return refuse(
                        ReplyCode::AccessRefused,
                        format!("exchange name '{name}' contains reserved prefix 'amq.*'"),
                    );
                }
                may_pass_on?;
            }
            let name = exchange.name.clone();
            let is_new = table.exchange(name.as_str()).is_none();
            if is_new {
                self.common.limits.check_exchange(&self.name, &name)?;
            }
            let changes = self.declare_in(table, exchange);
            keeper.keep(&self.common, changes.map_err(|error| self.refused(&name, &error))?);
            if is_new && let Some(exchange) = table.exchange(name.as_str()) {
                self.tell_exchange(&Actor::peer(peer), exchange);
            }
            Ok(())
        })
    }

    /// What a new exchange passes on to its alternate is read from it and written there. One that is there
    /// has its alternate already, and its declaration changes nothing: only of a new one is this asked, by
    /// the table that gets it.
    fn permit_alternate(&self, peer: &Peer, declare: &DeclareExchange) -> Result<(), Refused> {
        let alternate = declare.arguments.get(b"alternate-exchange");
        if let Some(alternate) = alternate.and_then(|value| value.as_text()) {
            self.permit(peer, Action::Read, Resource::Exchange(declare.exchange.as_str()))?;
            self.permit(peer, Action::Write, Resource::Exchange(alternate))?;
        }
        Ok(())
    }

    /// Declares an exchange with what stands behind it; gives what the definitions are to keep, which is
    /// nothing when it was there.
    ///
    /// # Errors
    /// [`RoutingError`] when it cannot be, or what is there says something else.
    pub(super) fn declare_in(
        self: &Arc<Self>,
        table: &mut Table<Arc<Cell>>,
        exchange: Exchange,
    ) -> Result<Vec<store::Change>, RoutingError> {
        let name = exchange.name.clone();
        let number = self.number_for_keys(table, &exchange);
        let is_new = exchange.delays() && table.exchange(name.as_str()).is_none();
        let delaying = is_new.then(|| self.delaying_cell(&exchange, None));
        let changes = keeping::put_exchange(&self.name, &exchange, number, delaying.as_deref());
        if table.declare_exchange(exchange)? != Declared::New {
            return Ok(Vec::new());
        }
        self.apply_effective(table, name.as_str());
        if let Some(exchange) = table.exchange(name.as_str()) {
            self.windows.add(exchange, number, None);
        }
        if let Some(cell) = delaying {
            table.set_delay_queue(name.as_str(), cell);
        }
        Ok(changes)
    }

    /// What the log will know the keys by that a new exchange remembers, when they are to be kept.
    fn number_for_keys(&self, table: &Table<Arc<Cell>>, exchange: &Exchange) -> Option<u64> {
        let is_new = table.exchange(exchange.name.as_str()).is_none();
        let is_kept = exchange.durable && exchange.deduplication()?.persistent;
        (is_new && is_kept).then(|| self.common.next_queue_number(true).0)
    }

    /// `exchange.delete`. A missing exchange is no error.
    ///
    /// # Errors
    /// 403, 406.
    pub(super) fn exchange_delete(
        &self,
        peer: &Peer,
        name: &ExchangeName,
        if_unused: bool,
        keeper: &mut Keeper,
    ) -> Result<(), Refused> {
        refuse_default(name)?;
        if name.as_str().starts_with(RESERVED_PREFIX) {
            return refuse(
                ReplyCode::AccessRefused,
                format!(
                    "deletion of system exchange '{name}' in vhost '{}' not allowed",
                    self.name
                ),
            );
        }
        self.permit(peer, Action::Configure, Resource::Exchange(name.as_str()))?;
        self.change(|table| {
            self.check_alive()?;
            let removed = table.delete_exchange(name.as_str(), if_unused);
            let removed = removed.map_err(|error| self.refused(name, &error))?;
            self.tell_removed(&removed, Some((&Actor::peer(peer), Asked::Exchange(name))));
            self.histories.forget(&self.common, &removed);
            self.windows.forget(&removed);
            keeper.keep(&self.common, keeping::delete(&self.name, &removed, None));
            Ok(())
        })
    }

    /// `queue.bind` and `exchange.bind`. Gives what the source remembers for a new binding.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub(super) fn bind(
        &self,
        peer: &Peer,
        binding: &Binding,
        keeper: &mut Keeper,
    ) -> Result<Replay, Refused> {
        self.check_binding(peer, binding)?;
        self.change(|table| {
            self.check_alive()?;
            let changes = keeping::put_binding(&self.name, table, binding);
            let bound = table.bind(binding.clone());
            if bound.map_err(|error| self.refused(&binding.source, &error))? == Change::Existed {
                return Ok(Vec::new());
            }
            // The binding by which somebody wants to hear of everything is the first thing that is told.
            self.note_wanted(table);
            self.common.tell(&Actor::peer(peer), || Occurrence::BindingCreated {
                vhost: self.name.clone(),
                binding: Box::new(binding.clone()),
            });
            keeper.keep(&self.common, changes);
            Ok(self.replay(table, binding))
        })
    }

    /// `queue.unbind` and `exchange.unbind`. A missing binding, queue or exchange is no error.
    ///
    /// # Errors
    /// 403, 405.
    pub(super) fn unbind(
        &self,
        peer: &Peer,
        binding: &Binding,
        keeper: &mut Keeper,
    ) -> Result<(), Refused> {
        let checked = self.check_binding(peer, binding).and_then(|()| {
            self.change(|table| {
                self.check_alive()?;
                let removed = table.unbind(binding);
                let removed = removed.map_err(|error| self.refused(&binding.source, &error))?;
                self.tell_removed(&removed, Some((&Actor::peer(peer), Asked::Binding(binding))));
                self.histories.forget(&self.common, &removed);
                self.windows.forget(&removed);
                keeper.keep(&self.common, keeping::delete(&self.name, &removed, None));
                Ok(())
            })
        });
        match checked {
            Err(refused) if refused.code == ReplyCode::NotFound => Ok(()),
            other => other,
        }
    }

    pub(super) fn no_exchange(&self, name: &str) -> String {
        format!("no exchange '{name}' in vhost '{}'", self.name)
    }

    pub(super) fn no_queue(&self, name: &str) -> String {
        format!("no queue '{name}' in vhost '{}'", self.name)
    }

    /// The cell of a queue that this peer may use.
    ///
    /// # Errors
    /// 404, and 405 for another connection's exclusive queue.
    pub(super) fn cell_for(&self, peer: &Peer, name: &QueueName) -> Result<Arc<Cell>, Refused> {
        let cell = self.table().queue(name.as_str()).cloned();
        match cell {
            None => refuse(ReplyCode::NotFound, self.no_queue(name.as_str())),
            Some(cell) => {
                self.check_owner(peer, &cell)?;
                Ok(cell)
            }
        }
    }

    pub(super) fn check_owner(&self, peer: &Peer, cell: &Cell) -> Result<(), Refused> {
        match cell.info().exclusive {
            Some(owner) if owner != peer.connection => {
                refuse(ReplyCode::ResourceLocked, self.locked(cell.info().name.as_str()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn locked(&self, name: &str) -> String {
        format!(
            "cannot obtain exclusive access to locked queue '{name}' in vhost '{}'. It could be \
             originally declared on another connection or the exclusive property value does not \
             match that of the original declaration.",
            self.name
        )
    }

    fn check_binding(&self, peer: &Peer, binding: &Binding) -> Result<(), Refused> {
        refuse_volatile(&binding.destination)?;
        match &binding.destination {
            Destination::Queue(queue) => {
                self.permit(peer, Action::Write, Resource::Queue(queue.as_str()))?;
            }
            Destination::Exchange(exchange) => {
                self.permit(peer, Action::Write, Resource::Exchange(exchange.as_str()))?;
                refuse_default(exchange)?;
            }
        }
        refuse_default(&binding.source)?;
        self.permit(peer, Action::Read, Resource::Exchange(binding.source.as_str()))?;
        let key = binding.routing_key.as_bytes();
        self.permit_topics(peer, Action::Read, binding.source.as_str(), &[key])?;
        // Of two things that are missing the source is named.
        let source = binding.source.as_str();
        if self.table().exchange(source).is_none() {
            return refuse(ReplyCode::NotFound, self.no_exchange(source));
        }
        if let Destination::Queue(queue) = &binding.destination {
            let cell = self.cell_for(peer, queue)?;
            self.check_local(source, &cell)?;
        }
        Ok(())
    }

    /// rabbitmq: a local random exchange finds no quorum queue, whose leader may be on another node.
    fn check_local(&self, source: &str, cell: &Cell) -> Result<(), Refused> {
        let kind = self.table().exchange(source).map(Exchange::routes_as);
        if kind == Some(ExchangeKind::LocalRandom)
            && cell.effective().queue_type == QueueType::Quorum
        {
            let text = "Queue type rabbit_quorum_queue not valid for this exchange type";
            return refuse(ReplyCode::PreconditionFailed, text);
        }
        Ok(())
    }

    fn kind(&self, declare: &DeclareExchange) -> Result<ExchangeKind, Refused> {
        ExchangeKind::parse(declare.kind.as_bytes())
            .map_err(|error| self.refused(&declare.exchange, &error))
    }

    /// The code and RabbitMQ's sentence; `exchange` is the one that was declared or is the source.
    fn refused(&self, exchange: &ExchangeName, error: &RoutingError) -> Refused {
        let vhost = &self.name;
        let code = match error {
            RoutingError::NoExchange(_) | RoutingError::NoQueue(_) => ReplyCode::NotFound,
            RoutingError::DefaultExchange => ReplyCode::AccessRefused,
            RoutingError::UnknownType(_)
            | RoutingError::Inequivalent { .. }
            | RoutingError::InvalidArgumentType { .. }
            | RoutingError::InUse(_)
            | RoutingError::InvalidXMatchValue(_)
            | RoutingError::InvalidXMatchType { .. }
            | RoutingError::WeightNoInteger(_)
            | RoutingError::WeightNotPositive
            | RoutingError::WeightTooLarge
            | RoutingError::UnsupportedProperty(_)
            | RoutingError::HeaderAndProperty
            | RoutingError::HistoryLength(_)
            | RoutingError::CacheSize
            | RoutingError::CacheTooLarge(_)
            | RoutingError::CacheTtl
            | RoutingError::CachePersistence
            | RoutingError::DelayedType
            | RoutingError::KeyNotPermitted(_)
            | RoutingError::NoDestination
            | RoutingError::TooManyBindings(_) => ReplyCode::PreconditionFailed,
        };
        let text = match &error {
            RoutingError::NoExchange(name) => self.no_exchange(name),
            RoutingError::NoQueue(name) => self.no_queue(name),
            RoutingError::InUse(name) => format!("exchange '{name}' in vhost '{vhost}' in use"),
            RoutingError::Inequivalent { argument, received, current } => format!(
                "inequivalent arg '{argument}' for exchange '{exchange}' in vhost '{vhost}': \
                 received {received} but current is {current}"
            ),
            RoutingError::InvalidArgumentType { argument, type_name } => format!(
                "invalid type '{type_name}' for arg '{argument}' in exchange '{exchange}' in \
                 vhost '{vhost}'"
            ),
            other => other.to_string(),
        };
        Refused { code, text }
    }
}

fn refuse_default(name: &ExchangeName) -> Result<(), Refused> {
    if name.is_empty() {
        return refuse(ReplyCode::AccessRefused, "operation not permitted on the default exchange");
    }
    Ok(())
}

/// There is no queue behind these names.
fn refuse_volatile(destination: &Destination) -> Result<(), Refused> {
    match destination {
        Destination::Queue(queue) if direct_reply::is_volatile(queue) => refuse(
            ReplyCode::AccessRefused,
            "cannot bind or unbind to a volatile (direct reply-to) queue",
        ),
        Destination::Queue(_) | Destination::Exchange(_) => Ok(()),
    }
}
