//! Things of a virtual host as the definitions have them, and back.

use super::QueueInfo;
use super::policy::{Policy, PolicyError, PolicyKind};
use crate::base::{ExchangeName, FieldValue, NameError, QueueName, VhostName};
use crate::routing::{Binding, Destination, Exchange, ExchangeKind, RoutingError};
use crate::store::{self, Change, DestinationKind};

/// Without what the message log knows of it.
pub(super) fn exchange(vhost: &VhostName, exchange: &Exchange) -> store::Exchange {
    store::Exchange {
        vhost: vhost.clone(),
        name: exchange.name.clone(),
        kind: exchange.kind.as_str().to_owned(),
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        internal: exchange.internal,
        arguments: exchange.arguments.clone(),
        number: None,
        delay_queue: None,
    }
}

pub(super) fn queue(vhost: &VhostName, info: &QueueInfo) -> store::Queue {
    store::Queue {
        vhost: vhost.clone(),
        name: info.name.clone(),
        durable: info.durable,
        auto_delete: info.auto_delete,
        arguments: info.arguments.clone(),
        number: info.number.0,
    }
}

pub(super) fn binding(vhost: &VhostName, binding: &Binding) -> store::Binding {
    let (destination, destination_type) = match &binding.destination {
        Destination::Queue(name) => (name.to_string(), DestinationKind::Queue),
        Destination::Exchange(name) => (name.to_string(), DestinationKind::Exchange),
    };
    store::Binding {
        vhost: vhost.clone(),
        source: binding.source.clone(),
        destination,
        destination_type,
        routing_key: binding.routing_key.clone(),
        arguments: binding.arguments.clone(),
    }
}

pub(super) fn put_policy(vhost: &VhostName, kind: PolicyKind, policy: &Policy) -> Change {
    let record = store::Policy {
        vhost: vhost.clone(),
        name: policy.name.clone(),
        pattern: policy.pattern.as_str().to_owned(),
        apply_to: policy.apply_to.as_str().to_owned(),
        priority: policy.priority,
        definition: policy.definition.settings().clone(),
    };
    match kind {
        PolicyKind::User => Change::PutPolicy(record),
        PolicyKind::Operator => Change::PutOperatorPolicy(store::OperatorPolicy(record)),
    }
}

/// # Errors
/// [`RoutingError::UnknownType`].
pub(super) fn to_exchange(record: &store::Exchange) -> Result<Exchange, RoutingError> {
    Ok(Exchange {
        name: record.name.clone(),
        kind: ExchangeKind::parse(record.kind.as_bytes())?,
        durable: record.durable,
        auto_delete: record.auto_delete,
        internal: record.internal,
        arguments: record.arguments.clone(),
    })
}

/// # Errors
/// [`NameError`] of the destination.
pub(super) fn to_binding(record: &store::Binding) -> Result<Binding, NameError> {
    let name = record.destination.as_bytes();
    let destination = match record.destination_type {
        DestinationKind::Queue => Destination::Queue(QueueName::parse(name)?),
        DestinationKind::Exchange => Destination::Exchange(ExchangeName::parse(name)?),
    };
    Ok(Binding {
        source: record.source.clone(),
        destination,
        routing_key: record.routing_key.clone(),
        arguments: record.arguments.clone(),
    })
}

/// # Errors
/// [`PolicyError`].
pub(super) fn to_policy(kind: PolicyKind, record: &store::Policy) -> Result<Policy, PolicyError> {
    let definition = FieldValue::Table(record.definition.clone());
    let (pattern, apply_to) = (&record.pattern, &record.apply_to);
    let value = Policy::table(pattern, apply_to, record.priority, definition);
    Policy::parse(kind, record.name.clone(), &value)
}
