//! Occurrences as messages: routing keys and headers are those of RabbitMQ's event exchange.
//!
//! What RabbitMQ prints as Erlang terms stands here as what it is: arguments and client properties are
//! tables, addresses are texts.

use super::occurrence::{Occurrence, PasswordChange};
use super::{Told, objects};
use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::broker::policy::PolicyKind;
use crate::broker::{UserLimits, VhostLimits};
use crate::store;

/// Routing key and headers of one message.
pub(super) type EventMessage = (&'static str, Vec<(&'static str, FieldValue)>);

/// The component that limits of virtual hosts are parameters of.
const VHOST_LIMITS: &str = "vhost-limits";

/// The name of limits as parameters.
const LIMITS: &str = "limits";

impl Told {
    /// The messages that tell it, in their order; none for what only the audit tells.
    pub(super) fn messages(&self, node: &str) -> Vec<(&'static str, FieldTable)> {
        let by = self.by.user().as_str();
        let mut messages = Vec::new();
        objects::tell(&self.what, node, &mut messages);
        tell(&self.what, node, &mut messages);
        let finish = |(key, mut headers): EventMessage| {
            if names_its_actor(&self.what) {
                headers.push(("user_who_performed_action", text(by)));
            }
            headers.push(("timestamp_in_ms", integer(self.at_ms)));
            (key, table(headers))
        };
        messages.into_iter().map(finish).collect()
    }
}

/// rabbitmq: of what nobody did, nobody is named.
fn names_its_actor(what: &Occurrence) -> bool {
    !matches!(
        what,
        Occurrence::ConnectionClosed(_)
            | Occurrence::LoggedIn(_)
            | Occurrence::LoginRefused { .. }
            | Occurrence::Alarm { .. }
    )
}

fn tell(what: &Occurrence, node: &str, out: &mut Vec<EventMessage>) {
    match what {
        Occurrence::UserPut { user, tags, password, new } => {
            let name = || ("name", text(user.as_str()));
            let change = match password {
                _ if *new => Some("user.created"),
                PasswordChange::Set => Some("user.password.changed"),
                PasswordChange::Cleared => Some("user.password.cleared"),
                PasswordChange::Kept => None,
            };
            out.extend(change.map(|key| (key, vec![name()])));
            let tags = tags.as_ref().map(|tags| ("tags", texts(tags)));
            out.extend(tags.map(|tags| ("user.tags.set", vec![name(), tags])));
        }
        Occurrence::UserDeleted(user) => {
            out.push(("user.deleted", vec![("name", text(user.as_str()))]));
        }
        Occurrence::UserLimitsSet { user, limits } => {
            let mut headers = vec![("name", text(LIMITS)), ("username", text(user.as_str()))];
            let set = user_limits(limits);
            let key = if set.is_empty() { "user.limits.cleared" } else { "user.limits.set" };
            headers.extend(set);
            out.push((key, headers));
        }
        Occurrence::VhostPut { record, new } => {
            let key = if *new { "vhost.created" } else { "vhost.updated" };
            out.push((key, vhost(record, node)));
        }
        Occurrence::VhostDeleted(name) => {
            out.push(("vhost.deleted", vec![("name", text(name.as_str()))]));
        }
        Occurrence::Alarm { source, on } => {
            let key = if *on { "alarm.set" } else { "alarm.cleared" };
            out.push((key, vec![("source", text(source)), ("node", text(node))]));
        }
        other => {
            permissions(other, out);
            parameters(other, out);
        }
    }
}

fn permissions(what: &Occurrence, out: &mut Vec<EventMessage>) {
    let whose = |user: &str, vhost: &str| vec![("user", text(user)), ("vhost", text(vhost))];
    match what {
        Occurrence::PermissionSet(record) => {
            let mut headers = whose(record.user.as_str(), record.vhost.as_str());
            headers.push(("configure", text(&record.configure)));
            headers.push(("write", text(&record.write)));
            headers.push(("read", text(&record.read)));
            out.push(("permission.created", headers));
        }
        Occurrence::PermissionCleared { user, vhost, .. } => {
            out.push(("permission.deleted", whose(user.as_str(), vhost.as_str())));
        }
        Occurrence::TopicPermissionSet(record) => {
            let mut headers = whose(record.user.as_str(), record.vhost.as_str());
            headers.push(("exchange", text(record.exchange.as_str())));
            headers.push(("write", text(&record.write)));
            headers.push(("read", text(&record.read)));
            out.push(("topic.permission.created", headers));
        }
        Occurrence::TopicPermissionCleared { user, vhost, exchange, .. } => {
            let mut headers = whose(user.as_str(), vhost.as_str());
            headers.push(("exchange", text(exchange.as_str())));
            out.push(("topic.permission.deleted", headers));
        }
        _ => {}
    }
}

