//! One thing of the definitions as the object that a document has for it, and what it is found by.

use serde_json::{Map, Value, json};

use super::Section;
use super::parse_objects::{OPERATOR_POLICY, VHOST_LIMITS};
use super::value::{from_bytes, from_table, from_value};
use crate::store::{self, Change, Definitions, DestinationKind};

/// What a thing is found by: its section and the names in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Identity {
    pub(super) section: Section,
    /// The virtual host first, where there is one.
    pub(super) names: Vec<String>,
}

/// A thing as a document has it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Thing {
    pub(super) identity: Identity,
    /// Its virtual host, for everything that is in one; not that of a virtual host itself.
    pub(super) vhost: Option<String>,
    /// Its user, for everything that goes with one.
    pub(super) user: Option<String>,
    /// For people: its name, or what says which it is.
    pub(super) name: String,
    /// The object.
    pub(super) object: Map<String, Value>,
}

impl Thing {
    fn new(section: Section, names: &[&str], object: Value) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let identity = Identity { section, names };
        let object = match object {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let (vhost, user) = (text("vhost"), text("user"));
        Self {
            name: identity.names.last().cloned().unwrap_or_default(),
            identity,
            vhost,
            user,
            object,
        }
    }

    fn called(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    /// What a change puts or takes limits of; `None` for everything that takes away.
    pub(super) fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::PutVhost(record) => vhost(record),
            Change::PutUser(record) => user(record),
            Change::PutUserLimits(record) => {
                let limits = pairs_of_user(record);
                let object = json!({ "user": record.user.as_str(), "limits": object_of(&limits) });
                Self::new(Section::UserLimits, &[record.user.as_str()], object)
            }
            Change::PutPermission(record) => permission(record),
            Change::PutTopicPermission(record) => topic_permission(record),
            Change::PutVhostLimits(record) => {
                let value = object_of(&pairs_of_vhost(record));
                let vhost = record.vhost.as_str();
                let object = json!({
                    "vhost": vhost, "component": VHOST_LIMITS, "name": "limits", "value": value,
                });
                Self::new(Section::VhostLimits, &[vhost], object)
            }
            Change::PutParameter(record) => parameter(record),
            Change::PutGlobalParameter(record) => {
                let name = record.name.as_str();
                let object = json!({ "name": name, "value": from_value(&record.value) });
                Self::new(Section::GlobalParameter, &[name], object)
            }
            Change::PutOperatorPolicy(store::OperatorPolicy(record)) => operator_policy(record),
            Change::PutPolicy(record) => policy(record),
            Change::PutExchange(record) => exchange(record),
            Change::PutQueue(record) => queue(record),
            Change::PutBinding(record) => binding(record),
            _ => return None,
        })
    }
}

/// Everything of the definitions, as what would put it.
pub(super) fn all(definitions: &Definitions) -> Vec<Change> {
    let Definitions {
        vhosts,
        users,
        permissions,
        exchanges,
        queues,
        bindings,
        policies,
        operator_policies,
        parameters,
        global_parameters,
        vhost_limits,
        user_limits,
        topic_permissions,
        ..
    } = definitions.clone();
    let mut all: Vec<Change> = vhosts.into_values().map(Change::PutVhost).collect();
    all.extend(users.into_values().map(Change::PutUser));
    all.extend(user_limits.into_values().map(Change::PutUserLimits));
    all.extend(permissions.into_values().map(Change::PutPermission));
    all.extend(topic_permissions.into_values().map(Change::PutTopicPermission));
    all.extend(vhost_limits.into_values().map(Change::PutVhostLimits));
    all.extend(parameters.into_values().map(Change::PutParameter));
    all.extend(global_parameters.into_values().map(Change::PutGlobalParameter));
    all.extend(operator_policies.into_values().map(Change::PutOperatorPolicy));
    all.extend(policies.into_values().map(Change::PutPolicy));
    all.extend(exchanges.into_values().map(Change::PutExchange));
    all.extend(queues.into_values().map(Change::PutQueue));
    all.extend(bindings.into_values().map(Change::PutBinding));
    all
}