fn parameters(what: &Occurrence, out: &mut Vec<EventMessage>) {
    match what {
        Occurrence::ParameterSet(record) => {
            let store::Parameter { vhost, component, name, value } = &**record;
            let mut headers = parameter(vhost.as_str(), component.as_str(), name.as_str());
            headers.push(("value", value.clone()));
            out.push(("parameter.set", headers));
        }
        Occurrence::ParameterCleared { vhost, component, name, .. } => {
            let headers = parameter(vhost.as_str(), component.as_str(), name.as_str());
            out.push(("parameter.cleared", headers));
        }
        Occurrence::GlobalParameterSet(record) => {
            let component = ("component", text("global"));
            let name = ("name", text(record.name.as_str()));
            let value = ("value", record.value.clone());
            out.push(("parameter.set", vec![component, name, value]));
        }
        Occurrence::GlobalParameterCleared(name) => {
            let component = ("component", text("global"));
            out.push(("parameter.cleared", vec![component, ("name", text(name.as_str()))]));
        }
        Occurrence::VhostLimitsSet { vhost, limits } => {
            let set = vhost_limits(limits);
            let mut of_parameter = parameter(vhost.as_str(), VHOST_LIMITS, LIMITS);
            let mut own = vec![("name", text(LIMITS)), ("vhost", text(vhost.as_str()))];
            if set.is_empty() {
                out.push(("parameter.cleared", of_parameter));
                out.push(("vhost.limits.cleared", own));
            } else {
                own.extend(set.iter().cloned());
                of_parameter.push(("value", FieldValue::Table(table(set))));
                out.push(("parameter.set", of_parameter));
                out.push(("vhost.limits.set", own));
            }
        }
        other => policies(other, out),
    }
}

fn policies(what: &Occurrence, out: &mut Vec<EventMessage>) {
    match what {
        Occurrence::PolicySet { kind, record } => {
            let says = vec![
                ("pattern", text(&record.pattern)),
                ("definition", FieldValue::Table(record.definition.clone())),
                ("priority", FieldValue::I64(record.priority)),
                ("apply-to", text(&record.apply_to)),
            ];
            if *kind == PolicyKind::Operator {
                let (vhost, name) = (record.vhost.as_str(), record.name.as_str());
                let mut headers = parameter(vhost, "operator_policy", name);
                headers.push(("value", FieldValue::Table(table(says.clone()))));
                out.push(("parameter.set", headers));
            }
            let (name, vhost) = (text(record.name.as_str()), text(record.vhost.as_str()));
            let mut headers = vec![("name", name), ("vhost", vhost)];
            headers.extend(says);
            out.push(("policy.set", headers));
        }
        Occurrence::PolicyCleared { kind, vhost, name } => {
            let (vhost, name) = (vhost.as_str(), name.as_str());
            let headers = vec![("name", text(name)), ("vhost", text(vhost))];
            if *kind == PolicyKind::Operator {
                out.push(("parameter.cleared", parameter(vhost, "operator_policy", name)));
                out.push(("operator.policy.cleared", headers));
            } else {
                out.push(("policy.cleared", headers));
            }
        }
        _ => {}
    }
}

fn parameter(vhost: &str, component: &str, name: &str) -> Vec<(&'static str, FieldValue)> {
    vec![("vhost", text(vhost)), ("component", text(component)), ("name", text(name))]
}

fn vhost(record: &store::Vhost, node: &str) -> Vec<(&'static str, FieldValue)> {
    let queue_type = text(record.default_queue_type.as_deref().unwrap_or("undefined"));
    let state = ShortStr::try_from(node).map(|node| (node, text("running")));
    vec![
        ("name", text(record.name.as_str())),
        ("description", text(&record.description)),
        ("tags", texts(&record.tags)),
        ("default_queue_type", queue_type.clone()),
        (
            "metadata",
            FieldValue::Table(table(vec![
                ("description", text(&record.description)),
                ("tags", texts(&record.tags)),
                ("default_queue_type", queue_type),
            ])),
        ),
        ("tracing", FieldValue::Boolean(record.tracing)),
        ("cluster_state", FieldValue::Table(state.into_iter().collect())),
    ]
}

fn vhost_limits(limits: &VhostLimits) -> Vec<(&'static str, FieldValue)> {
    present([("max-connections", limits.max_connections), ("max-queues", limits.max_queues)])
}

fn user_limits(limits: &UserLimits) -> Vec<(&'static str, FieldValue)> {
    present([("max-connections", limits.max_connections), ("max-channels", limits.max_channels)])
}

fn present(limits: [(&'static str, Option<usize>); 2]) -> Vec<(&'static str, FieldValue)> {
    let set = limits.into_iter().filter_map(|(name, limit)| Some((name, limit?)));
    set.map(|(name, limit)| (name, integer(limit as u64))).collect()
}

pub(super) fn text(text: &str) -> FieldValue {
    FieldValue::text(text)
}

pub(super) fn texts<T: AsRef<str>>(all: &[T]) -> FieldValue {
    FieldValue::Array(all.iter().map(|one| text(one.as_ref())).collect())
}

/// What RabbitMQ sends as a number of 64 bits.
pub(super) fn integer(number: impl Into<u64>) -> FieldValue {
    FieldValue::I64(i64::try_from(number.into()).unwrap_or(i64::MAX))
}

pub(super) fn table(entries: Vec<(&'static str, FieldValue)>) -> FieldTable {
    let named = entries.into_iter().map(|(name, value)| {
        (ShortStr::try_from(name).expect("the names of headers are short"), value)
    });
    named.collect()
}