/// A limit and its name.
pub(super) type Pair = (&'static str, i64);

pub(super) fn pairs_of_vhost(record: &store::VhostLimits) -> Vec<Pair> {
    let pairs = [("max-connections", record.max_connections), ("max-queues", record.max_queues)];
    pairs.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect()
}

pub(super) fn pairs_of_user(record: &store::UserLimits) -> Vec<Pair> {
    let pairs =
        [("max-channels", record.max_channels), ("max-connections", record.max_connections)];
    pairs.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect()
}

pub(super) fn object_of(pairs: &[Pair]) -> Value {
    pairs
        .iter()
        .map(|(name, limit)| ((*name).to_owned(), json!(limit)))
        .collect::<Map<_, _>>()
        .into()
}

fn vhost(record: &store::Vhost) -> Thing {
    let tags = &record.tags;
    let mut metadata = json!({ "description": record.description, "tags": tags });
    let mut object = json!({
        "name": record.name.as_str(),
        "description": record.description,
        "tags": tags,
    });
    if let Some(queue_type) = &record.default_queue_type {
        metadata["default_queue_type"] = json!(queue_type);
        object["default_queue_type"] = json!(queue_type);
    }
    if record.protected_from_deletion {
        metadata["protected_from_deletion"] = json!(true);
    }
    if record.tracing {
        object["tracing"] = json!(true);
    }
    object["metadata"] = metadata;
    Thing::new(Section::Vhost, &[record.name.as_str()], object)
}

fn user(record: &store::User) -> Thing {
    let object = json!({
        "name": record.name.as_str(),
        "password_hash": record.password_hash.as_deref().unwrap_or_default(),
        "hashing_algorithm": record.hashing_algorithm,
        "tags": record.tags,
    });
    Thing::new(Section::User, &[record.name.as_str()], object)
}

fn permission(record: &store::Permission) -> Thing {
    let (vhost, user) = (record.vhost.as_str(), record.user.as_str());
    let store::Permission { configure, write, read, .. } = record;
    let object = json!({
        "vhost": vhost, "user": user, "configure": configure, "write": write, "read": read,
    });
    Thing::new(Section::Permission, &[vhost, user], object)
}

fn topic_permission(record: &store::TopicPermission) -> Thing {
    let (vhost, user) = (record.vhost.as_str(), record.user.as_str());
    let exchange = record.exchange.as_str();
    let store::TopicPermission { write, read, .. } = record;
    let object = json!({
        "vhost": vhost, "user": user, "exchange": exchange, "write": write, "read": read,
    });
    let name = format!("{user} on exchange {exchange}");
    Thing::new(Section::TopicPermission, &[vhost, user, exchange], object).called(name)
}

fn parameter(record: &store::Parameter) -> Thing {
    let (vhost, component) = (record.vhost.as_str(), record.component.as_str());
    let name = record.name.as_str();
    let value = from_value(&record.value);
    let object = json!({ "vhost": vhost, "component": component, "name": name, "value": value });
    Thing::new(Section::Parameter, &[vhost, component, name], object)
        .called(format!("{component}/{name}"))
}

fn operator_policy(record: &store::Policy) -> Thing {
    let (vhost, name) = (record.vhost.as_str(), record.name.as_str());
    let object = json!({
        "vhost": vhost,
        "component": OPERATOR_POLICY,
        "name": name,
        "value": {
            "pattern": record.pattern,
            "apply-to": record.apply_to,
            "priority": record.priority,
            "definition": from_table(&record.definition),
        },
    });
    Thing::new(Section::OperatorPolicy, &[vhost, name], object)
}

fn policy(record: &store::Policy) -> Thing {
    let (vhost, name) = (record.vhost.as_str(), record.name.as_str());
    let object = json!({
        "vhost": vhost,
        "name": name,
        "pattern": record.pattern,
        "apply-to": record.apply_to,
        "priority": record.priority,
        "definition": from_table(&record.definition),
    });
    Thing::new(Section::Policy, &[vhost, name], object)
}

fn exchange(record: &store::Exchange) -> Thing {
    let (vhost, name) = (record.vhost.as_str(), record.name.as_str());
    let object = json!({
        "vhost": vhost,
        "name": name,
        "type": record.kind,
        "durable": record.durable,
        "auto_delete": record.auto_delete,
        "internal": record.internal,
        "arguments": from_table(&record.arguments),
    });
    Thing::new(Section::Exchange, &[vhost, name], object)
}

fn queue(record: &store::Queue) -> Thing {
    let (vhost, name) = (record.vhost.as_str(), record.name.as_str());
    let queue_type = record.arguments.get(b"x-queue-type").and_then(|value| value.as_text());
    let object = json!({
        "vhost": vhost,
        "name": name,
        "type": queue_type.unwrap_or("classic"),
        "durable": record.durable,
        "auto_delete": record.auto_delete,
        "arguments": from_table(&record.arguments),
    });
    Thing::new(Section::Queue, &[vhost, name], object)
}

fn binding(record: &store::Binding) -> Thing {
    let store::Binding { vhost, source, destination, destination_type, .. } = record;
    let (vhost, source) = (vhost.as_str(), source.as_str());
    let to = match destination_type {
        DestinationKind::Queue => "queue",
        DestinationKind::Exchange => "exchange",
    };
    let key = from_bytes(record.routing_key.as_bytes());
    let arguments = from_table(&record.arguments);
    let shown = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    let mut name = format!("{source} -> {to} {destination} by {shown:?}");
    if !record.arguments.is_empty() {
        name = format!("{name} {arguments}");
    }
    let names = [vhost, source, to, destination, &key.to_string(), &arguments.to_string()];
    let object = json!({
        "vhost": vhost,
        "source": source,
        "destination": destination,
        "destination_type": to,
        "routing_key": key,
        "arguments": arguments,
    });
    Thing::new(Section::Binding, &names, object).called(name)
}
